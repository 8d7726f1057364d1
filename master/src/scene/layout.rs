//! Where each file lies in the bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use td_protocol::bundle::{MAX_FILES, is_safe_path};
use td_protocol::hash::ContentHash;

use super::assets::{Assets, Placed};
use super::error::SceneError;
use super::names::{Place, folders_passed};
use super::note::Note;
use super::resolve::{Found, PlaceKind};

impl Assets {
    pub(super) fn place(&mut self, place: Place, path: &Path, named: &str) -> Result<(), SceneError> {
        if !place.parts.iter().all(|part| is_safe_path(part)) || !is_safe_path(&place.parts.join("/")) {
            return Err(SceneError::BadName { name: place.parts.join("/") });
        }
        if let Some(known) = self.placed.get(&place) {
            let same = known.path.canonicalize().ok() == path.canonicalize().ok();
            if !same {
                let (taken, left) = (known.path.clone(), path.to_owned());
                self.notes.insert(Note::SamePlace { name: place.parts.join("/"), taken, left });
            }
            return Ok(());
        }
        if let Some(taken) = self.in_the_way(&place) {
            self.notes.insert(Note::SamePlace { name: place.parts.join("/"), taken, left: path.to_owned() });
            return Ok(());
        }
        let (hash, size) = self.hasher.hash(path).map_err(|error| error.named_at(named))?;
        self.by_hash.insert(hash, place.clone());
        self.placed.insert(place, Placed { path: path.to_owned(), hash, size, bytes: None });
        if self.placed.len() > MAX_FILES {
            return Err(SceneError::TooMany { count: self.placed.len() });
        }
        Ok(())
    }

    /// A file that lies where `place` needs a folder, or below `place` itself.
    fn in_the_way(&self, place: &Place) -> Option<PathBuf> {
        let above = (1..place.parts.len())
            .find_map(|n| self.placed.get(&Place { up: place.up, parts: place.parts[..n].to_vec() }));
        let below = || {
            let next = self.placed.range(place.clone()..).find(|(other, _)| *other != place)?;
            (next.0.up == place.up && next.0.parts.starts_with(&place.parts)).then_some(next.1)
        };
        above.or_else(below).map(|placed| placed.path.clone())
    }

    /// Makes the folders exist that a name passes through (`a/../b`), each by an empty file in it.
    pub(super) fn hold_open(&mut self, name: &str) {
        for folder in folders_passed(name) {
            let Some(place) = Place::of(&format!("{folder}/.td-keep")).map(|place| self.reduced(place)) else {
                continue;
            };
            let empty =
                Placed { path: PathBuf::new(), hash: ContentHash::of(b""), size: 0, bytes: Some(Arc::from([])) };
            if self.in_the_way(&place).is_none() {
                self.by_hash.insert(empty.hash, place.clone());
                self.placed.entry(place).or_insert(empty);
            }
        }
    }

    /// `../scenes/a.inc` named from the folder `scenes` is `a.inc`.
    pub(super) fn reduced(&self, mut place: Place) -> Place {
        while place.up > 0 && place.up <= self.folder_parts.len() && place.parts.len() > 1 {
            if self.folder_parts[self.folder_parts.len() - place.up] != place.parts[0] {
                break;
            }
            place.parts.remove(0);
            place.up -= 1;
        }
        place
    }

    pub(super) fn note_others(&mut self, found: &Found) {
        let Ok((taken, _)) = self.hasher.hash(&found.path) else {
            return;
        };
        let hasher = &mut self.hasher;
        let others: Vec<PathBuf> = found
            .others
            .iter()
            .filter(|path| hasher.hash(path).is_ok_and(|(hash, _)| hash != taken))
            .cloned()
            .collect();
        if others.is_empty() {
            return;
        }
        let (name, taken) = (found.name.clone(), found.path.clone());
        self.notes.insert(if found.place == PlaceKind::Standard {
            Note::StandardTaken { name, taken, others }
        } else {
            Note::SeveralFiles { name, taken, others }
        });
    }

    pub(super) fn note_unreadable(&mut self, path: &Path, named: &str, error: &SceneError) {
        let reason = match error {
            SceneError::Unreadable { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        self.notes.insert(Note::Unreadable { path: path.to_owned(), named: named.to_owned(), reason });
    }
}

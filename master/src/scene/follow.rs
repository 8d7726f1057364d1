//! Follows the names in a scene's texts, from text to text.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use td_protocol::hash::ContentHash;

use super::absolute::{Replacement, rewrite};
use super::assets::{Assets, MissingName, Placed, Queued, SceneText};
use super::class::Code;
use super::error::SceneError;
use super::files::read_text;
use super::names::{FileKind, Place, is_text_name};
use super::references::{self, Reference};
use super::resolve::{Found, PlaceKind};
use super::standard;

impl Assets {
    /// Reads the texts that wait, until none is left.
    pub(super) fn read_queued(&mut self) -> Result<(), SceneError> {
        while let Some(next) = self.queue.pop_front() {
            let real = next.path.canonicalize().unwrap_or_else(|_| next.path.clone());
            if let Some(known) = self.texts.get_mut(&real) {
                known.by_trial |= next.by_trial;
                // The same text in a second place: its copy there is the same too.
                self.copy_rewritten(&real, next.place);
                continue;
            }
            let text = match read_text(&next.path) {
                Ok(text) => text,
                Err(error @ SceneError::TooLarge { .. }) => {
                    self.note_unreadable(&next.path, &next.name, &error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let code = Code::of(&text);
            let standard = next.standard;
            let entry = SceneText { name: next.name.clone(), standard, by_trial: next.by_trial, code };
            self.texts.insert(real, entry);
            let replacements = self.follow(&next, &text)?;
            if let (Some(place), false) = (next.place, replacements.is_empty()) {
                let bytes: Arc<[u8]> = rewrite(&text, &replacements).into();
                if let Some(placed) = self.placed.get_mut(&place) {
                    placed.hash = ContentHash::of(&bytes);
                    self.by_hash.insert(placed.hash, place);
                    placed.size = bytes.len() as u64;
                    placed.bytes = Some(bytes);
                }
            }
        }
        Ok(())
    }

    fn copy_rewritten(&mut self, real: &Path, place: Option<Place>) {
        let same =
            |placed: &&Placed| placed.bytes.is_some() && placed.path.canonicalize().is_ok_and(|path| path == real);
        let rewritten = self.placed.values().find(same).cloned();
        if let (Some(place), Some(rewritten)) = (place, rewritten) {
            self.placed.insert(place, rewritten);
        }
    }

    /// Takes every file that a text names.
    fn follow(&mut self, of: &Queued, text: &[u8]) -> Result<Vec<Replacement>, SceneError> {
        let mut replacements = Vec::new();
        for reference in references::find(text) {
            // POV-Ray's own includes are full of strings; only what they certainly read counts.
            if of.standard && !reference.certain {
                continue;
            }
            let named = format!("{}:{}", of.name, reference.line);
            if reference.name.starts_with('/') {
                replacements.extend(self.follow_absolute(text, &reference, &named)?);
                continue;
            }
            let Some(found) = self.search.find(&reference.name, reference.kind) else {
                if reference.certain && !of.standard && !standard::is_known(&reference.name) {
                    self.missing.insert(MissingName { name: reference.name, named });
                }
                continue;
            };
            if reference.kind == FileKind::Include {
                let real = found.path.canonicalize().unwrap_or_else(|_| found.path.clone());
                self.includes.insert(reference.name.clone(), real);
            }
            self.hold_open(&found.name);
            let kind = if is_text_name(&found.name) { FileKind::Include } else { reference.kind };
            // Where a string only may be an include's name, POV-Ray may read it or not.
            self.take(found, kind, &named, reference.kind != FileKind::Include)?;
        }
        Ok(replacements)
    }

    fn follow_absolute(
        &mut self,
        text: &[u8],
        reference: &Reference,
        named: &str,
    ) -> Result<Option<Replacement>, SceneError> {
        let path = PathBuf::from(&reference.name);
        if let Some(mut found) = self.search.find(&reference.name, reference.kind) {
            let Some((folder, name)) = found.name.rsplit_once('/') else {
                return Ok(None);
            };
            let folder = if folder.is_empty() { "/" } else { folder };
            let mapped = self.absolute.mapped(Path::new(folder));
            found.name = format!("{mapped}/{name}");
            if reference.kind == FileKind::Include {
                let real = found.path.canonicalize().unwrap_or_else(|_| found.path.clone());
                self.includes.insert(reference.name.clone(), real);
            }
            let kind = if is_text_name(&found.name) { FileKind::Include } else { reference.kind };
            self.take(found, kind, named, reference.kind != FileKind::Include)?;
            return Ok(Some(Replacement::of_folder(text, reference, &mapped)));
        }
        // A folder to which the scene adds names; `/` and `/tmp` are more likely just strings.
        let depth = reference.name.split('/').filter(|part| !part.is_empty()).count();
        if reference.kind == FileKind::Exact && depth >= 2 && path.is_dir() {
            let mapped = self.absolute.mapped(&path);
            let slash = if reference.name.ends_with('/') { "/" } else { "" };
            return Ok(Some(Replacement::of_whole(reference, &format!("{mapped}{slash}"))));
        }
        if reference.certain {
            self.missing.insert(MissingName { name: reference.name.clone(), named: named.to_owned() });
        }
        Ok(None)
    }

    /// Puts a found file into the bundle, unless it is POV-Ray's own.
    pub(super) fn take(&mut self, found: Found, kind: FileKind, named: &str, by_trial: bool) -> Result<(), SceneError> {
        let standard = self.search.is_standard(&found);
        let left_to_node = found.place == PlaceKind::Standard
            || (found.place == PlaceKind::Library && !self.has_standard && standard::is_known(&found.name));
        if !found.others.is_empty() {
            self.note_others(&found);
        }
        let place = match Place::of(&found.name) {
            Some(place) if !left_to_node => {
                let place = self.reduced(place);
                match self.place(place.clone(), &found.path, named) {
                    Err(error @ SceneError::Unreadable { .. }) => {
                        self.note_unreadable(&found.path, named, &error);
                        return Ok(());
                    }
                    result => result?,
                }
                Some(place)
            }
            _ => None,
        };
        if kind == FileKind::Include {
            self.queue.push_back(Queued { path: found.path, name: found.name, place, standard, by_trial });
        }
        Ok(())
    }
}

//! Finds everything a scene needs and keeps where it came from.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use td_protocol::bundle::{MAX_FILES, is_safe_path};
use td_protocol::hash::ContentHash;

use super::absolute::{AbsoluteFolders, Replacement, rewrite};
use super::class::Code;
use super::error::SceneError;
use super::files::{Hasher, read_scene, read_text};
use super::folder::names_below;
use super::names::{FileKind, Place, candidates_of_any_kind, folders_passed};
use super::note::Note;
use super::references::{self, Reference};
use super::resolve::{Found, PlaceKind, Search};
use super::standard;

/// What `td` was asked to render.
#[derive(Debug, Clone)]
pub struct SceneRequest {
    /// The scene as it was typed; relative to `typed_in`.
    pub scene: PathBuf,
    /// The folder td was typed in.
    pub typed_in: PathBuf,
    /// `+L` and `Library_Path`, in order.
    pub library_paths: Vec<PathBuf>,
    /// `--assets`.
    pub assets_dir: Option<PathBuf>,
    /// POV-Ray's own folders on this machine.
    pub standard: Vec<PathBuf>,
}

impl SceneRequest {
    /// A scene with no switches, typed in the current folder, and this machine's POV-Ray.
    #[must_use]
    pub fn new(scene: impl Into<PathBuf>) -> Self {
        Self {
            scene: scene.into(),
            typed_in: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            library_paths: Vec::new(),
            assets_dir: None,
            standard: standard::folders(),
        }
    }
}

/// A name that the scene says it reads and that was not found. It may lie on the nodes, or in a branch that is never
/// taken; POV-Ray will say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingName {
    pub name: String,
    /// `file:line`.
    pub named: String,
}

/// One file of the bundle.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub path: PathBuf,
    pub hash: ContentHash,
    pub size: u64,
    /// The agents' copy, where it differs from the file.
    pub bytes: Option<Arc<[u8]>>,
}

/// A text that was read.
#[derive(Debug)]
pub(super) struct SceneText {
    /// As the scene names it.
    pub name: String,
    /// One of POV-Ray's own includes.
    pub standard: bool,
    /// POV-Ray reads it though no literal `#include` leads to it.
    pub by_trial: bool,
    pub code: Code,
}

/// The files of a scene.
#[derive(Debug)]
pub struct Assets {
    search: Search,
    has_standard: bool,
    pub(super) scene_path: PathBuf,
    pub(super) scene_name: String,
    /// The scene's folder, from `/` down.
    pub(super) folder_parts: Vec<String>,
    pub(super) placed: BTreeMap<Place, Placed>,
    /// Texts by their real path.
    pub(super) texts: HashMap<PathBuf, SceneText>,
    /// Which text an `#include` of a name reads.
    pub(super) includes: HashMap<String, PathBuf>,
    pub(super) scene_text: PathBuf,
    absolute: AbsoluteFolders,
    hasher: Hasher,
    notes: BTreeSet<Note>,
    missing: BTreeSet<MissingName>,
    queue: VecDeque<Queued>,
}

#[derive(Debug)]
struct Queued {
    path: PathBuf,
    name: String,
    place: Option<Place>,
    standard: bool,
    by_trial: bool,
}

impl Assets {
    /// Reads the scene and all that it names.
    ///
    /// # Errors
    /// The scene is not there, is no text or cannot be read; `--assets` is no folder; too many files.
    pub fn gather(request: &SceneRequest) -> Result<Self, SceneError> {
        let scene_path = locate_scene(request);
        read_scene(&scene_path)?;
        let folder = scene_path.parent().map(Path::to_owned).unwrap_or_default();
        let folder = folder.canonicalize().unwrap_or(folder);
        let scene_name = scene_path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("scene.pov")
            .to_owned();
        let typed_in = request
            .typed_in
            .canonicalize()
            .unwrap_or_else(|_| request.typed_in.clone());
        let assets_dir = request.assets_dir.as_ref().map(|dir| typed_in.join(dir));
        let search = Search::new(
            &folder,
            assets_dir.as_deref(),
            &typed_in,
            &request.library_paths,
            &request.standard,
        );
        let mut assets = Self {
            search,
            has_standard: !request.standard.is_empty(),
            scene_text: scene_path
                .canonicalize()
                .unwrap_or_else(|_| scene_path.clone()),
            scene_path: scene_path.clone(),
            folder_parts: parts_of(&folder),
            placed: BTreeMap::new(),
            texts: HashMap::new(),
            includes: HashMap::new(),
            absolute: AbsoluteFolders::default(),
            hasher: Hasher::default(),
            notes: BTreeSet::new(),
            missing: BTreeSet::new(),
            queue: VecDeque::new(),
            scene_name: scene_name.clone(),
        };
        let place = Place {
            up: 0,
            parts: vec![scene_name.clone()],
        };
        assets.place(place.clone(), &scene_path, "the command line")?;
        assets.queue.push_back(Queued {
            path: scene_path,
            name: scene_name,
            place: Some(place),
            standard: false,
            by_trial: false,
        });
        assets.read_queued()?;
        if let Some(dir) = assets_dir {
            for name in names_below(&dir)? {
                if let Some(found) = assets.search.find_exact(&name) {
                    let kind = if is_text_name(&name) {
                        FileKind::Include
                    } else {
                        FileKind::Exact
                    };
                    assets.take(found, kind, "--assets", true)?;
                }
            }
            assets.read_queued()?;
        }
        Ok(assets)
    }

    /// What the user should know.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        self.notes.iter().cloned().collect()
    }

    /// Names that the texts say are read, and that are neither here nor among POV-Ray's own.
    #[must_use]
    pub fn missing(&self) -> Vec<MissingName> {
        self.missing.iter().cloned().collect()
    }

    /// The real path of every file in the bundle: what an output file must not overwrite.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.placed
            .values()
            .map(|placed| placed.path.as_path())
            .filter(|path| !path.as_os_str().is_empty())
    }

    /// By trial: POV-Ray on an agent did not find `name`. True when something was added to the bundle; false when
    /// the file was there already, so that another try would fail in the same way.
    ///
    /// # Errors
    /// It is not here either ([`SceneError::Missing`] lists where it was searched), or cannot be sent.
    pub fn add_missing(&mut self, name: &str) -> Result<bool, SceneError> {
        let mut added = false;
        let mut known = false;
        if name.starts_with('/') {
            return Err(SceneError::AbsoluteComputed {
                name: name.to_owned(),
            });
        }
        for candidate in candidates_of_any_kind(name) {
            let Some(place) = Place::of(&candidate).map(|place| self.reduced(place)) else {
                continue;
            };
            if self.placed.contains_key(&place) {
                known = true;
                continue;
            }
            let mapped = self
                .absolute
                .original(&candidate)
                .and_then(|path| self.search.find_exact(path.to_str()?));
            let Some(found) = mapped.or_else(|| self.search.find_exact(&candidate)) else {
                continue;
            };
            let standard = self.search.is_standard(&found);
            self.hold_open(&candidate);
            self.place(place.clone(), &found.path, "POV-Ray's message")?;
            if is_text_name(&candidate) {
                let queued = Queued {
                    path: found.path,
                    name: candidate,
                    place: Some(place),
                    standard,
                    by_trial: true,
                };
                self.queue.push_back(queued);
            }
            added = true;
        }
        self.read_queued()?;
        if added || known {
            return Ok(added);
        }
        let shown = self
            .absolute
            .original(name)
            .map_or(name.to_owned(), |path| path.display().to_string());
        let hint = self.search.similar(name);
        Err(SceneError::Missing {
            name: shown,
            searched: self.search.folders(),
            hint,
        })
    }

    /// The user's own file behind a name in POV-Ray's messages.
    #[must_use]
    pub fn original(&self, name: &str) -> Option<PathBuf> {
        if let Some(place) = Place::of(name) {
            if let Some(placed) = self.placed.get(&self.reduced(place)) {
                return Some(placed.path.clone()).filter(|path| !path.as_os_str().is_empty());
            }
        }
        if let Some(path) = self.absolute.original(name) {
            return Some(path);
        }
        // A path into an agent's folder: the bundle's path is its end.
        let run_dir = self.run_dir();
        self.placed
            .iter()
            .map(|(place, placed)| (place.below(&run_dir), &placed.path))
            .filter(|(below, _)| {
                name.strip_suffix(below.as_str())
                    .is_some_and(|front| front.ends_with('/'))
            })
            .max_by_key(|(below, _)| below.len())
            .map(|(_, path)| path.clone())
    }

    /// Reads the texts that wait, until none is left.
    fn read_queued(&mut self) -> Result<(), SceneError> {
        while let Some(next) = self.queue.pop_front() {
            let real = next
                .path
                .canonicalize()
                .unwrap_or_else(|_| next.path.clone());
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
            let entry = SceneText {
                name: next.name.clone(),
                standard,
                by_trial: next.by_trial,
                code,
            };
            self.texts.insert(real, entry);
            let replacements = self.follow(&next, &text)?;
            if let (Some(place), false) = (next.place, replacements.is_empty()) {
                let bytes: Arc<[u8]> = rewrite(&text, &replacements).into();
                if let Some(placed) = self.placed.get_mut(&place) {
                    placed.hash = ContentHash::of(&bytes);
                    placed.size = bytes.len() as u64;
                    placed.bytes = Some(bytes);
                }
            }
        }
        Ok(())
    }

    fn copy_rewritten(&mut self, real: &Path, place: Option<Place>) {
        let same = |placed: &&Placed| {
            placed.bytes.is_some() && placed.path.canonicalize().is_ok_and(|path| path == real)
        };
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
                if reference.certain && !standard::is_known(&reference.name) {
                    self.missing.insert(MissingName {
                        name: reference.name,
                        named,
                    });
                }
                continue;
            };
            if reference.kind == FileKind::Include {
                let real = found
                    .path
                    .canonicalize()
                    .unwrap_or_else(|_| found.path.clone());
                self.includes.insert(reference.name.clone(), real);
            }
            self.hold_open(&found.name);
            let kind = if is_text_name(&found.name) {
                FileKind::Include
            } else {
                reference.kind
            };
            self.take(found, kind, &named, false)?;
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
                let real = found
                    .path
                    .canonicalize()
                    .unwrap_or_else(|_| found.path.clone());
                self.includes.insert(reference.name.clone(), real);
            }
            let kind = if is_text_name(&found.name) {
                FileKind::Include
            } else {
                reference.kind
            };
            self.take(found, kind, named, false)?;
            return Ok(Some(Replacement::of_folder(text, reference, &mapped)));
        }
        // A folder to which the scene adds names; `/` and `/tmp` are more likely just strings.
        let depth = reference
            .name
            .split('/')
            .filter(|part| !part.is_empty())
            .count();
        if reference.kind == FileKind::Exact && depth >= 2 && path.is_dir() {
            let mapped = self.absolute.mapped(&path);
            let slash = if reference.name.ends_with('/') {
                "/"
            } else {
                ""
            };
            return Ok(Some(Replacement::of_whole(
                reference,
                &format!("{mapped}{slash}"),
            )));
        }
        if reference.certain {
            self.missing.insert(MissingName {
                name: reference.name.clone(),
                named: named.to_owned(),
            });
        }
        Ok(None)
    }

    /// Puts a found file into the bundle, unless it is POV-Ray's own.
    fn take(
        &mut self,
        found: Found,
        kind: FileKind,
        named: &str,
        by_trial: bool,
    ) -> Result<(), SceneError> {
        let standard = self.search.is_standard(&found);
        let left_to_node = found.place == PlaceKind::Standard
            || (found.place == PlaceKind::Library
                && !self.has_standard
                && standard::is_known(&found.name));
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
            self.queue.push_back(Queued {
                path: found.path,
                name: found.name,
                place,
                standard,
                by_trial,
            });
        }
        Ok(())
    }

    fn place(&mut self, place: Place, path: &Path, named: &str) -> Result<(), SceneError> {
        if !place.parts.iter().all(|part| is_safe_path(part))
            || !is_safe_path(&place.parts.join("/"))
        {
            return Err(SceneError::BadName {
                name: place.parts.join("/"),
            });
        }
        if let Some(known) = self.placed.get(&place) {
            let same = known.path.canonicalize().ok() == path.canonicalize().ok();
            if !same {
                let (taken, left) = (known.path.clone(), path.to_owned());
                self.notes.insert(Note::SamePlace {
                    name: place.parts.join("/"),
                    taken,
                    left,
                });
            }
            return Ok(());
        }
        if let Some(taken) = self.in_the_way(&place) {
            self.notes.insert(Note::SamePlace {
                name: place.parts.join("/"),
                taken,
                left: path.to_owned(),
            });
            return Ok(());
        }
        let (hash, size) = self
            .hasher
            .hash(path)
            .map_err(|error| error.named_at(named))?;
        self.placed.insert(
            place,
            Placed {
                path: path.to_owned(),
                hash,
                size,
                bytes: None,
            },
        );
        if self.placed.len() > MAX_FILES {
            return Err(SceneError::TooMany {
                count: self.placed.len(),
            });
        }
        Ok(())
    }

    /// A file that lies where `place` needs a folder, or below `place` itself.
    fn in_the_way(&self, place: &Place) -> Option<PathBuf> {
        let above = (1..place.parts.len()).find_map(|n| {
            self.placed.get(&Place {
                up: place.up,
                parts: place.parts[..n].to_vec(),
            })
        });
        let below = || {
            let next = self
                .placed
                .range(place.clone()..)
                .find(|(other, _)| *other != place)?;
            (next.0.up == place.up && next.0.parts.starts_with(&place.parts)).then_some(next.1)
        };
        above.or_else(below).map(|placed| placed.path.clone())
    }

    /// Makes the folders exist that a name passes through (`a/../b`), each by an empty file in it.
    fn hold_open(&mut self, name: &str) {
        for folder in folders_passed(name) {
            let Some(place) =
                Place::of(&format!("{folder}/.td-keep")).map(|place| self.reduced(place))
            else {
                continue;
            };
            let empty = Placed {
                path: PathBuf::new(),
                hash: ContentHash::of(b""),
                size: 0,
                bytes: Some(Arc::from([])),
            };
            if self.in_the_way(&place).is_none() {
                self.placed.entry(place).or_insert(empty);
            }
        }
    }

    /// `../scenes/a.inc` named from the folder `scenes` is `a.inc`.
    fn reduced(&self, mut place: Place) -> Place {
        while place.up > 0 && place.up <= self.folder_parts.len() && place.parts.len() > 1 {
            if self.folder_parts[self.folder_parts.len() - place.up] != place.parts[0] {
                break;
            }
            place.parts.remove(0);
            place.up -= 1;
        }
        place
    }

    fn note_others(&mut self, found: &Found) {
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
            Note::StandardTaken {
                name,
                taken,
                others,
            }
        } else {
            Note::SeveralFiles {
                name,
                taken,
                others,
            }
        });
    }

    fn note_unreadable(&mut self, path: &Path, named: &str, error: &SceneError) {
        let reason = match error {
            SceneError::Unreadable { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        self.notes.insert(Note::Unreadable {
            path: path.to_owned(),
            named: named.to_owned(),
            reason,
        });
    }
}

/// Whether a file of this name is a text of POV-Ray's language.
fn is_text_name(name: &str) -> bool {
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(
        extension.as_deref(),
        Some("inc" | "pov" | "mac" | "mcr" | "macro" | "map")
    )
}

/// The scene: as typed, or with POV-Ray's extension; else in a library path, as POV-Ray looks for it.
fn locate_scene(request: &SceneRequest) -> PathBuf {
    let typed = request.typed_in.join(&request.scene);
    if typed.exists() {
        return typed;
    }
    let name = request.scene.to_string_lossy();
    let places = std::iter::once(&request.typed_in).chain(&request.library_paths);
    let mut candidates = Vec::new();
    for candidate in FileKind::Scene.candidates(&name) {
        candidates.extend(
            places
                .clone()
                .map(|folder| request.typed_in.join(folder).join(&candidate)),
        );
    }
    candidates
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or(typed)
}

fn parts_of(folder: &Path) -> Vec<String> {
    folder
        .components()
        .filter_map(|part| match part {
            std::path::Component::Normal(part) => Some(
                part.to_str()
                    .filter(|part| is_safe_path(part))
                    .unwrap_or("folder")
                    .to_owned(),
            ),
            _ => None,
        })
        .collect()
}

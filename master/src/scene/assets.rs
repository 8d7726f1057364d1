//! Finds everything a scene needs and keeps where it came from.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use td_protocol::hash::ContentHash;

use super::absolute::AbsoluteFolders;
use super::class::{Code, ItemKind};
use super::error::SceneError;
use super::files::{Hasher, read_scene};
use super::folder::names_below;
use super::locate::{locate_scene, parts_of};
use super::names::{FileKind, Place, candidates_of_any_kind, is_text_name};
use super::note::Note;
use super::resolve::Search;
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
    pub(super) search: Search,
    pub(super) has_standard: bool,
    pub(super) scene_path: PathBuf,
    pub(super) scene_name: String,
    /// The scene's folder, from `/` down.
    pub(super) folder_parts: Vec<String>,
    pub(super) placed: BTreeMap<Place, Placed>,
    /// Where each content lies (in one of its places).
    pub(super) by_hash: HashMap<ContentHash, Place>,
    /// Texts by their real path.
    pub(super) texts: HashMap<PathBuf, SceneText>,
    /// Which text an `#include` of a name reads.
    pub(super) includes: HashMap<String, PathBuf>,
    pub(super) scene_text: PathBuf,
    pub(super) absolute: AbsoluteFolders,
    pub(super) hasher: Hasher,
    pub(super) notes: BTreeSet<Note>,
    pub(super) missing: BTreeSet<MissingName>,
    pub(super) queue: VecDeque<Queued>,
}

/// The line of the first `file_exists` whose name is no literal.
fn computed_question(code: &Code) -> Option<u32> {
    let questions = code.items.iter().enumerate().filter(|(_, item)| item.word() == Some("file_exists"));
    let mut computed = questions.filter(|(at, _)| {
        let mut behind = code.items[at + 1..].iter().filter(|item| !item.is(b'('));
        !matches!(behind.next().map(|item| &item.kind), Some(ItemKind::Text(_)))
    });
    computed.next().map(|(_, item)| item.line)
}

/// A text that waits to be read.
#[derive(Debug)]
pub(super) struct Queued {
    pub path: PathBuf,
    pub name: String,
    /// Where it lies in the bundle, if there.
    pub place: Option<Place>,
    pub standard: bool,
    pub by_trial: bool,
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
        let scene_name = scene_path.file_name().and_then(|name| name.to_str()).unwrap_or("scene.pov").to_owned();
        let typed_in = request.typed_in.canonicalize().unwrap_or_else(|_| request.typed_in.clone());
        let assets_dir = request.assets_dir.as_ref().map(|dir| typed_in.join(dir));
        let search = Search::new(&folder, assets_dir.as_deref(), &typed_in, &request.library_paths, &request.standard);
        let mut assets = Self {
            search,
            has_standard: !request.standard.is_empty(),
            scene_text: scene_path.canonicalize().unwrap_or_else(|_| scene_path.clone()),
            scene_path: scene_path.clone(),
            folder_parts: parts_of(&folder),
            placed: BTreeMap::new(),
            by_hash: HashMap::new(),
            texts: HashMap::new(),
            includes: HashMap::new(),
            absolute: AbsoluteFolders::default(),
            hasher: Hasher::default(),
            notes: BTreeSet::new(),
            missing: BTreeSet::new(),
            queue: VecDeque::new(),
            scene_name: scene_name.clone(),
        };
        let place = Place { up: 0, parts: vec![scene_name.clone()] };
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
                    let kind = if is_text_name(&name) { FileKind::Include } else { FileKind::Exact };
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
        let asks =
            self.texts.values().filter(|text| !text.standard).filter_map(|text| {
                Some(Note::Asks { place: format!("{}:{}", text.name, computed_question(&text.code)?) })
            });
        self.notes.iter().cloned().chain(asks).collect()
    }

    /// Names that the texts say are read, and that are neither here nor among POV-Ray's own.
    #[must_use]
    pub fn missing(&self) -> Vec<MissingName> {
        self.missing.iter().cloned().collect()
    }

    /// The real path of every file in the bundle: what an output file must not overwrite.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.placed.values().map(|placed| placed.path.as_path()).filter(|path| !path.as_os_str().is_empty())
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
            return Err(SceneError::AbsoluteComputed { name: name.to_owned() });
        }
        for candidate in candidates_of_any_kind(name) {
            let Some(place) = Place::of(&candidate).map(|place| self.reduced(place)) else {
                continue;
            };
            if self.placed.contains_key(&place) {
                known = true;
                continue;
            }
            let mapped = self.absolute.original(&candidate).and_then(|path| self.search.find_exact(path.to_str()?));
            let Some(found) = mapped.or_else(|| self.search.find_exact(&candidate)) else {
                continue;
            };
            let standard = self.search.is_standard(&found);
            self.hold_open(&candidate);
            self.place(place.clone(), &found.path, "POV-Ray's message")?;
            if is_text_name(&candidate) {
                let queued = Queued { path: found.path, name: candidate, place: Some(place), standard, by_trial: true };
                self.queue.push_back(queued);
            }
            added = true;
        }
        self.read_queued()?;
        if added || known {
            return Ok(added);
        }
        let shown = self.absolute.original(name).map_or(name.to_owned(), |path| path.display().to_string());
        let hint = self.search.similar(name);
        Err(SceneError::Missing { name: shown, searched: self.search.folders(), hint })
    }

    /// The user's own file behind a name in POV-Ray's messages.
    #[must_use]
    pub fn original(&self, name: &str) -> Option<PathBuf> {
        if let Some(placed) = Place::of(name).and_then(|place| self.placed.get(&self.reduced(place))) {
            return Some(placed.path.clone()).filter(|path| !path.as_os_str().is_empty());
        }
        if let Some(path) = self.absolute.original(name) {
            return Some(path);
        }
        // A path into an agent's folder: the bundle's path is its end.
        let run_dir = self.run_dir();
        self.placed
            .iter()
            .map(|(place, placed)| (place.below(&run_dir), &placed.path))
            .filter(|(below, _)| name.strip_suffix(below.as_str()).is_some_and(|front| front.ends_with('/')))
            .max_by_key(|(below, _)| below.len())
            .map(|(_, path)| path.clone())
    }
}

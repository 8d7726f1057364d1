//! Where a file that a scene names is found.
//!
//! POV-Ray looks in the folder it runs in and in its library paths, never beside the including file. People run it
//! in the scene's folder, so that comes first; then `--assets`, the folder td was typed in, POV-Ray's own folders,
//! and the library paths. POV-Ray's own come before `+L` because that is what POV-Ray 3.7 does: its system ini
//! names them first, and a `colors.inc` in a `+L` folder is not taken.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::{is_regular, similar_name};
use super::names::FileKind;

/// Which of the places a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    SceneFolder,
    Assets,
    TypedIn,
    /// POV-Ray's own folders on this machine.
    Standard,
    Library,
    /// An absolute name: no search.
    Absolute,
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// The name by which it was found: the literal, perhaps with an extension appended.
    pub name: String,
    pub place: PlaceKind,
    /// Other files of that name, in places that come later.
    pub others: Vec<PathBuf>,
}

/// The places, in order.
#[derive(Debug, Clone)]
pub struct Search {
    places: Vec<(PlaceKind, PathBuf)>,
    standard: Vec<PathBuf>,
}

impl Search {
    #[must_use]
    pub fn new(
        scene_folder: &Path,
        assets: Option<&Path>,
        typed_in: &Path,
        library: &[PathBuf],
        standard: &[PathBuf],
    ) -> Self {
        let listed = std::iter::once((PlaceKind::SceneFolder, scene_folder))
            .chain(assets.map(|path| (PlaceKind::Assets, path)))
            .chain(std::iter::once((PlaceKind::TypedIn, typed_in)))
            .chain(standard.iter().map(|path| (PlaceKind::Standard, path.as_path())))
            .chain(library.iter().map(|path| (PlaceKind::Library, path.as_path())));
        let mut seen = BTreeSet::new();
        let mut places = Vec::new();
        for (kind, path) in listed {
            let path = typed_in.join(path);
            if seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                places.push((kind, path));
            }
        }
        let standard = standard.iter().filter_map(|path| path.canonicalize().ok()).collect();
        Self { places, standard }
    }

    /// The folders, for messages.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        self.places.iter().map(|(_, path)| path.clone()).collect()
    }

    /// Looks for a literal, with the extensions that POV-Ray appends for this kind.
    #[must_use]
    pub fn find(&self, name: &str, kind: FileKind) -> Option<Found> {
        kind.candidates(name).iter().find_map(|candidate| self.find_exact(candidate))
    }

    /// Looks for one name as it is.
    #[must_use]
    pub fn find_exact(&self, name: &str) -> Option<Found> {
        if name.starts_with('/') {
            let path = PathBuf::from(name);
            let found = Found { path, name: name.to_owned(), place: PlaceKind::Absolute, others: Vec::new() };
            return is_regular(&found.path).then_some(found);
        }
        if name.ends_with('/') {
            return None;
        }
        let mut hits =
            self.places.iter().map(|(kind, folder)| (*kind, folder.join(name))).filter(|(_, path)| is_regular(path));
        let (place, path) = hits.next()?;
        let real = path.canonicalize().ok();
        let path = without_steps_back(path);
        let others = hits.map(|(_, path)| path).filter(|other| other.canonicalize().ok() != real).collect();
        Some(Found { path, name: name.to_owned(), place, others })
    }

    /// Whether a file is one of POV-Ray's own.
    #[must_use]
    pub fn is_standard(&self, found: &Found) -> bool {
        match found.place {
            PlaceKind::Standard => true,
            PlaceKind::Absolute => {
                let folder = found.path.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
                folder.is_some_and(|folder| self.standard.contains(&folder))
            }
            _ => false,
        }
    }

    /// A file whose name differs from a missing one only in upper and lower case.
    #[must_use]
    pub fn similar(&self, name: &str) -> Option<String> {
        self.places.iter().find_map(|(_, folder)| similar_name(&folder.join(name)))
    }
}

/// `/a/b/../c` as the file system reads it, for messages.
fn without_steps_back(path: PathBuf) -> PathBuf {
    if !path.components().any(|part| part == std::path::Component::ParentDir) {
        return path;
    }
    match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

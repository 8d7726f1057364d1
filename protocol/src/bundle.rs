//! A bundle: the scene and all the files it includes, named by content.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Relative to the bundle's root, `/` between parts, no `.`, `..` or empty part.
    pub path: String,
    pub hash: ContentHash,
    /// Bytes.
    pub size: u64,
}

/// What POV-Ray needs to see on a node. `files` are sorted by path and each path occurs once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The folder, relative to the root, in which POV-Ray runs; empty for the root itself.
    pub run_dir: String,
    /// The scene, relative to `run_dir` (it always lies there or below).
    pub scene: String,
    /// Folders relative to the root that are searched after `run_dir`, in this order, before POV-Ray's own.
    pub library_paths: Vec<String>,
    pub files: Vec<BundleFile>,
}

/// Why a bundle is refused. Only hostile or broken masters send such.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle names {0:?}: a path in a bundle is relative and has no `.`, `..` or empty part")]
    BadPath(String),
    #[error("the bundle's files are not sorted by path, or {0:?} occurs twice")]
    NotSorted(String),
    #[error("the bundle's scene {0:?} is not among its files")]
    SceneMissing(String),
    #[error("the bundle has {0} files; at most {MAX_FILES} are accepted")]
    TooManyFiles(usize),
}

pub const MAX_FILES: usize = 100_000;

impl Bundle {
    /// The bundle's name: a hash over everything in it, so equal bundles have equal names on every node.
    #[must_use]
    pub fn id(&self) -> ContentHash {
        let text = serde_json::to_vec(self).unwrap_or_default();
        ContentHash::of(&text)
    }

    /// The scene's path relative to the root.
    #[must_use]
    pub fn scene_path(&self) -> String {
        if self.run_dir.is_empty() { self.scene.clone() } else { format!("{}/{}", self.run_dir, self.scene) }
    }

    /// Refuses what could leave the bundle's folder or is not whole.
    ///
    /// # Errors
    /// [`BundleError`], naming the first path that is wrong.
    pub fn check(&self) -> Result<(), BundleError> {
        if self.files.len() > MAX_FILES {
            return Err(BundleError::TooManyFiles(self.files.len()));
        }
        for dir in std::iter::once(&self.run_dir).chain(&self.library_paths) {
            if !dir.is_empty() && !is_safe_path(dir) {
                return Err(BundleError::BadPath(dir.clone()));
            }
        }
        for file in &self.files {
            if !is_safe_path(&file.path) {
                return Err(BundleError::BadPath(file.path.clone()));
            }
        }
        if let Some(pair) = self.files.windows(2).find(|pair| pair[0].path >= pair[1].path) {
            return Err(BundleError::NotSorted(pair[1].path.clone()));
        }
        let scene = self.scene_path();
        if !is_safe_path(&scene) {
            return Err(BundleError::BadPath(scene));
        }
        if self.files.binary_search_by(|file| file.path.as_str().cmp(&scene)).is_err() {
            return Err(BundleError::SceneMissing(scene));
        }
        Ok(())
    }
}

/// Whether `path` stays below the folder it is joined to, on Linux: relative, no `.`, `..`, empty part or NUL.
#[must_use]
pub fn is_safe_path(path: &str) -> bool {
    path.len() <= 4096
        && !path.contains('\0')
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && part.len() <= 255)
}

//! The scene's files as a bundle for the agents.

use std::path::PathBuf;
use std::sync::Arc;

use td_protocol::bundle::{Bundle, BundleFile};
use td_protocol::hash::ContentHash;

use super::assets::Assets;
use super::names::Place;

/// Where the bytes of one file of the bundle are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    /// A text in which absolute names are mapped.
    Bytes(Arc<[u8]>),
}

impl Assets {
    /// The folder in which POV-Ray runs, as parts below the bundle's root: as many of the scene's own folders as the
    /// names in the texts climb up. Above `/` there is nothing, so further folders are made up.
    pub(super) fn run_dir(&self) -> Vec<String> {
        let up = self.placed.keys().map(|place| place.up).max().unwrap_or(0);
        let real = &self.folder_parts[self.folder_parts.len().saturating_sub(up)..];
        let made_up = up - real.len();
        std::iter::repeat_n("td-up".to_owned(), made_up).chain(real.iter().cloned()).collect()
    }

    /// The bundle as it is now; [`Assets::add_missing`] changes it (and may change the scene's class).
    #[must_use]
    pub fn bundle(&self) -> Bundle {
        let files = self.files().into_iter().map(|(file, _)| file).collect();
        Bundle { run_dir: self.run_dir().join("/"), scene: self.scene_name.clone(), library_paths: Vec::new(), files }
    }

    /// The bundle's files, each with the user's own file that it is; no path for what td made itself.
    #[must_use]
    pub fn files(&self) -> Vec<(BundleFile, PathBuf)> {
        let run_dir = self.run_dir();
        let file = |(place, placed): (&Place, &super::assets::Placed)| {
            let file = BundleFile { path: place.below(&run_dir), hash: placed.hash, size: placed.size };
            (file, placed.path.clone())
        };
        let mut files: Vec<(BundleFile, PathBuf)> = self.placed.iter().map(file).collect();
        files.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        files.dedup_by(|a, b| a.0.path == b.0.path);
        files
    }

    /// The bytes of a content of the bundle.
    #[must_use]
    pub fn source(&self, hash: ContentHash) -> Option<Source> {
        let placed = self.placed.get(self.by_hash.get(&hash)?).filter(|placed| placed.hash == hash)?;
        Some(match &placed.bytes {
            Some(bytes) => Source::Bytes(Arc::clone(bytes)),
            None => Source::File(placed.path.clone()),
        })
    }

    /// The scene's own file.
    #[must_use]
    pub fn scene_path(&self) -> &std::path::Path {
        &self.scene_path
    }
}

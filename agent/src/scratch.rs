//! A folder of its own for one POV-Ray run, removed when it is dropped.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use td_protocol::bundle::Bundle;

use crate::store::blobs::Blobs;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Folders `tree` (the bundle's files), `out`, `tmp` and `home` below one that nobody else uses.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Makes the folders and copies the bundle's files into `tree`.
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub fn create(parent: &Path, bundle: &Bundle, blobs: &Blobs) -> io::Result<Self> {
        let scratch = Self::empty(parent)?;
        scratch.fill(bundle, blobs)?;
        Ok(scratch)
    }

    /// Makes the folders.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn empty(parent: &Path) -> io::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let scratch = Self { root: parent.join(number.to_string()) };
        for folder in [scratch.tree(), scratch.output_folder(), scratch.temp(), scratch.home()] {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(scratch.empty_ini(), b"")?;
        Ok(scratch)
    }

    /// Copies the bundle's files into `tree`.
    ///
    /// Copies, not links: a scene can write, and what it overwrites must not be what other strips read.
    ///
    /// # Errors
    /// When the disk is full, or a file of the bundle is not in the store.
    pub fn fill(&self, bundle: &Bundle, blobs: &Blobs) -> io::Result<()> {
        for file in &bundle.files {
            let target = self.tree().join(&file.path);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::copy(blobs.path(file.hash), &target)?;
        }
        std::fs::create_dir_all(self.run_dir(bundle))
    }

    /// Adds a line behind the scene's last: the numbers of the lines before it stay.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append_to_scene(&self, bundle: &Bundle, line: &str) -> io::Result<()> {
        let path = self.tree().join(bundle.scene_path());
        let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
        writeln!(file, "\n{line}")
    }

    /// The bundle's root.
    #[must_use]
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// The folder in which POV-Ray runs.
    #[must_use]
    pub fn run_dir(&self, bundle: &Bundle) -> PathBuf {
        if bundle.run_dir.is_empty() { self.tree() } else { self.tree().join(&bundle.run_dir) }
    }

    /// Where POV-Ray's files appear: the picture, and the state file while it traces.
    #[must_use]
    pub fn output_folder(&self) -> PathBuf {
        self.root.join("out")
    }

    /// Where POV-Ray writes the picture.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.output_folder().join("s.png")
    }

    /// POV-Ray's own record of finished blocks: the output's name with its extension replaced.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        self.output_folder().join("s.pov-state")
    }

    #[must_use]
    pub fn radiosity(&self) -> PathBuf {
        self.output_folder().join("s.rca")
    }

    #[must_use]
    pub fn temp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The folder of all these.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file of the agent's own, out of the scene's way.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    #[must_use]
    pub fn empty_ini(&self) -> PathBuf {
        self.root.join("empty.ini")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.root) {
            tracing::warn!("cannot remove the scratch folder {}: {error}", self.root.display());
        }
    }
}

/// Bytes that are free for scratch files below `folder`.
#[must_use]
pub fn available(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

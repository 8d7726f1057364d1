//! The picture's place, by its real path, and the mark of the file that lies there.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::record::FileMark;
use super::saved_text::SavedText;
use crate::compose::OutputTarget;

/// Where a job's picture goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedOutput {
    Stdout,
    /// Absolute, and without links: one file has one path.
    File(PathBuf),
}

impl SavedOutput {
    /// # Errors
    /// When the folder cannot be found.
    pub fn of(target: &OutputTarget) -> io::Result<Self> {
        let OutputTarget::File(path) = target else { return Ok(Self::Stdout) };
        // What is there is meant itself, not a link to it; and what is not there yet lies in a real folder.
        if let Ok(real) = path.canonicalize() {
            return Ok(Self::File(real));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self::File(folder.canonicalize()?.join(path.file_name().unwrap_or_default())))
    }

    #[must_use]
    pub fn from_text(text: &SavedText) -> Self {
        if text.path() == Path::new("-") { Self::Stdout } else { Self::File(text.to_path()) }
    }

    #[must_use]
    pub fn to_text(&self) -> SavedText {
        match self {
            Self::Stdout => SavedText::from("-"),
            Self::File(path) => SavedText::from(path.as_os_str()),
        }
    }

    /// The mark of the file that lies there now.
    #[must_use]
    pub fn mark(&self) -> Option<FileMark> {
        match self {
            Self::Stdout => None,
            Self::File(path) => std::fs::symlink_metadata(path).ok().map(|meta| FileMark {
                device: meta.dev(),
                inode: meta.ino(),
                size: meta.len(),
                seconds: meta.mtime(),
                nanoseconds: meta.mtime_nsec(),
            }),
        }
    }
}

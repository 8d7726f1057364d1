//! What can go wrong between the segments and the file, told so that it can be mended.

use std::io;
use std::path::{Path, PathBuf};

use td_protocol::rows::Rows;
use td_protocol::segment::SegmentError;

use super::format::FormatError;

/// Why the output cannot be written, found before anything is rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    #[error("{path}: the folder {folder} does not exist; make it (mkdir -p) or name another with -o")]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("{path}: {folder} is not a folder; name another output with -o")]
    NotAFolder { path: PathBuf, folder: PathBuf },
    #[error("{path}: the folder {folder} may not be written to: {source}; name another with -o")]
    ReadOnlyFolder { path: PathBuf, folder: PathBuf, source: io::Error },
    #[error("{path}: the existing file may not be written to: {source}; remove it or name another with -o")]
    ReadOnlyFile { path: PathBuf, source: io::Error },
    #[error("{path} is {kind}, not a regular file; name another output with -o (-o - writes to standard output)")]
    NotRegular { path: PathBuf, kind: &'static str },
    #[error("{path} is a symbolic link to nothing; remove it or name another output with -o")]
    DanglingLink { path: PathBuf },
    #[error("{path} is {input}, which the scene needs; name another output with -o")]
    IsAnInput { path: PathBuf, input: PathBuf },
    #[error("{path:?} does not name a file; write -o NAME.png")]
    NoName { path: PathBuf },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Why rows could not be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    #[error("no space is left for finished rows in {path}: free some on that disk")]
    Full { path: PathBuf, source: io::Error },
    #[error("{path}: {action}: {source}")]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    #[error("{path} is not a spool of finished rows of this image")]
    Foreign { path: PathBuf },
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

impl SpoolError {
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) { Self::Full { path, source } } else { Self::Io { path, action, source } }
    }
}

/// Why the image's file was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    #[error("rows are missing: {}", list(missing))]
    Incomplete { missing: Vec<Rows> },
    #[error("no space is left for {path}; free some on that disk, or name another with -o")]
    Full { path: PathBuf, source: io::Error },
    #[error("writing {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("standard output was closed before the whole image was written")]
    Closed,
    #[error("writing the image: {0}")]
    Write(#[source] io::Error),
    #[error("reading finished rows from {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("the image could not be written as {format}: {reason}")]
    Encode { format: &'static str, reason: String },
}

impl ComposeError {
    /// An error of writing to `path`, or to standard output where there is none.
    pub(super) fn writing(path: Option<&Path>, source: io::Error) -> Self {
        match path {
            None if source.kind() == io::ErrorKind::BrokenPipe => Self::Closed,
            None => Self::Io { path: PathBuf::from("standard output"), source },
            Some(path) if is_full(&source) => Self::Full { path: path.to_owned(), source },
            Some(path) => Self::Io { path: path.to_owned(), source },
        }
    }

    /// Names the file in an error that came from writing to it.
    pub(super) fn at(self, path: Option<&Path>) -> Self {
        match self {
            Self::Write(source) => Self::writing(path, source),
            other => other,
        }
    }
}

/// Disk full, quota used up, or larger than the file system or `ulimit -f` allows.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

fn list(rows: &[Rows]) -> String {
    const SHOWN: usize = 5;
    let mut text = rows.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if rows.len() > SHOWN {
        text.push_str(&format!(" and {} more runs", rows.len() - SHOWN));
    }
    text
}

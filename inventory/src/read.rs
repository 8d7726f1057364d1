//! The one place that touches the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::finding::InventoryErrors;
use crate::inventory::Inventory;

/// Largest inventory in bytes: 1 MiB, some ten thousand nodes.
pub const MAX_BYTES: usize = 1 << 20;

/// Why there is no inventory.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error("{}: {}", .path.display(), describe(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Neither a file nor a pipe.
    #[error("{}: is a {kind}, not a file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        kind: &'static str,
    },
    /// The file was read and is no inventory.
    #[error(transparent)]
    Refused(#[from] InventoryErrors),
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read (permissions)".to_owned(),
        _ => error.to_string(),
    }
}

impl Inventory {
    /// Reads the inventory at `path`, which is also its name in messages. A pipe is read to its end, as for
    /// `td-provision check <(...)`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(path: impl AsRef<Path>) -> Result<Inventory, ReadError> {
        let path = path.as_ref();
        let io = |source| ReadError::Io { path: path.to_owned(), source };
        let file_type = std::fs::metadata(path).map_err(io)?.file_type();
        if file_type.is_dir() {
            return Err(ReadError::NotAFile { path: path.to_owned(), kind: "directory" });
        }
        let mut bytes = Vec::new();
        // One byte more than allowed, so that `from_bytes` sees it is too much; /dev/zero has no end.
        let limit = u64::try_from(MAX_BYTES + 1).unwrap_or(u64::MAX);
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(io)?;
        Ok(Inventory::from_bytes(&path.display().to_string(), &bytes)?)
    }
}

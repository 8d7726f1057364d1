//! Contents of bundles, named by their SHA-256.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use td_protocol::bundle::Bundle;
use td_protocol::hash::ContentHash;

use crate::store::eviction;

/// The folder of contents.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
    /// Bytes that the folder may hold.
    bound: u64,
}

/// Why a content was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("the content that was sent as {expected} hashes to {found}")]
    WrongHash { expected: ContentHash, found: ContentHash },
    #[error("cannot keep a file of the scene in {}: {source}", folder.display())]
    Disk { folder: PathBuf, source: io::Error },
}

impl Blobs {
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: PathBuf, bound: u64) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, bound })
    }

    #[must_use]
    pub fn path(&self, hash: ContentHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    /// The contents of `bundle` that are not here, each once. Those that are here are marked as used.
    #[must_use]
    pub fn missing(&self, bundle: &Bundle) -> Vec<ContentHash> {
        let mut missing = Vec::new();
        for file in &bundle.files {
            let path = self.path(file.hash);
            if std::fs::metadata(&path).is_ok_and(|meta| meta.len() == file.size) {
                eviction::touch(&path);
            } else if !missing.contains(&file.hash) {
                missing.push(file.hash);
            }
        }
        missing
    }

    /// Begins to take a content.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(&self) -> Result<Incoming, BlobError> {
        let file = tempfile::NamedTempFile::new_in(&self.folder).map_err(|source| self.disk(source))?;
        Ok(Incoming { file, hasher: Sha256::new(), folder: self.folder.clone() })
    }

    /// Makes room, keeping the contents of open jobs.
    pub fn evict<'a>(&self, open: impl Iterator<Item = &'a Bundle>) {
        let kept: HashSet<PathBuf> = open.flat_map(|bundle| &bundle.files).map(|file| self.path(file.hash)).collect();
        eviction::shrink(&self.folder, self.bound, &kept);
    }

    fn disk(&self, source: io::Error) -> BlobError {
        BlobError::Disk { folder: self.folder.clone(), source }
    }
}

/// A content on its way; dropped before [`Incoming::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    file: tempfile::NamedTempFile,
    hasher: Sha256,
    folder: PathBuf,
}

impl Incoming {
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(|source| BlobError::Disk { folder: self.folder.clone(), source })
    }

    /// Puts the content under its name.
    ///
    /// # Errors
    /// When it is not the content of that name, or the disk refuses.
    pub fn finish(self, expected: ContentHash) -> Result<(), BlobError> {
        let found = ContentHash(self.hasher.finalize().into());
        if found != expected {
            return Err(BlobError::WrongHash { expected, found });
        }
        let target = self.folder.join(expected.to_string());
        self.file
            .persist(&target)
            .map(|_| ())
            .map_err(|error| BlobError::Disk { folder: self.folder, source: error.error })
    }
}

/// Whether an error says that the disk (or a quota) is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// Reads a file's length and hash without holding it in memory.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<(u64, ContentHash)> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let size = io::copy(&mut file, &mut hasher)?;
    Ok((size, ContentHash(hasher.finalize().into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_kept_only_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs"), 1000).unwrap();
        let hash = ContentHash::of(b"sphere{}");
        let mut incoming = blobs.begin().unwrap();
        incoming.write(b"sphere").unwrap();
        assert!(matches!(incoming.finish(hash), Err(BlobError::WrongHash { .. })));
        assert_eq!(std::fs::read_dir(folder.path().join("blobs")).unwrap().count(), 0);

        let mut incoming = blobs.begin().unwrap();
        incoming.write(b"sphere").unwrap();
        incoming.write(b"{}").unwrap();
        incoming.finish(hash).unwrap();
        assert_eq!(std::fs::read(blobs.path(hash)).unwrap(), b"sphere{}");
    }
}

//! Contents of bundles, named by their SHA-256.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Contents that this process has read through and found good.
    verified: Arc<Mutex<HashSet<ContentHash>>>,
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
        eviction::remove_unfinished(&folder);
        Ok(Self { folder, bound, verified: Arc::default() })
    }

    #[must_use]
    pub fn path(&self, hash: ContentHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    /// The contents of `bundle` that are not here, each once. Those that are here are marked as used.
    ///
    /// A content that an earlier agent kept is read through the first time: a disk may have damaged it, or a power cut
    /// may have left its name and not its bytes. One that is not what its name says is removed, and so missing.
    #[must_use]
    pub fn missing(&self, bundle: &Bundle) -> Vec<ContentHash> {
        let mut missing = Vec::new();
        for file in &bundle.files {
            if missing.contains(&file.hash) {
                continue;
            }
            let path = self.path(file.hash);
            if self.is_good(&path, file.hash, file.size) {
                eviction::touch(&path);
            } else {
                missing.push(file.hash);
            }
        }
        missing
    }

    fn is_good(&self, path: &Path, hash: ContentHash, size: u64) -> bool {
        // Not what a link means, and no pipe: on a share others can put those.
        let is_there = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == size);
        if !is_there || self.verified().contains(&hash) {
            return is_there;
        }
        match hash_file(path) {
            Ok(found) if found == (size, hash) => {
                self.verified().insert(hash);
                true
            }
            Ok(_) => {
                tracing::warn!("{} is damaged and is asked for again", path.display());
                let _ = std::fs::remove_file(path);
                false
            }
            Err(error) => {
                tracing::warn!("{} cannot be read: {error}", path.display());
                false
            }
        }
    }

    fn verified(&self) -> MutexGuard<'_, HashSet<ContentHash>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn a_damaged_content_of_the_same_size_is_missing_in_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Blobs::open(folder.path().to_owned(), 1000).unwrap();
        let hash = ContentHash::of(b"sphere{}");
        let file = td_protocol::bundle::BundleFile { path: "s.pov".to_owned(), hash, size: 8 };
        let bundle =
            Bundle { run_dir: String::new(), scene: "s.pov".to_owned(), library_paths: Vec::new(), files: vec![file] };
        let blobs = open();
        std::fs::write(blobs.path(hash), b"sphere{}").unwrap();
        assert!(blobs.missing(&bundle).is_empty());
        std::fs::write(blobs.path(hash), b"sphere[]").unwrap();
        assert_eq!(open().missing(&bundle), [hash]);
        assert!(!blobs.path(hash).exists());
        assert_eq!(blobs.missing(&bundle), [hash]);
    }
}

//! Locks that a crash frees: `flock` on a file whose text tells who holds it.
//!
//! Two kinds: a job's own `lock`, held by the td that works on it, and one for each picture, so that two tds never
//! write the same file. The second lies in the state folder under the hash of the picture's real path, since nothing
//! belongs beside the user's picture; it keeps apart the tds of one user.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::owner::Owner;

/// Longest text of a lock that is read.
const MOST_TEXT: u64 = 4096;
/// Looks at a lock that somebody holds for a moment only, to see whether it is held.
const LOOKS: u32 = 25;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A lock that this process holds; free again when this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Somebody else has it; who, where the file tells.
    Held(Option<Owner>),
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Lock {
    /// Takes the lock at `path`, whose folder exists.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(path: &Path, owner: &Owner) -> Result<Self, LockError> {
        let mut looks = 0;
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
            match file.try_lock() {
                // The file may have been removed by its holder between the opening and the locking.
                Ok(()) if is_file_of(&file, path) => {
                    file.set_len(0)?;
                    file.write_all(&serde_json::to_vec(owner).map_err(io::Error::other)?)?;
                    return Ok(Self { path: path.to_owned(), _file: file });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = read_owner(&mut file);
                    looks += 1;
                    // Who holds it without a living owner's name in it only looks, or has just begun.
                    if looks > LOOKS || holder.as_ref().is_some_and(Owner::is_alive) {
                        return Err(LockError::Held(holder));
                    }
                    std::thread::sleep(BETWEEN_LOOKS);
                }
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still held: whoever waits for it sees that its file is gone and makes another.
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!("{} stays: {error}", self.path.display());
        }
    }
}

/// Whether a lock is held, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    Somebody(Option<Owner>),
}

/// Looks at a lock without taking it.
///
/// # Errors
/// When the file is there and cannot be looked at.
pub fn holder(path: &Path) -> io::Result<Holder> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => Ok(Holder::Somebody(read_owner(&mut file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_file_of(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn read_owner(file: &mut File) -> Option<Owner> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(MOST_TEXT).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_names_its_holder_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let owner = Owner::this_process("aa");
        assert_eq!(holder(&path).unwrap(), Holder::Nobody);
        let lock = Lock::take(&path, &owner).unwrap();
        assert_eq!(holder(&path).unwrap(), Holder::Somebody(Some(owner.clone())));
        let Err(LockError::Held(Some(found))) = Lock::take(&path, &Owner::this_process("bb")) else {
            panic!("taken twice");
        };
        assert_eq!(found.job, "aa");
        drop(lock);
        assert!(!path.exists());
        drop(Lock::take(&path, &owner).unwrap());
    }

    #[test]
    fn many_at_once_get_it_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        if let Ok(lock) = Lock::take(&path, &Owner::this_process("j")) {
                            assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                            inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
    }
}

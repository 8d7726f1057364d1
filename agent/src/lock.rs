//! One agent per cache folder.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why the folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another td-agent uses {0}: wait for it to end, or name another folder with --cache")]
    Taken(PathBuf),
    #[error("cannot lock {folder}: {source}")]
    Io { folder: PathBuf, source: io::Error },
}

/// Locks `folder` for as long as the result lives; waits for another agent to end.
///
/// # Errors
/// [`LockError::Taken`] after `patience`.
pub fn lock(folder: &Path, patience: Duration) -> Result<File, LockError> {
    let failed = |source| LockError::Io { folder: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(folder.join("lock")).map_err(failed)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(TryLockError::WouldBlock) => return Err(LockError::Taken(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

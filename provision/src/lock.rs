//! One change of a cluster at a time from this machine.
//!
//! A lock that the kernel frees when its holder ends, however it ends; the file says who that is. (On each node td-agent
//! has a lock of its own, for masters that do not know of each other.)

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// No lock.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody else changes the cluster.
    #[error(
        "{holder} is changing the cluster {cluster} from this machine{since}; wait until it is done, or end it (kill {pid})"
    )]
    Held {
        /// The cluster.
        cluster: String,
        /// `td-provision apply, process 812`.
        holder: String,
        /// `, since 3 min`.
        since: String,
        /// The process.
        pid: String,
    },
    /// The file system says no.
    #[error("{}: {error}; without a lock two applies could meet", .file.display())]
    File {
        /// The lock's file.
        file: PathBuf,
        /// Its words.
        error: std::io::Error,
    },
}

/// Takes the lock of a cluster, whose folder on the master `folder` is. `what` is the command.
///
/// # Errors
/// See [`LockError`].
pub fn take(folder: &Path, cluster: &str, what: &str) -> Result<Lock, LockError> {
    let path = folder.with_file_name(format!("{cluster}.lock"));
    let failed = |error| LockError::File { file: path.clone(), error };
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            return Err(held(cluster, &text, seconds()));
        }
        Err(error) => return Err(failed(error.into())),
    }
    let text = format!("{} {} {what}\n", std::process::id(), seconds());
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)?;
    Ok(Lock { file })
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file stays: to remove it would let two hold two files of one name. Empty, it accuses nobody.
        let _ = self.file.set_len(0);
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn held(cluster: &str, text: &str, now: u64) -> LockError {
    let mut words = text.trim().splitn(3, ' ');
    let pid = words.next().filter(|word| !word.is_empty()).unwrap_or("?").to_owned();
    let began: Option<u64> = words.next().and_then(|word| word.parse().ok());
    let what = words.next().unwrap_or("td-provision");
    let since = began.map_or(String::new(), |began| {
        let age = now.saturating_sub(began);
        if age < 120 { format!(", since {age} s") } else { format!(", since {} min", age / 60) }
    });
    LockError::Held { cluster: cluster.to_owned(), holder: format!("{what} (process {pid})"), since, pid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let base = tempfile::tempdir().expect("a folder");
        let folder = base.path().join("clusters/paper");
        let first = take(&folder, "paper", "td-provision apply").expect("is free");
        let told = take(&folder, "paper", "td-provision remove").expect_err("is held").to_string();
        let pid = std::process::id();
        let expected =
            format!("td-provision apply (process {pid}) is changing the cluster paper from this machine, since ");
        assert!(told.starts_with(&expected) && told.contains(&format!("kill {pid}")), "{told}");
        drop(first);
        take(&folder, "paper", "x").expect("is free again");
        take(&folder.with_file_name("other"), "other", "x").expect("another cluster");
    }

    #[test]
    fn a_file_of_nonsense() {
        for text in ["", "x", "1 y z", "1 18446744073709551615 w"] {
            assert!(held("c", text, 5).to_string().contains("is changing the cluster c"), "{text}");
        }
    }
}

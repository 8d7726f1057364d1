//! One apply at a time on a node.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::failure::Failure;

/// Below /run, so that no reboot leaves it behind.
pub const PATH: &str = "/run/td-converge.lock";

/// Why the node cannot be changed now.
#[derive(Debug)]
pub enum Refusal {
    /// Someone else changes it; the sentence says who.
    Held(Failure),
    Failed(Failure),
}

/// Locks the node for as long as the result lives. The kernel lets go of the lock when the process ends, however it does.
///
/// # Errors
/// [`Refusal::Held`] tells the process that holds it and on whose behalf.
pub fn lock(path: &Path, on_behalf: &str) -> Result<File, Refusal> {
    let failed = |error: std::io::Error| Refusal::Failed(Failure::io("cannot lock", path, &error));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = (&file).take(200).read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { "another td-agent converge" } else { holder };
            return Err(Refusal::Held(Failure::new(format!(
                "{holder} changes this node just now: wait for it to end, or look at it with `ps`"
            ))));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let holder = format!("td-agent converge (process {}, {on_behalf})\n", std::process::id());
    let written = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)).map(|_| ()));
    written.and_then(|()| file.write_all(holder.as_bytes())).map_err(failed)?;
    Ok(file)
}

/// Who called: the user who became root by sudo, and where the SSH connection comes from.
#[must_use]
pub fn caller() -> String {
    let user = std::env::var("SUDO_USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "root".to_owned());
    let from = std::env::var("SSH_CONNECTION").ok();
    let from = from.as_deref().and_then(|connection| connection.split(' ').next()).filter(|from| !from.is_empty());
    match from {
        Some(from) => format!("started by {user} from {from}"),
        None => format!("started by {user}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = lock(&path, "started by pi from 192.0.2.1").unwrap();
        let Err(Refusal::Held(failure)) = lock(&path, "started by root") else {
            panic!("the lock was given twice");
        };
        let expected =
            format!("td-agent converge (process {}, started by pi from 192.0.2.1) changes", std::process::id());
        assert!(failure.0.starts_with(&expected), "{failure}");
        drop(first);
        // A child that another test has forked and that has not come to its exec yet holds a copy of it.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while let Err(refusal) = lock(&path, "x") {
            assert!(std::time::Instant::now() < end, "{refusal:?}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

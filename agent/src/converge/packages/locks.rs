//! Who holds apt's and dpkg's locks.

use std::fs::File;
use std::path::Path;

use rustix::process::{Flock, FlockType};

/// The locks that an installation takes, in the order in which they are looked at.
pub const LOCKS: [(&str, &str); 4] = [
    ("/var/lib/dpkg/lock-frontend", "dpkg's lock"),
    ("/var/lib/dpkg/lock", "dpkg's lock"),
    ("/var/lib/apt/lists/lock", "the lock of apt's lists"),
    ("/var/cache/apt/archives/lock", "the lock of apt's downloads"),
];

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub what: &'static str,
    /// The process and its name, where it can be seen from here.
    pub by: Option<(i32, String)>,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            Some((pid, name)) => write!(f, "{} (process {pid}) holds {}", name, self.what),
            None => write!(f, "another program holds {}", self.what),
        }
    }
}

/// The first lock that somebody holds.
#[must_use]
pub fn held() -> Option<Held> {
    LOCKS.iter().find_map(|(path, what)| holder(Path::new(path)).map(|by| Held { what, by }))
}

/// Who holds the lock of a file; nobody where the file is missing.
#[must_use]
pub fn holder(path: &Path) -> Option<Option<(i32, String)>> {
    let file = File::open(path).ok()?;
    // The whole file, as apt and dpkg lock it.
    let lock = rustix::process::fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
    // A process outside of this PID namespace is 0.
    Some(lock.pid.map(|pid| {
        let pid = pid.as_raw_nonzero().get();
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = name.trim();
        (pid, if name.is_empty() { "a program".to_owned() } else { name.to_owned() })
    }))
}

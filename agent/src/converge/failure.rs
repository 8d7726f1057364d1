//! A sentence for the person who must act.

use std::fmt::Display;
use std::io;
use std::path::Path;

use rustix::io::Errno;

/// Why a resource is not as it should be: what failed, what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What the system answered when `path` was to be read or changed; `doing` is like `cannot write`.
    #[must_use]
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        let advice = match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::ROFS) => {
                ": its file system is mounted read-only; `dmesg` tells whether an error of the card made it so, and \
                 `mount -o remount,rw` undoes it where somebody wanted it"
            }
            Some(Errno::NOSPC) => ": the disk is full; make room (`apt-get clean`, `journalctl --vacuum-size=16M`)",
            Some(Errno::DQUOT) => ": the disk quota is used up",
            Some(Errno::IO) => ": the medium has an error; see `dmesg`, and replace the card",
            _ => return Self(format!("{doing} {path}: {error}")),
        };
        Self(format!("{doing} {path}{advice}"))
    }

    /// Says what was being done.
    #[must_use]
    pub fn when(self, doing: impl Display) -> Self {
        Self(format!("{doing}: {}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_disk_say_what_to_do() {
        let said = |errno: Errno| Failure::io("cannot write", Path::new("/etc/hosts"), &errno.into()).0;
        assert!(said(Errno::ROFS).starts_with("cannot write /etc/hosts: its file system is mounted read-only; "));
        assert!(said(Errno::NOSPC).starts_with("cannot write /etc/hosts: the disk is full; "));
        assert_eq!(said(Errno::ISDIR), "cannot write /etc/hosts: Is a directory (os error 21)");
    }
}

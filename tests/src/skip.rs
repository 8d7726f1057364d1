//! The only way for a test to say that it cannot run here.
//!
//! A skip has a name and a reason in `tests/SKIPPED.md`; a name that is not listed there fails the test. What was
//! skipped is noted in the file named by `$TD_SKIPS`, and `make test` prints it at the end.

use std::io::Write as _;

const LISTED: &str = include_str!("../SKIPPED.md");

/// Notes that the named test does not run here. The caller returns after it.
///
/// # Panics
/// When `SKIPPED.md` does not list the name.
#[track_caller]
pub fn skip(name: &str, reason: &str) {
    assert!(is_listed(name), "the skip `{name}` is not listed in tests/SKIPPED.md");
    eprintln!("skipped: {name}: {reason}");
    let Some(path) = std::env::var_os("TD_SKIPS") else {
        return;
    };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    // One write of one line, so that tests side by side do not mix theirs.
    file.and_then(|mut file| file.write_all(format!("{name}: {reason}\n").as_bytes())).expect("the file of the skips");
}

fn is_listed(name: &str) -> bool {
    LISTED.lines().any(|line| line.starts_with(&format!("| `{name}` |")))
}

/// Whether the tests run as root, which some need for mounts of their own.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_listed_names_may_skip() {
        assert!(super::is_listed("disk_full"));
        assert!(!super::is_listed("no such test"));
    }
}

//! A Rust that can build for the targets.
//!
//! rustup's shims are asked where the toolchain lies and then passed by: a shim may fetch a toolchain when it runs, the
//! compiler itself never does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::environment::{self, Environment};
use crate::run::ask;
use crate::target::Target;

/// One toolchain.
#[derive(Debug, Clone)]
pub(crate) struct Rust {
    /// The folder with `bin` and `lib/rustlib`.
    pub sysroot: PathBuf,
    /// What `rustc -vV` prints: version, commit, host.
    pub identity: String,
    /// Folders of libraries for a toolchain that was unpacked and not installed.
    pub libraries: Vec<PathBuf>,
}

impl Rust {
    /// Looks at one `rustc`; `None` when it or its cargo does not run.
    pub(crate) fn of(rustc: &Path, libraries: Vec<PathBuf>) -> Option<Self> {
        let mut environment = Environment::new(&[]);
        if let Some(home) = std::env::var_os("RUSTUP_HOME") {
            environment.set("RUSTUP_HOME", home);
        }
        let mut rust = Self { sysroot: PathBuf::new(), identity: String::new(), libraries };
        rust.set_libraries(&mut environment);
        rust.sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"], &environment)?);
        rust.identity = ask(&rust.rustc(), &["-vV"], &environment)?;
        ask(&rust.cargo(), &["-V"], &environment)?;
        Some(rust)
    }

    pub(crate) fn rustc(&self) -> PathBuf {
        self.sysroot.join("bin/rustc")
    }

    pub(crate) fn cargo(&self) -> PathBuf {
        self.sysroot.join("bin/cargo")
    }

    /// Tells the loader where the libraries of an unpacked toolchain are.
    pub(crate) fn set_libraries(&self, environment: &mut Environment) {
        if !self.libraries.is_empty() {
            let joined = std::env::join_paths(&self.libraries).unwrap_or_else(|_| OsString::new());
            environment.set("LD_LIBRARY_PATH", joined);
        }
    }

    /// `1.96.0`, of the line `release: 1.96.0-nightly`.
    fn release(&self) -> &str {
        let line = self.identity.lines().find_map(|line| line.strip_prefix("release: "));
        line.and_then(|release| release.split('-').next()).unwrap_or_default()
    }

    /// Whether the target's own std is there.
    pub(crate) fn has_std(&self, target: Target) -> bool {
        let folder = self.sysroot.join("lib/rustlib").join(target.triple()).join("lib");
        let Ok(entries) = std::fs::read_dir(folder) else { return false };
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            name.to_str().is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".rlib"))
        })
    }

    /// Whether std can be built from its sources.
    pub(crate) fn has_sources(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/std/src/lib.rs").is_file()
    }

    pub(crate) fn can(&self, targets: &[Target], wanted: &str) -> bool {
        is_at_least(self.release(), wanted)
            && (self.has_sources() || targets.iter().all(|&target| self.has_std(target)))
    }
}

/// The first Rust on this machine that can build for all the targets.
pub(crate) fn find(targets: &[Target], wanted: &str) -> Option<Rust> {
    let candidates = environment::programs("rustc");
    candidates.iter().filter_map(|rustc| Rust::of(rustc, Vec::new())).find(|rust| rust.can(targets, wanted))
}

/// Compares versions number by number.
pub(crate) fn is_at_least(found: &str, wanted: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        version.split('.').map(|part| part.parse().unwrap_or(0)).chain([0, 0, 0]).take(3).collect()
    };
    !found.is_empty() && numbers(found) >= numbers(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_at_least("1.96.0", "1.89"));
        assert!(is_at_least("1.100.0", "1.96.1"));
        assert!(!is_at_least("1.85.0", "1.89"));
        assert!(!is_at_least("", "1.0"));
    }
}

//! Which build of td-agent a node needs, and where it lies.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use td_protocol::hash::ContentHash;
use thiserror::Error;

use super::elf::{self, ElfError, Machine};

/// The builds that there are on this machine.
#[derive(Debug)]
pub struct Binaries {
    /// `--agents`: `DIR/<target>/td-agent`.
    folder: Option<PathBuf>,
    /// Where td-provision itself lies; a td-agent beside it is for this machine's architecture.
    beside: Option<PathBuf>,
    read: Mutex<HashMap<PathBuf, Result<Arc<Build>, BuildError>>>,
}

/// One build.
#[derive(Debug)]
pub struct Build {
    /// The program.
    pub bytes: Vec<u8>,
    /// Its SHA-256.
    pub hash: ContentHash,
}

/// There is no build for a node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A machine that td is not built for.
    #[error(
        "it is a machine that td-agent is not built for ({machine}, {bits}-bit programs); there are builds for ARMv6, ARMv7, ARM64 and x86-64"
    )]
    NoSuchTarget {
        /// As `uname -m`.
        machine: String,
        /// Of the userland.
        bits: u32,
    },
    /// Not built yet.
    #[error("there is no td-agent for it here (looked for {}): make one with `td-provision build-agent --target {target}`, or name the folder with --agents", list(.looked))]
    Missing {
        /// The Rust target.
        target: &'static str,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// The file is not what it should be.
    #[error("{} is not td-agent for {target}: {why}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The Rust target.
        target: &'static str,
        /// Why not.
        why: String,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

const ARMV6: &str = "arm-unknown-linux-musleabihf";
const ARMV7: &str = "armv7-unknown-linux-musleabihf";
const ARM64: &str = "aarch64-unknown-linux-musl";
const X86_64: &str = "x86_64-unknown-linux-musl";

/// The targets whose programs run on a node, best first. `bits` is the userland's: a 64-bit kernel with 32-bit programs
/// (Raspberry Pi OS 32-bit on a Pi 4) gets the 32-bit build, so that agent and POV-Ray are of one kind.
pub fn targets(machine: &str, bits: u32) -> &'static [&'static str] {
    match (machine, bits) {
        ("armv6l", _) => &[ARMV6],
        ("armv7l" | "armv8l", _) | ("aarch64", 32) => &[ARMV7, ARMV6],
        ("aarch64", _) => &[ARM64],
        ("x86_64", _) => &[X86_64],
        _ => &[],
    }
}

fn machine_of(target: &str) -> Machine {
    match target {
        ARMV6 | ARMV7 => Machine::Arm,
        ARM64 => Machine::Aarch64,
        _ => Machine::X86_64,
    }
}

impl Binaries {
    /// The builds in `folder` (`--agents`), else beside this program.
    pub fn new(folder: Option<PathBuf>) -> Binaries {
        let own = std::env::current_exe().ok();
        let beside = own.and_then(|own| own.parent().map(Path::to_owned));
        Binaries { folder, beside, read: Mutex::default() }
    }

    /// The build for a node whose `uname -m` is `machine` and whose programs have `bits` bits.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn find(&self, machine: &str, bits: u32) -> Result<Arc<Build>, BuildError> {
        let targets = targets(machine, bits);
        let Some(best) = targets.first() else {
            return Err(BuildError::NoSuchTarget { machine: machine.to_owned(), bits });
        };
        let mut looked = Vec::new();
        for target in targets {
            for path in self.places(target) {
                if path.is_file() {
                    return self.read(&path, target);
                }
                looked.push(path);
            }
        }
        Err(BuildError::Missing { target: best, looked })
    }

    fn places(&self, target: &str) -> Vec<PathBuf> {
        if let Some(folder) = &self.folder {
            return vec![folder.join(target).join("td-agent")];
        }
        let mut places = Vec::new();
        if let Some(beside) = &self.beside {
            // As an installation has it, and as cargo has it: target/<target>/release beside target/release.
            places.push(beside.join("agents").join(target).join("td-agent"));
            if let Some(built) = beside.parent() {
                places.push(built.join(target).join("release/td-agent"));
            }
            if machine_of(target) == Machine::X86_64 && cfg!(target_arch = "x86_64") {
                places.push(beside.join("td-agent"));
            }
        }
        places
    }

    fn read(&self, path: &Path, target: &'static str) -> Result<Arc<Build>, BuildError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry(path.to_owned())
            .or_insert_with(|| {
                let wrong = |why: String| BuildError::Wrong { path: path.to_owned(), target, why };
                let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
                let machine = elf::machine(&bytes).map_err(|error: ElfError| wrong(error.to_string()))?;
                if machine != machine_of(target) {
                    return Err(wrong(format!("it is built for {machine:?}")));
                }
                let hash = ContentHash::of(&bytes);
                Ok(Arc::new(Build { bytes, hash }))
            })
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_targets() {
        for (machine, bits, expected) in [
            ("armv6l", 32, Some(ARMV6)),
            ("armv7l", 32, Some(ARMV7)),
            ("aarch64", 32, Some(ARMV7)),
            ("aarch64", 64, Some(ARM64)),
            ("aarch64", 0, Some(ARM64)),
            ("x86_64", 64, Some(X86_64)),
            ("i686", 32, None),
            ("riscv64", 64, None),
        ] {
            assert_eq!(targets(machine, bits).first().copied(), expected, "{machine} {bits}");
        }
        // The targets of the inventory's models are among them.
        for model in td_inventory::Model::all() {
            let known = [ARMV6, ARMV7, ARM64, X86_64];
            assert!(known.contains(&model.target()), "{model}");
        }
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().expect("a folder");
        let binaries = || Binaries::new(Some(folder.path().to_owned()));
        let missing = binaries().find("aarch64", 32).expect_err("is not there").to_string();
        assert!(missing.contains("build-agent --target armv7-unknown-linux-musleabihf"), "{missing}");
        let place = |target: &str| {
            std::fs::create_dir_all(folder.path().join(target)).expect("made");
            folder.path().join(target).join("td-agent")
        };
        let own = std::env::current_exe().expect("has a path");
        std::fs::copy(&own, place(ARM64)).expect("copied");
        let wrong = binaries().find("aarch64", 64).expect_err("is for this machine").to_string();
        assert!(wrong.contains("is not td-agent for aarch64") || cfg!(target_arch = "aarch64"), "{wrong}");
        std::fs::write(place(X86_64), b"\x7fELF\x02\x01").expect("written");
        let cut = binaries().find("x86_64", 64).expect_err("is cut").to_string();
        assert!(cut.contains("cut off"), "{cut}");
        if cfg!(target_arch = "x86_64") {
            std::fs::copy(&own, place(X86_64)).expect("copied");
            let build = binaries().find("x86_64", 64).expect("is there");
            assert_eq!(build.hash, ContentHash::of(&build.bytes));
        }
    }
}

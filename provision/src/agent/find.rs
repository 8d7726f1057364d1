//! Which build of td-agent a node needs, and where it lies.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use td_build_agent::{Problem, Source, Target, kept, prebuilt};
use td_protocol::hash::ContentHash;
use thiserror::Error;

use super::elf::{self, ElfError, Machine};

/// The builds that there are on this machine.
#[derive(Debug)]
pub struct Binaries {
    /// `--agents`.
    folder: Option<PathBuf>,
    /// Where td-provision itself lies; a td-agent beside it is for this machine's architecture.
    beside: Option<PathBuf>,
    /// td's sources, where they are at hand and `--agents` does not take their place.
    source: Option<Source>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    read: HashMap<PathBuf, Result<Arc<Build>, BuildError>>,
    /// What was made of the sources as they are; `None` for nothing.
    current: HashMap<Target, Option<PathBuf>>,
    /// What was built or could not be: once in a run.
    tried: HashSet<Target>,
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
    #[error("there is no td-agent for it here (looked for {}): make one with `td-provision build-agent --target {target}` in the folder of td's sources, or name a folder of agents with --agents", list(.looked))]
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

/// The targets whose programs run on a node, best first. `bits` is the userland's: a 64-bit kernel with 32-bit programs
/// (Raspberry Pi OS 32-bit on a Pi 4) gets the 32-bit build, so that agent and POV-Ray are of one kind.
pub fn targets(machine: &str, bits: u32) -> &'static [Target] {
    match (machine, bits) {
        ("armv6l", _) => &[Target::Armv6],
        ("armv7l" | "armv8l", _) | ("aarch64", 32) => &[Target::Armv7, Target::Armv6],
        ("aarch64", _) => &[Target::Arm64],
        ("x86_64", _) => &[Target::X86_64],
        _ => &[],
    }
}

const fn machine_of(target: Target) -> Machine {
    match target {
        Target::Armv6 | Target::Armv7 => Machine::Arm,
        Target::Arm64 => Machine::Aarch64,
        Target::X86_64 => Machine::X86_64,
    }
}

impl Binaries {
    /// The builds in `folder` (`--agents`), else those of td's sources, else those that came with this program.
    pub fn new(folder: Option<PathBuf>) -> Binaries {
        let own = std::env::current_exe().ok();
        let beside = own.and_then(|own| own.parent().map(Path::to_owned));
        let source = if folder.is_none() { Source::find(None).ok() } else { None };
        Binaries { folder, beside, source, state: Mutex::default() }
    }

    /// The sources that the agent for `target` has to be built of before a node can get it; `None` where one that was built
    /// of them is there, where agents came with td, where it was tried before, and where there are no sources.
    pub fn lacks(&self, target: Target) -> Option<&Source> {
        let source = self.source.as_ref()?;
        let packaged = self.packaged(target).is_some_and(|path| path.is_file());
        let tried = || self.state().tried.contains(&target);
        (!packaged && !tried() && self.current(target).is_none()).then_some(source)
    }

    /// It was built, or cannot be.
    pub fn tried(&self, target: Target, built: Option<PathBuf>) {
        let mut state = self.state();
        state.tried.insert(target);
        state.current.insert(target, built);
    }

    /// The first build for `target` that there is.
    pub fn there(&self, target: Target) -> Option<PathBuf> {
        self.places(target).into_iter().find(|path| path.is_file())
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
        for &target in targets {
            if let Some(folder) = &self.folder {
                match prebuilt(folder, target) {
                    Ok(path) => return self.read(&path, target),
                    Err(Problem::NoPrebuilt { .. }) => looked.push(folder.join(target.triple()).join("td-agent")),
                    Err(Problem::NotPrebuilt { path, target, why }) => {
                        return Err(BuildError::Wrong { path, target, why: why.to_string() });
                    }
                    Err(other) => {
                        let (path, target) = (folder.clone(), target.triple());
                        return Err(BuildError::Wrong { path, target, why: other.to_string() });
                    }
                }
                continue;
            }
            match self.there(target) {
                Some(path) => return self.read(&path, target),
                None => looked.extend(self.places(target)),
            }
        }
        looked.dedup();
        Err(BuildError::Missing { target: best.triple(), looked })
    }

    fn places(&self, target: Target) -> Vec<PathBuf> {
        let built = |folder: &Path| folder.join(target.triple()).join("release/td-agent");
        let mut places: Vec<PathBuf> = self.packaged(target).into_iter().collect();
        places.extend(self.current(target));
        // As cargo has it: target/<target>/release beside target/release.
        places.extend(self.beside.as_deref().and_then(Path::parent).map(built));
        // This program may have been copied elsewhere.
        places.extend(self.source.as_ref().map(|source| built(&source.target_folder())));
        places.extend(self.own(target));
        let mut seen = HashSet::new();
        places.retain(|path| seen.insert(path.clone()));
        places
    }

    /// As an installation has it.
    fn packaged(&self, target: Target) -> Option<PathBuf> {
        Some(self.beside.as_ref()?.join("agents").join(target.triple()).join("td-agent"))
    }

    /// The td-agent beside this program, for machines like this one.
    fn own(&self, target: Target) -> Option<PathBuf> {
        let fits = target == Target::X86_64 && cfg!(target_arch = "x86_64");
        fits.then(|| self.beside.as_ref().map(|beside| beside.join("td-agent"))).flatten()
    }

    /// What is there of the sources as they are: built for nodes, or together with this program.
    fn current(&self, target: Target) -> Option<PathBuf> {
        let source = self.source.as_ref()?;
        let own = || self.own(target).filter(|own| is_as_its_sources(own));
        self.state().current.entry(target).or_insert_with(|| kept(source, target).or_else(own)).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, path: &Path, target: Target) -> Result<Arc<Build>, BuildError> {
        let read = || {
            let wrong = |why: String| BuildError::Wrong { path: path.to_owned(), target: target.triple(), why };
            let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let machine = elf::machine(&bytes).map_err(|error: ElfError| wrong(error.to_string()))?;
            if machine != machine_of(target) {
                return Err(wrong(format!("it is built for {machine:?}")));
            }
            let hash = ContentHash::of(&bytes);
            Ok(Arc::new(Build { bytes, hash }))
        };
        self.state().read.entry(path.to_owned()).or_insert_with(read).clone()
    }
}

/// Whether none of the files that a program was made of, as cargo notes them beside it, has changed since. One without such a
/// note was installed, and is as old as td-provision itself.
fn is_as_its_sources(program: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified());
    let Ok(made) = changed(program) else { return false };
    let Ok(note) = std::fs::read_to_string(program.with_extension("d")) else { return true };
    let sources = note.split_once(": ").map_or("", |(_, sources)| sources);
    // A space in a name is written with a backslash.
    let sources = sources.trim().replace("\\ ", "\0");
    let mut sources = sources.split(' ').filter(|name| !name.is_empty()).map(|name| name.replace('\0', " "));
    sources.all(|source| changed(Path::new(&source)).is_ok_and(|when| when <= made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_targets() {
        for (machine, bits, expected) in [
            ("armv6l", 32, Some(Target::Armv6)),
            ("armv7l", 32, Some(Target::Armv7)),
            ("aarch64", 32, Some(Target::Armv7)),
            ("aarch64", 64, Some(Target::Arm64)),
            ("aarch64", 0, Some(Target::Arm64)),
            ("x86_64", 64, Some(Target::X86_64)),
            ("i686", 32, None),
            ("riscv64", 64, None),
        ] {
            assert_eq!(targets(machine, bits).first().copied(), expected, "{machine} {bits}");
        }
    }

    /// The least that passes for a static, stripped program of 64 bit.
    fn program(machine: u8) -> Vec<u8> {
        let mut bytes = vec![0_u8; 64];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[16] = 2;
        bytes[18] = machine;
        bytes
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().expect("a folder");
        let binaries = || Binaries::new(Some(folder.path().to_owned()));
        let missing = binaries().find("aarch64", 32).expect_err("is not there").to_string();
        assert!(missing.contains("build-agent --target armv7-unknown-linux-musleabihf"), "{missing}");
        let place = |target: Target| {
            std::fs::create_dir_all(folder.path().join(target.triple())).expect("made");
            folder.path().join(target.triple()).join("td-agent")
        };
        std::fs::write(place(Target::Arm64), program(62)).expect("written");
        let wrong = binaries().find("aarch64", 64).expect_err("is for x86-64").to_string();
        assert!(wrong.contains("is not td-agent for aarch64") && wrong.contains("another machine"), "{wrong}");
        // Read as strictly as a build of one's own: this test itself would need libraries on the node.
        std::fs::copy(std::env::current_exe().expect("has a path"), place(Target::X86_64)).expect("copied");
        assert!(binaries().find("x86_64", 64).is_err());
        std::fs::write(place(Target::X86_64), program(62)).expect("written");
        let build = binaries().find("x86_64", 64).expect("is there");
        assert_eq!(build.hash, ContentHash::of(&build.bytes));
        // As cargo's own target folder has it.
        std::fs::create_dir_all(folder.path().join("x/x86_64-unknown-linux-musl/release")).expect("made");
        let cargos = folder.path().join("x");
        std::fs::write(cargos.join("x86_64-unknown-linux-musl/release/td-agent"), program(62)).expect("written");
        assert!(Binaries::new(Some(cargos)).find("x86_64", 64).is_ok());
        // Nobody is to build what is taken from a folder.
        assert!(binaries().lacks(Target::Armv6).is_none());
    }

    #[test]
    fn a_program_that_is_older_than_its_sources() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a source.rs"), "").expect("written");
        std::fs::write(path("td-agent"), "").expect("written");
        assert!(is_as_its_sources(&path("td-agent")), "installed");
        let name = path("a source.rs").display().to_string().replace(' ', "\\ ");
        std::fs::write(path("td-agent.d"), format!("{}: {name} {name}\n", path("td-agent").display()))
            .expect("written");
        assert!(is_as_its_sources(&path("td-agent")));
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        let file = std::fs::File::options().write(true).open(path("a source.rs")).expect("is there");
        file.set_modified(later).expect("set");
        assert!(!is_as_its_sources(&path("td-agent")));
        assert!(!is_as_its_sources(&path("none")));
    }
}

//! zig (musl, a C compiler and the linker for every target) and cargo-zigbuild, which puts cargo and zig together: both
//! as wheels of the Python registry, pinned by hash, in a virtual environment of our own.

use std::path::{Path, PathBuf};

use super::{begin, finish, is_complete};
use crate::environment::{Environment, programs};
use crate::problem::Problem;
use crate::run::{Hands, Step, arguments, ask_or_why};

/// Read by pip with `--require-hashes`: for x86-64 and ARM64 machines.
const REQUIREMENTS: &str = include_str!("../../../../cross/zig-requirements.txt");

/// Both, unpacked.
#[derive(Debug, Clone)]
pub(crate) struct Zig {
    pub zig: PathBuf,
    pub zigbuild: PathBuf,
}

impl Zig {
    /// What a hash of the toolchain has to name.
    pub(crate) const fn identity() -> &'static str {
        REQUIREMENTS
    }

    /// What was unpacked before.
    pub(crate) fn unpacked(tools: &Path) -> Option<Self> {
        let folder = tools.join("zig");
        if is_complete(&folder, REQUIREMENTS) { Self::look(&folder) } else { None }
    }

    fn look(folder: &Path) -> Option<Self> {
        let libraries = std::fs::read_dir(folder.join("lib")).ok()?;
        let zigs = libraries.flatten().map(|entry| entry.path().join("site-packages/ziglang/zig"));
        let zig = zigs.into_iter().find(|path| path.is_file())?;
        let zigbuild = folder.join("bin/cargo-zigbuild");
        zigbuild.is_file().then_some(Self { zig, zigbuild })
    }

    /// Fetches both.
    ///
    /// # Errors
    /// When there is no Python that can make a virtual environment, or the wheels cannot be had.
    pub(crate) fn fetch(tools: &Path, hands: &mut Hands<'_>) -> Result<Self, Problem> {
        let python = python()?;
        let folder = tools.join("zig");
        begin(&folder)?;
        let environment = Environment::new(&[]);
        hands.watch.stage("fetching zig");
        let mut venv = arguments(["-m", "venv"]);
        venv.push(folder.clone().into());
        let made = hands.run(&Step {
            what: "making a virtual environment",
            program: &python,
            arguments: venv,
            environment: &environment,
            folder: tools,
        });
        match made {
            Err(Problem::Failed { tail, .. }) => return Err(Problem::NoPython { said: tail }),
            other => other?,
        };
        let wanted = folder.join("requirements.txt");
        std::fs::write(&wanted, REQUIREMENTS).map_err(Problem::file(&wanted))?;
        let mut install = arguments(["install", "--disable-pip-version-check", "--no-deps"]);
        // Beside what is unpacked: a wheel that was fetched before an interruption is not fetched again.
        let cache = tools.join("pip-cache");
        install.extend(["--cache-dir".into(), cache.clone().into()]);
        install.extend(arguments(["--only-binary=:all:", "--require-hashes", "-r"]));
        install.push(wanted.into());
        hands.run(&Step {
            what: "fetching zig",
            program: &folder.join("bin/pip"),
            arguments: install,
            environment: &environment,
            folder: &folder,
        })?;
        let zig = Self::look(&folder).ok_or_else(|| Problem::Failed {
            what: "fetching zig".to_owned(),
            log: hands.log.clone(),
            tail: "pip installed it, and it is not where it should be".to_owned(),
        })?;
        finish(&folder, REQUIREMENTS)?;
        // Of no more use.
        let _ = std::fs::remove_dir_all(cache);
        Ok(zig)
    }
}

/// A Python that can make virtual environments: Debian's own before others.
///
/// # Errors
/// [`Problem::NoPython`].
pub(crate) fn python() -> Result<PathBuf, Problem> {
    let mut candidates = vec![PathBuf::from("/usr/bin/python3")];
    candidates.extend(programs("python3"));
    let environment = Environment::new(&[]);
    let mut said = "there is no python3".to_owned();
    for python in candidates.into_iter().filter(|path| path.is_file()) {
        // Debian's python3 has venv without ensurepip unless python3-venv is installed.
        match ask_or_why(&python, &["-c", "import venv, ensurepip"], &environment) {
            Ok(_) => return Ok(python),
            Err(why) => said = why.lines().last().unwrap_or_default().to_owned(),
        }
    }
    Err(Problem::NoPython { said })
}

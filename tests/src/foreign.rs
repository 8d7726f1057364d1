//! Machines that this one is not: the ARM1176 of a Raspberry Pi 1, emulated, and POV-Rays of other architectures.
//!
//! Everything is fetched from Debian's archive and unpacked below `target/foreign/`, once ([`root`]); the agent is what
//! `td-provision build-agent` made for ARMv6 ([`agent`]).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process;
use crate::programs;

/// The emulated processor: an ARM1176, as in a Raspberry Pi 1 and Zero.
pub const CPU: &str = "arm1176";
/// Fetching packages of another architecture, on a slow line.
const FETCHING: Duration = Duration::from_secs(600);

/// The emulator.
///
/// # Panics
/// When it is not there.
pub fn qemu() -> PathBuf {
    programs::in_path("qemu-arm-static").expect("no qemu-arm-static in PATH: `make test` brings it")
}

/// The agent for ARMv6.
///
/// # Panics
/// With the command that builds it, when it is not there.
pub fn agent() -> PathBuf {
    let path = programs::target().join("arm-unknown-linux-musleabihf/release/td-agent");
    assert!(path.is_file(), "{} is not there: `make agent-armv6` builds it", path.display());
    path
}

/// A folder with Debian's POV-Ray of another architecture and all the libraries it needs.
///
/// # Panics
/// When they cannot be fetched.
pub fn root(architecture: &str) -> PathBuf {
    let folder = programs::target().join("foreign").join(architecture);
    let script = programs::workspace().join("tests/foreign.sh");
    process::run(Command::new(script).arg(architecture).arg(&folder), FETCHING).code(0);
    folder
}

/// A program in `folder` that is Debian's POV-Ray for armel on an emulated ARM1176.
pub fn emulated_povray(folder: &Path) -> PathBuf {
    let root = root("armel");
    let libraries = root.join("usr/lib/arm-linux-gnueabi");
    let script = format!(
        "#!/bin/sh\nexec {} -cpu {CPU} {root}/lib/ld-linux.so.3 \
         --library-path {root}/lib/arm-linux-gnueabi:{libraries}:{libraries}/pulseaudio {root}/usr/bin/povray \"$@\"\n",
        qemu().display(),
        root = root.display(),
        libraries = libraries.display(),
    );
    let path = folder.join("povray-armel");
    fs::write(&path, script).expect("the wrapper can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the wrapper may be run");
    path
}

//! Machines that this one is not: the ARM1176 of a Raspberry Pi 1, emulated, and POV-Rays of other architectures.
//!
//! Everything is fetched from Debian's archive and unpacked below `target/foreign/`, once ([`root`]); the agent is what
//! `td-provision build-agent` made for ARMv6 ([`agent`]).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

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
    agent_for("arm-unknown-linux-musleabihf")
}

/// The agent for a target of Rust's.
///
/// # Panics
/// With the command that builds it, when it is not there.
pub fn agent_for(target: &str) -> PathBuf {
    let path = programs::target().join(target).join("release/td-agent");
    assert!(path.is_file(), "{} is not there: `make agents` builds it", path.display());
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

/// A program that is Debian's POV-Ray for armel on an emulated ARM1176.
///
/// It is written once and then left alone: agents keep their fingerprint as long as the program is the same.
///
/// # Panics
/// When it cannot be written.
pub fn emulated_povray() -> PathBuf {
    let root = root("armel");
    let libraries = root.join("usr/lib/arm-linux-gnueabi");
    let script = format!(
        "#!/bin/sh\nexec {} -cpu {CPU} {root}/lib/ld-linux.so.3 \
         --library-path {root}/lib/arm-linux-gnueabi:{libraries}:{libraries}/pulseaudio {root}/usr/bin/povray \"$@\"\n",
        qemu().display(),
        root = root.display(),
        libraries = libraries.display(),
    );
    let folder = programs::target().join("foreign");
    let path = folder.join("povray-armel");
    if fs::read_to_string(&path).ok().as_ref() != Some(&script) {
        let draft = tempfile::NamedTempFile::new_in(&folder).expect("target/foreign can be written");
        fs::write(draft.path(), script).expect("the program can be written");
        fs::set_permissions(draft.path(), fs::Permissions::from_mode(0o755)).expect("the program may be run");
        // Two tests at once both make it; either will do.
        draft.persist(&path).expect("the program gets its name");
    }
    path
}

/// The file in which the emulated agent's fingerprint is kept from test to test, named by the agent's content: it takes
/// the emulated processor a minute.
///
/// # Panics
/// When there is no agent.
pub fn kept_fingerprint() -> PathBuf {
    let bytes = fs::read(agent()).expect("the agent can be read");
    let name = format!("fingerprint-{}.json", &hex::encode(Sha256::digest(bytes))[..16]);
    programs::target().join("foreign").join(name)
}

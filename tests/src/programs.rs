//! Where the programs under test and their surroundings are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::process;

/// The top of the checkout.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// The folder that cargo builds into.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => workspace().join(dir),
        None => workspace().join("target"),
    }
}

/// The folder of the three release binaries: `$TD_BIN_DIR`, else `target/release`.
pub fn bin_dir() -> PathBuf {
    match std::env::var_os("TD_BIN_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => target().join("release"),
    }
}

/// One of the release binaries, for example `td`.
///
/// # Panics
/// With a sentence that says how to build it, when it is not there.
pub fn binary(name: &str) -> PathBuf {
    let path = bin_dir().join(name);
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build --release` first (or `make test`, which does), or name its folder in TD_BIN_DIR",
        path.display()
    );
    path
}

/// Plain POV-Ray, which every picture is compared with: `$TD_POVRAY`, else the one in PATH.
pub fn povray() -> PathBuf {
    match std::env::var_os("TD_POVRAY") {
        Some(path) => PathBuf::from(path),
        None => in_path("povray").expect("no povray in PATH: `make test` brings it"),
    }
}

/// What `povray --version` says first, its version.
pub fn povray_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let outcome = process::run(Command::new(povray()).arg("--version"), Duration::from_secs(20));
        // Without a configuration file of the user's it says so first.
        let said = outcome.err();
        let line = said.lines().find(|line| line.contains("POV-Ray 3.")).unwrap_or_default();
        line.trim().to_owned()
    })
}

/// A program found in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Debian's python, which sees Debian's packages (Pillow), whatever other python comes first in PATH.
pub fn python() -> PathBuf {
    let debian = PathBuf::from("/usr/bin/python3");
    if debian.is_file() { debian } else { in_path("python3").expect("no python3: `make test` brings it") }
}

/// POV-Ray's example scenes (package povray-examples).
///
/// # Panics
/// When they are not there.
pub fn examples() -> PathBuf {
    let installed = PathBuf::from("/usr/share/doc/povray/examples");
    // Where the system leaves out /usr/share/doc, the set-up unpacks the package here.
    let unpacked = workspace().join("target/povray-examples/usr/share/doc/povray/examples");
    [installed, unpacked]
        .into_iter()
        .find(|dir| dir.is_dir())
        .expect("POV-Ray's example scenes are not there: `make test` brings the package povray-examples")
}

/// A program of Prometheus's, `promtool` or `prometheus-node-exporter`, which `make e2e` unpacks.
///
/// # Panics
/// When it is not there.
pub fn of_prometheus(name: &str) -> PathBuf {
    let unpacked = workspace().join("target/prometheus/usr/bin").join(name);
    let found = if unpacked.is_file() { Some(unpacked) } else { in_path(name) };
    found.unwrap_or_else(|| panic!("{name} is not there: `setup/packages.sh e2e` brings it (`make e2e` does)"))
}

/// Nagios's own program, which `make e2e` unpacks.
///
/// # Panics
/// When it is not there.
pub fn nagios() -> PathBuf {
    let unpacked = workspace().join("target/nagios/usr/sbin/nagios4");
    let found = [unpacked, PathBuf::from("/usr/sbin/nagios4")].into_iter().find(|path| path.is_file());
    found.expect("nagios4 is not there: `setup/packages.sh e2e` brings it (`make e2e` does)")
}

/// The scenes of our own, each for one thing that the examples do not cover.
pub fn own_scenes() -> PathBuf {
    workspace().join("tests/scenes")
}

//! The environment of every tool that a build starts: nothing of the user's but what leads to the registries.
//!
//! A `RUSTFLAGS`, a compiler wrapper or a `CC` of the user's would change what comes out, and two builds of one commit
//! would differ between two shells.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Variables that are handed on: who the user is, where the caches are, and the way to the network.
const KEPT: [&str; 20] = [
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "CARGO_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_HOST",
    "CONTAINER_HOST",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
];
/// The same, by how a name begins.
const KEPT_PREFIXES: [&str; 5] = ["PIP_", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];

/// A tool's environment.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    variables: Vec<(OsString, OsString)>,
}

impl Environment {
    /// What is kept of the process's own, with the programs of `first` found before Debian's.
    pub(crate) fn new(first: &[&Path]) -> Self {
        let mut path: Vec<PathBuf> = first.iter().map(|folder| folder.to_path_buf()).collect();
        path.extend(["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from));
        let path = std::env::join_paths(path).unwrap_or_else(|_| "/usr/bin:/bin".into());
        let kept = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_kept));
        let mut environment = Self { variables: kept.collect() };
        environment.set("PATH", path);
        environment.set("LANG", "C.UTF-8");
        // Nothing that td starts may make rustup fetch a toolchain; see `ways::cross`.
        environment.set("RUSTUP_AUTO_INSTALL", "0");
        environment.set("RUSTUP_DIST_SERVER", NOWHERE);
        environment.set("RUSTUP_UPDATE_ROOT", NOWHERE);
        environment
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) -> &mut Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }
}

/// An address at which nothing listens.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Programs of this name in the user's own PATH and in cargo's folder, the first found first.
pub(crate) fn programs(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    folders.push(cargo_home().join("bin"));
    folders.push("/usr/bin".into());
    let mut found: Vec<PathBuf> = Vec::new();
    for file in folders.into_iter().map(|folder| folder.join(name)) {
        if is_program(&file) && !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

/// cargo's folder of registries.
pub(crate) fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/".into()));
    std::env::var_os("CARGO_HOME").map_or_else(|| home().join(".cargo"), PathBuf::from)
}

pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_a_build_is_left_behind() {
        for name in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER", "CC", "CFLAGS", "RUSTUP_TOOLCHAIN"] {
            assert!(!is_kept(name), "{name}");
        }
        for name in ["https_proxy", "CARGO_REGISTRIES_CRATES_IO_PROTOCOL", "CARGO_HTTP_CAINFO", "PIP_CERT"] {
            assert!(is_kept(name), "{name}");
        }
    }
}

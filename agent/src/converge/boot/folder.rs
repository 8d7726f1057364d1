//! Where config.txt is.

use std::path::PathBuf;

use td_protocol::converge::facts::{BootFolder, BootState};

use crate::converge::mounts::{self, fstab};
use crate::converge::node::Node;

/// Newer systems first. The older place has a config.txt there too, which only points to the newer one.
const FOLDERS: [&str; 2] = ["/boot/firmware", "/boot"];

/// Finds the folder.
///
/// A folder that /etc/fstab mounts and that is not mounted is not used, whatever lies in it: the firmware would not see it.
#[must_use]
pub fn find(node: &Node) -> BootFolder {
    let fstab = node.text("/etc/fstab").unwrap_or_default();
    let mounted = if node.is_alive() { mounts::read() } else { Vec::new() };
    for folder in FOLDERS {
        let path = Some(folder.to_owned());
        let listed = fstab::entries(&fstab).any(|entry| entry.path == folder);
        if listed && node.is_alive() && !mounted.iter().any(|mount| mount.path == folder) {
            return BootFolder { path, state: BootState::NotMounted };
        }
        if node.exists(&config_in(folder)) {
            return BootFolder { path, state: BootState::Ready };
        }
        if listed {
            return BootFolder { path, state: BootState::NoConfig };
        }
    }
    BootFolder { path: None, state: BootState::None }
}

/// config.txt in a folder.
#[must_use]
pub fn config_in(folder: &str) -> String {
    format!("{folder}/config.txt")
}

/// The file that an `include` line names.
#[must_use]
pub fn included(node: &Node, folder: &str, name: &str) -> Option<String> {
    // The firmware knows no folders above its own.
    if name.contains("..") {
        return None;
    }
    let path: PathBuf = node.path(&format!("{folder}/{name}"));
    let bytes = super::super::replace::read(&path).ok().flatten()?;
    Some(super::config::decode(&bytes))
}

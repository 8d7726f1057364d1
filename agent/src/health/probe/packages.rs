//! What the slow half depends on, and what dpkg says.

use std::os::unix::fs::MetadataExt as _;

use td_protocol::hash::ContentHash;
use td_protocol::version;

use super::reboot;
use crate::converge::facts::upstream;
use crate::converge::packages::{STATUS, status};
use crate::health::root::Root;
use crate::povray::locate;

/// ImageMagick's version, and whether dpkg could be asked at all.
#[must_use]
pub fn imagemagick(root: &Root) -> (Option<String>, bool) {
    let Ok(packages) = status::read(&root.path(STATUS), &|name| name == "imagemagick") else { return (None, false) };
    let installed = packages.get("imagemagick").filter(|package| package.is_installed());
    (installed.map(|package| upstream(&package.version)), true)
}

/// Another one after a change of packages, of POV-Ray's program, of config.txt, of the marks of a pending reboot, and of td.
#[must_use]
pub fn identity(root: &Root) -> String {
    let mut text = version::TD.to_owned();
    let files = [STATUS, reboot::MARK, reboot::MARK_NAMES].into_iter().chain(reboot::CONFIGS);
    for path in files {
        let seen = std::fs::metadata(root.path(path));
        let seen =
            seen.map_or_else(|_| "-".to_owned(), |meta| format!("{} {} {}", meta.len(), meta.mtime(), meta.ino()));
        text.push_str(&format!("\n{path} {seen}"));
    }
    if root.is_here() {
        // Its version is not asked for, which would start it.
        let povray =
            locate::locate_knowing(|_| Some(String::new())).map(|povray| locate::binary_identity(&povray.path));
        text.push_str(&format!("\n{}", povray.unwrap_or_default()));
    }
    ContentHash::of(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn dpkg_knows_or_cannot_be_asked() {
        let status =
            "Package: imagemagick\nStatus: install ok installed\nArchitecture: amd64\nVersion: 8:6.9.11.60+dfsg-1.6\n";
        let (_dir, root) = node(&[(STATUS, status)]);
        assert_eq!(imagemagick(&root), (Some("6.9.11.60+dfsg".to_owned()), true));
        let (_dir, removed) = node(&[(STATUS, &status.replace("ok installed", "ok config-files"))]);
        assert_eq!(imagemagick(&removed), (None, true));
        let (_dir, other) = node(&[]);
        assert_eq!(imagemagick(&other), (None, false));
    }

    #[test]
    fn a_change_is_seen() {
        let (_dir, root) = node(&[(STATUS, "a")]);
        let before = identity(&root);
        assert_eq!(identity(&root), before);
        std::fs::create_dir_all(root.path("/run")).unwrap();
        std::fs::write(root.path(reboot::MARK), "").unwrap();
        let marked = identity(&root);
        assert_ne!(marked, before);
        std::fs::write(root.path(STATUS), "ab").unwrap();
        assert_ne!(identity(&root), marked);
    }
}

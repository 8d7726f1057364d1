//! Directories.

use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use td_protocol::converge::event::Diff;
use td_protocol::converge::resource::Directory;

use super::diff;
use super::failure::Failure;
use super::mounts;
use super::node::{Check, Converge, Made, Node, Removed};

/// Whose a directory is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
}

/// What is different about a directory.
///
/// # Errors
/// When something else lies there.
pub fn check(node: &Node, path: &str, wanted: Wanted) -> Result<Vec<Diff>, Failure> {
    let place = node.path(path);
    let meta = match fs::metadata(&place) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let new = format!("folder, {:04o}, {}:{}", wanted.mode, wanted.uid, wanted.gid);
            return Ok(vec![diff::value(path, None, Some(new))]);
        }
        Err(error) => return Err(Failure::io("cannot look at", &place, &error)),
    };
    if !meta.is_dir() {
        return Err(Failure::new(format!("{path} is no folder: move it away")));
    }
    Ok(rights_diffs(path, (meta.uid(), meta.gid(), meta.mode() & 0o7777), (wanted.uid, wanted.gid, wanted.mode)))
}

/// Differences in user, group and mode.
#[must_use]
pub fn rights_diffs(path: &str, old: (u32, u32, u32), new: (u32, u32, u32)) -> Vec<Diff> {
    let mut diffs = Vec::new();
    if (old.0, old.1) != (new.0, new.1) {
        let pair = |(uid, gid, _): (u32, u32, u32)| Some(format!("{uid}:{gid}"));
        diffs.push(diff::value(format!("owner of {path}"), pair(old), pair(new)));
    }
    if old.2 != new.2 {
        let mode = |(_, _, mode): (u32, u32, u32)| Some(format!("{mode:04o}"));
        diffs.push(diff::value(format!("mode of {path}"), mode(old), mode(new)));
    }
    diffs
}

/// Makes it so. Folders above it that are missing are root's, open to all for reading.
///
/// # Errors
/// When the system refuses.
pub fn make(node: &Node, path: &str, wanted: Wanted) -> Result<(), Failure> {
    let place = node.path(path);
    if !place.is_dir() {
        if let Some(above) = place.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(above);
            made.map_err(|error| Failure::io("cannot make", above, &error))?;
        }
        let made = fs::DirBuilder::new().mode(0o700).create(&place);
        made.map_err(|error| Failure::io("cannot make", &place, &error))?;
    }
    // By an open folder: where its owner could put a link in its place, root must not follow that.
    let folder = open(&place)?;
    let meta = folder.metadata().map_err(|error| Failure::io("cannot look at", &place, &error))?;
    if (meta.uid(), meta.gid()) != (wanted.uid, wanted.gid) {
        std::os::unix::fs::fchown(&folder, Some(wanted.uid), Some(wanted.gid))
            .map_err(|error| Failure::io("cannot set the owner of", &place, &error))?;
    }
    // After the owner: a change of owner may clear bits.
    folder
        .set_permissions(Permissions::from_mode(wanted.mode))
        .map_err(|error| Failure::io("cannot set the mode of", &place, &error))
}

/// Opens a folder; through a link only where root made the link.
fn open(place: &Path) -> Result<fs::File, Failure> {
    let link = fs::symlink_metadata(place).map_err(|error| Failure::io("cannot look at", place, &error))?;
    if link.is_symlink() && link.uid() != 0 {
        return Err(Failure::new(format!("{} is a link that root did not make: remove it", place.display())));
    }
    let flags = if link.is_symlink() { libc::O_DIRECTORY } else { libc::O_DIRECTORY | libc::O_NOFOLLOW };
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags).open(place);
    opened.map_err(|error| Failure::io("cannot open", place, &error))
}

impl Converge for Directory {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let diffs = check(node, &self.path, wanted(self, node)?)?;
        Ok(Check { diffs, message: format!("folder of {}", self.owner), ..Check::default() })
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        make(node, &self.path, wanted(self, node)?)?;
        Ok(format!("folder of {}", self.owner).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let place = node.path(&self.path);
        let Ok(meta) = fs::symlink_metadata(&place) else {
            return Ok(Removed::nothing("it is gone"));
        };
        if !meta.is_dir() {
            return Ok(Removed::nothing("it is no folder: td leaves it alone"));
        }
        let gone = || vec![diff::value(&self.path, Some("folder".to_owned()), None)];
        // Only td's own account keeps things there that nobody else needs: what root owns goes when it is empty.
        if meta.uid() != 0 && self.owner != "root" && node.uid(&self.owner).is_ok_and(|uid| uid == meta.uid()) {
            let inside = format!("{}/", self.path);
            if let Some(mount) =
                mounts::read().into_iter().find(|mount| node.is_alive() && mount.path.starts_with(&inside))
            {
                return Err(Failure::new(format!("{} is mounted in it: unmount it first", mount.path)));
            }
            fs::remove_dir_all(&place).map_err(|error| Failure::io("cannot remove", &place, &error))?;
            return Ok(Removed::did(gone(), "removed with all that was in it"));
        }
        match remove_if_empty(&place)? {
            true => Ok(Removed::did(gone(), "removed")),
            false => Ok(Removed::nothing("it stays: there are files in it that td did not put there")),
        }
    }
}

/// # Errors
/// When the system refuses for another reason than files in it.
pub fn remove_if_empty(place: &Path) -> Result<bool, Failure> {
    use std::io::ErrorKind;
    match fs::remove_dir(place) {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound | ErrorKind::ResourceBusy) =>
        {
            Ok(false)
        }
        Err(error) => Err(Failure::io("cannot remove", place, &error)),
    }
}

fn wanted(directory: &Directory, node: &Node) -> Result<Wanted, Failure> {
    Ok(Wanted { uid: node.uid(&directory.owner)?, gid: node.gid(&directory.group)?, mode: directory.mode.0 })
}

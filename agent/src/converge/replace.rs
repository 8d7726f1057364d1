//! Replacing files so that a cut of the power leaves the old or the new one, whole.
//!
//! The new content goes into a file beside the old one, is written to the medium, takes the old one's owner and mode, and
//! is renamed over it; then the folder is written to the medium too (on FAT, too, a rename within a folder is one entry).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::failure::Failure;

/// Room that stays free: a file system filled to its last byte breaks others.
const SPARE_BYTES: u64 = 256 << 10;
/// Largest file that td edits: it is read whole.
const MAX_BYTES: u64 = 4 << 20;

/// Who owns a file, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    pub uid: u32,
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

impl Rights {
    /// Those of a configuration file that everyone may read.
    pub const ROOT_FILE: Self = Self { uid: 0, gid: 0, mode: 0o644 };

    #[must_use]
    pub fn of(meta: &Metadata) -> Self {
        Self { uid: meta.uid(), gid: meta.gid(), mode: meta.mode() & 0o7777 }
    }
}

/// The file that `path` means, through links.
///
/// # Errors
/// When a link leads nowhere, or to something that is no regular file.
pub fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) => return Err(Failure::io("cannot look at", path, &error)),
        Ok(meta) if !meta.is_symlink() && meta.is_file() => return Ok(path.to_owned()),
        Ok(_) => {}
    }
    let real = fs::canonicalize(path).map_err(|_| {
        Failure::new(format!("{} is a link that leads nowhere: remove it, or make what it means", path.display()))
    })?;
    if !real.is_file() {
        return Err(Failure::new(format!("{} is no regular file: td leaves it alone", path.display())));
    }
    Ok(real)
}

/// A file's content; empty when there is none.
///
/// # Errors
/// When it cannot be read, or is too long for a file of its kind.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::io("cannot read", path, &error);
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(meta) if !meta.is_file() => return Err(Failure::new(format!("{} is no regular file", path.display()))),
        Ok(meta) if meta.len() > MAX_BYTES => {
            let mib = MAX_BYTES >> 20;
            return Err(Failure::new(format!("{} is longer than {mib} MiB: td does not edit it", path.display())));
        }
        Ok(_) => {}
    }
    fs::read(path).map(Some).map_err(failed)
}

/// The text of a file that is to be edited; empty when there is none.
///
/// # Errors
/// When it cannot be read, or is not UTF-8: that would come back changed.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?.unwrap_or_default())
        .map_err(|_| Failure::new(format!("{} is not UTF-8: td does not edit it", path.display())))
}

/// Puts `content` at `path`, with the rights of the file that is there, else with `rights`.
///
/// # Errors
/// A sentence; the old file is then as it was.
pub fn keep_rights(path: &Path, content: &[u8], rights: Rights) -> Result<(), Failure> {
    let path = resolve(path)?;
    let rights = fs::metadata(&path).map_or(rights, |meta| Rights::of(&meta));
    with_rights(&path, content, rights)
}

/// Puts `content` at `path`, with these rights.
///
/// # Errors
/// A sentence; the old file is then as it was.
pub fn with_rights(path: &Path, content: &[u8], rights: Rights) -> Result<(), Failure> {
    let path = resolve(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    check_room(folder, content.len() as u64)?;
    let new = beside(&path, "new")?;
    let failed = |doing, error: io::Error| {
        let _ = fs::remove_file(&new);
        Failure::io(doing, &path, &error)
    };
    // One that was left by a td-agent that was killed.
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(|error| failed("cannot write", error))?;
    file.write_all(content).map_err(|error| failed("cannot write", error))?;
    set_rights(&file, rights).map_err(|error| failed("cannot set owner and mode of", error))?;
    file.sync_all().map_err(|error| failed("cannot write", error))?;
    drop(file);
    fs::rename(&new, &path).map_err(|error| failed("cannot replace", error))?;
    sync_folder(folder)
}

/// On FAT, owner and mode come from the mount and cannot be set: what cannot be set and need not is no error.
fn set_rights(file: &File, rights: Rights) -> io::Result<()> {
    let is = Rights::of(&file.metadata()?);
    if (is.uid, is.gid) != (rights.uid, rights.gid) {
        let (uid, gid) = (rustix::fs::Uid::from_raw(rights.uid), rustix::fs::Gid::from_raw(rights.gid));
        rustix::fs::fchown(file, Some(uid), Some(gid)).or_else(not_on_fat)?;
    }
    if is.mode != rights.mode {
        let set = file.set_permissions(fs::Permissions::from_mode(rights.mode));
        set.or_else(
            |error| if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) { Ok(()) } else { Err(error) },
        )?;
    }
    Ok(())
}

fn not_on_fat(errno: Errno) -> Result<(), Errno> {
    if errno == Errno::PERM { Ok(()) } else { Err(errno) }
}

/// Writes a folder's entries to the medium.
///
/// # Errors
/// When the medium refuses.
pub fn sync_folder(folder: &Path) -> Result<(), Failure> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        // Some file systems have nothing to sync there.
        Err(error) if error.raw_os_error() != Some(Errno::INVAL.raw_os_error()) => {
            Err(Failure::io("cannot write", folder, &error))
        }
        _ => Ok(()),
    }
}

/// Refuses before anything is touched where `bytes` do not fit.
///
/// # Errors
/// A sentence that names the folder and what is free.
pub fn check_room(folder: &Path, bytes: u64) -> Result<(), Failure> {
    let Ok(stat) = rustix::fs::statvfs(folder) else {
        // The open tells better what is wrong.
        return Ok(());
    };
    // Pseudo file systems say 0 blocks.
    let free = stat.f_bfree.saturating_mul(stat.f_frsize);
    if stat.f_blocks > 0 && free < bytes.saturating_add(SPARE_BYTES) {
        return Err(Failure::new(format!(
            "the disk with {} is full ({} kB free): make room (`apt-get clean`, `journalctl --vacuum-size=16M`)",
            folder.display(),
            free >> 10
        )));
    }
    Ok(())
}

/// Refuses where a folder's file system is mounted read-only, for programs that say it worse.
///
/// # Errors
/// A sentence that names the folder.
pub fn check_writable(folder: &Path) -> Result<(), Failure> {
    let flags = rustix::fs::statvfs(folder).map(|stat| stat.f_flag);
    if flags.is_ok_and(|flags| flags.contains(rustix::fs::StatVfsMountFlags::RDONLY)) {
        return Err(Failure::io("cannot write to", folder, &Errno::ROFS.into()));
    }
    Ok(())
}

/// `.NAME.td-new` beside `path`.
fn beside(path: &Path, suffix: &str) -> Result<PathBuf, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::new(format!("{} has no name", path.display())))?;
    Ok(path.with_file_name(format!(".{name}.td-{suffix}")))
}

/// Where the file as it was before td is kept.
#[must_use]
pub fn backup_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".td-backup");
    path.with_file_name(name)
}

/// Keeps a copy of the file as it is, unless there is one already. Says where it is when it was made now.
///
/// # Errors
/// When the copy cannot be written: then the file must not be changed either.
pub fn back_up(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let path = resolve(path)?;
    let backup = backup_path(&path);
    let Some(content) = read(&path)? else {
        return Ok(None);
    };
    if fs::symlink_metadata(&backup).is_ok() {
        return Ok(None);
    }
    let meta = fs::metadata(&path).map_err(|error| Failure::io("cannot look at", &path, &error))?;
    with_rights(&backup, &content, Rights::of(&meta))?;
    Ok(Some(backup))
}

/// Removes the copy where it holds what the file holds again. Otherwise it stays, and its place is told.
///
/// # Errors
/// When it cannot be removed.
pub fn drop_backup(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let path = resolve(path)?;
    let backup = backup_path(&path);
    let Some(kept) = read(&backup)? else {
        return Ok(None);
    };
    if read(&path)?.as_ref() != Some(&kept) {
        return Ok(Some(backup));
    }
    fs::remove_file(&backup).map_err(|error| Failure::io("cannot remove", &backup, &error))?;
    Ok(None)
}

/// Removes a file; none there is fine.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> Result<bool, Failure> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::io("cannot remove", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_of_the_old_file_stay_and_nothing_is_left_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        fs::write(dir.path().join(".hosts.td-new"), "left by a crash").unwrap();
        assert_eq!(back_up(&path).unwrap(), Some(dir.path().join("hosts.td-backup")));
        keep_rights(&path, b"new", Rights::ROOT_FILE).unwrap();
        assert_eq!(back_up(&path).unwrap(), None);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read(dir.path().join("hosts.td-backup")).unwrap(), b"old");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o604);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert_eq!(drop_backup(&path).unwrap(), Some(dir.path().join("hosts.td-backup")));
        keep_rights(&path, b"old", Rights::ROOT_FILE).unwrap();
        assert_eq!(drop_backup(&path).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_followed_and_stay() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        fs::write(dir.path().join("real/hosts"), "old").unwrap();
        std::os::unix::fs::symlink("real/hosts", dir.path().join("hosts")).unwrap();
        keep_rights(&dir.path().join("hosts"), b"new", Rights::ROOT_FILE).unwrap();
        assert!(fs::symlink_metadata(dir.path().join("hosts")).unwrap().is_symlink());
        assert_eq!(fs::read(dir.path().join("real/hosts")).unwrap(), b"new");

        std::os::unix::fs::symlink("nowhere", dir.path().join("broken")).unwrap();
        let failure = keep_rights(&dir.path().join("broken"), b"new", Rights::ROOT_FILE).unwrap_err();
        assert!(failure.0.contains("leads nowhere"), "{failure}");
        let failure = keep_rights(&dir.path().join("real"), b"new", Rights::ROOT_FILE).unwrap_err();
        assert!(failure.0.contains("no regular file"), "{failure}");
    }
}

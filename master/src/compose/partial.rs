//! The picture before it has its name: a file without any name, where the file system has such.
//!
//! With `O_TMPFILE` nothing can be left behind however td ends, but for the moment between the file's first name and its
//! own. Elsewhere (NFS, FAT) it has a hidden name from the beginning, which goes when this is dropped, at a second Ctrl-C
//! ([`remove_partial_picture`]), or when the job is taken up or cancelled after a crash.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// A file name has at most 255 bytes; so many of the output's are used in the temporary one.
const NAME_IN_TEMPORARY: usize = 200;

/// The name of the picture that is being written, where it has one.
static NAMED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// What is about to get the picture's name: told before it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPicture {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// The name that it may have until then.
    pub temporary: PathBuf,
}

/// Removes the half-written picture of this process, if it has a name. For an end without any clearing up.
pub fn remove_partial_picture() {
    // A thread that holds the lock is about to change the name: whoever ends the process may wait for that.
    if let Some(path) = NAMED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = std::fs::remove_file(path);
    }
}

/// The file that becomes the picture; dropped before [`Partial::publish`], it leaves nothing.
#[derive(Debug)]
pub(super) struct Partial {
    file: File,
    target: PathBuf,
    temporary: PathBuf,
    has_name: bool,
}

impl Partial {
    /// A new, empty file in the target's folder. The umask applies.
    pub fn create(target: &Path) -> io::Result<Self> {
        let folder = super::output::folder_of(target);
        let temporary = folder.join(temporary_name(target));
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)) {
            return Ok(Self { file: File::from(file), target: target.to_owned(), temporary, has_name: false });
        }
        // What really is wrong with the folder, if anything is, is told here.
        let file = File::options().read(true).write(true).create_new(true).open(&temporary)?;
        *NAMED.lock().unwrap_or_else(PoisonError::into_inner) = Some(temporary.clone());
        Ok(Self { file, target: target.to_owned(), temporary, has_name: true })
    }

    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub fn set_permissions(&self, permissions: &Permissions) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(permissions.mode() & 0o777))
    }

    /// Waits until the disk has it, tells what it is, and gives it the target's name in one step.
    pub fn publish(mut self, announce: &mut dyn FnMut(&NewPicture)) -> io::Result<()> {
        self.file.sync_all()?;
        let meta = self.file.metadata()?;
        let temporary = self.temporary.clone();
        announce(&NewPicture { device: meta.dev(), inode: meta.ino(), size: meta.len(), temporary });
        if !self.has_name {
            self.name()?;
        }
        std::fs::rename(&self.temporary, &self.target)?;
        self.has_name = false;
        forget_name();
        Ok(())
    }

    /// A file without a name gets the temporary one: only a rename replaces a file that is there.
    fn name(&mut self) -> io::Result<()> {
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        *NAMED.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.temporary.clone());
        self.has_name = true;
        rustix::fs::linkat(CWD, own, CWD, &self.temporary, AtFlags::SYMLINK_FOLLOW)?;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.has_name {
            let _ = std::fs::remove_file(&self.temporary);
            forget_name();
        }
    }
}

fn forget_name() {
    *NAMED.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// `.NAME.td-MOMENT`: hidden, and recognisable.
fn temporary_name(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default().as_bytes();
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut hidden = b".".to_vec();
    hidden.extend(&name[..name.len().min(NAME_IN_TEMPORARY)]);
    hidden.extend(format!(".td-{:x}-{moment:x}", std::process::id()).as_bytes());
    OsString::from_vec(hidden)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn it_has_no_other_name_than_the_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.png");
        std::fs::write(&target, "old").unwrap();
        let mut partial = Partial::create(&target).unwrap();
        partial.file().write_all(b"new").unwrap();
        let mut told = None;
        partial.publish(&mut |picture| told = Some(picture.clone())).unwrap();
        assert_eq!(names(folder.path()), ["out.png"]);
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        let (told, meta) = (told.unwrap(), std::fs::metadata(&target).unwrap());
        assert_eq!((told.device, told.inode, told.size), (meta.dev(), meta.ino(), 3));
    }

    #[test]
    fn one_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.png");
        let mut partial = Partial::create(&target).unwrap();
        partial.file().write_all(b"half").unwrap();
        drop(partial);
        assert!(names(folder.path()).is_empty());
        // The same with a name, as on file systems that have no files without.
        let mut partial = Partial::create(&target).unwrap();
        if !partial.has_name {
            partial.name().unwrap();
        }
        assert_eq!(names(folder.path()).len(), 1);
        drop(partial);
        assert!(names(folder.path()).is_empty());
    }
}

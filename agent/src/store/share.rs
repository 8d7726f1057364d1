//! The share, an NFS folder: one agent lays contents of bundles there, the others take them from there.
//!
//! Every node can write there, and its server may be gone. So nothing is believed that was not hashed on the way, only plain
//! files are opened, and all of it happens in a thread that is left behind when the share hangs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use td_protocol::bundle::{Bundle, BundleFile};
use td_protocol::hash::ContentHash;
use td_protocol::share::{ShareRole, Shared};
use tokio::sync::oneshot;

use crate::store::blobs::{self, Blobs};
use crate::store::eviction;

/// The share's folder of contents.
const CONTENTS: &str = "contents";
/// A share from which nothing comes for so long hangs. A soft mount's own patience is shorter.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The share as this agent sees it.
#[derive(Debug, Clone)]
pub struct Share {
    role: ShareRole,
    folder: PathBuf,
    /// Bytes that its contents may take.
    bound: u64,
    /// A thread is at work there, or hangs there.
    busy: Arc<AtomicBool>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    #[error("this agent was started without a share")]
    None,
    #[error("the share at {} does not answer", .0.display())]
    Hangs(PathBuf),
    #[error("another job is at work on the share")]
    Busy,
    #[error("the share at {}: {source}", folder.display())]
    Disk { folder: PathBuf, source: io::Error },
}

impl Share {
    #[must_use]
    pub fn new(role: ShareRole, folder: PathBuf, bound: u64) -> Self {
        Self { role, folder, bound, busy: Arc::default() }
    }

    #[must_use]
    pub fn role(&self) -> ShareRole {
        self.role
    }

    /// Lays the contents of `bundle` on the share, or takes from there what is missing among `blobs`; `open` are the bundles
    /// whose contents stay.
    ///
    /// # Errors
    /// [`ShareError`]. What is missing then has to be sent.
    pub async fn exchange(&self, blobs: &Blobs, bundle: &Bundle, open: &[Bundle]) -> Result<Shared, ShareError> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(ShareError::Busy);
        }
        let moved = Arc::new(AtomicU64::new(0));
        let (tell, mut hear) = oneshot::channel();
        let work = (self.clone(), blobs.clone(), bundle.clone(), open.to_vec(), Arc::clone(&moved));
        let spawned = std::thread::Builder::new().name("share".to_owned()).spawn(move || {
            let (share, blobs, bundle, open, moved) = work;
            let done = share.work(&blobs, &bundle, &open, &moved);
            share.busy.store(false, Ordering::Release);
            let _ = tell.send(done);
        });
        if let Err(source) = spawned {
            self.busy.store(false, Ordering::Release);
            return Err(ShareError::Disk { folder: self.folder.clone(), source });
        }
        let (mut before, mut still) = (0, Duration::ZERO);
        loop {
            if let Ok(done) = tokio::time::timeout(LOOK_EVERY, &mut hear).await {
                let done = done.unwrap_or_else(|_| Err(io::Error::other("the thread ended without an answer")));
                return done.map_err(|source| ShareError::Disk { folder: self.folder.clone(), source });
            }
            let now = moved.load(Ordering::Relaxed);
            still = if now == before { still + LOOK_EVERY } else { Duration::ZERO };
            before = now;
            if still >= PATIENCE {
                return Err(ShareError::Hangs(self.folder.clone()));
            }
        }
    }

    fn work(&self, blobs: &Blobs, bundle: &Bundle, open: &[Bundle], moved: &AtomicU64) -> io::Result<Shared> {
        let contents = self.folder.join(CONTENTS);
        match self.role {
            ShareRole::Publishes => {
                std::fs::create_dir_all(&contents)?;
                let done = publish(&contents, blobs, bundle, moved)?;
                let kept = open.iter().chain([bundle]).flat_map(|bundle| &bundle.files);
                eviction::shrink(
                    &contents,
                    self.bound,
                    &kept.map(|file| contents.join(file.hash.to_string())).collect(),
                );
                Ok(done)
            }
            ShareRole::Reads => take(&contents, blobs, bundle, moved),
        }
    }
}

/// Lays there what is not there yet.
fn publish(contents: &Path, blobs: &Blobs, bundle: &Bundle, moved: &AtomicU64) -> io::Result<Shared> {
    let mut done = Shared::default();
    for file in &bundle.files {
        let target = contents.join(file.hash.to_string());
        if std::fs::symlink_metadata(&target).is_ok_and(|meta| meta.is_file() && meta.len() == file.size) {
            eviction::touch(&target);
            continue;
        }
        // What is missing here is sent here first, and then asked for again.
        let Ok(from) = File::open(blobs.path(file.hash)) else { continue };
        let mut part = tempfile::Builder::new().permissions(mode(0o644)).tempfile_in(contents)?;
        if blobs::copy(from, moved, |bytes| io::Write::write_all(&mut part, bytes))? == (file.size, file.hash) {
            part.persist(&target).map_err(|error| error.error)?;
            count(&mut done, file);
        }
    }
    Ok(done)
}

/// Takes from there what is missing here. What is not there, or is not what its name says, stays missing.
fn take(contents: &Path, blobs: &Blobs, bundle: &Bundle, moved: &AtomicU64) -> io::Result<Shared> {
    let mut done = Shared::default();
    let missing = blobs.missing(bundle);
    for file in &bundle.files {
        if !missing.contains(&file.hash) || blobs.path(file.hash).exists() {
            continue;
        }
        let from = match open_plain(&contents.join(file.hash.to_string()), file.size) {
            Ok(Some(from)) => from,
            Ok(None) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut incoming = blobs.begin().map_err(io::Error::other)?;
        // No more than it should be: it may grow while it is read.
        blobs::copy(from.take(file.size), moved, |bytes| incoming.write(bytes).map_err(io::Error::other))?;
        match incoming.finish(file.hash) {
            Ok(()) => count(&mut done, file),
            Err(error) => tracing::warn!("on the share: {error}"),
        }
    }
    Ok(done)
}

fn count(done: &mut Shared, file: &BundleFile) {
    done.files += 1;
    done.bytes += file.size;
}

/// Takes away what agents have laid on the share in `folder`. Other files stay, and so does what cannot be removed.
pub fn clear(folder: &Path) {
    let contents = folder.join(CONTENTS);
    if !std::fs::symlink_metadata(&contents).is_ok_and(|meta| meta.is_dir()) {
        return;
    }
    eviction::remove_unfinished(&contents);
    for entry in std::fs::read_dir(&contents).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.parse::<ContentHash>().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let _ = std::fs::remove_dir(&contents);
}

/// Opens a plain file of this size; a link, a pipe or another size is none.
fn open_plain(path: &Path, size: u64) -> io::Result<Option<File>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Ok(None),
        other => other?,
    };
    let meta = file.metadata()?;
    Ok((meta.is_file() && meta.len() == size).then_some(file))
}

fn mode(mode: u32) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn bundle(contents: &[&[u8]]) -> Bundle {
        let file = |bytes: &&[u8]| BundleFile {
            path: format!("{}.inc", ContentHash::of(bytes)),
            hash: ContentHash::of(bytes),
            size: bytes.len() as u64,
        };
        let files = contents.iter().map(file).collect();
        Bundle { run_dir: String::new(), scene: "s.pov".to_owned(), library_paths: Vec::new(), files }
    }

    fn blobs(folder: &Path, contents: &[&[u8]]) -> Blobs {
        let blobs = Blobs::open(folder.to_owned(), 1 << 20).unwrap();
        for bytes in contents {
            std::fs::write(blobs.path(ContentHash::of(bytes)), bytes).unwrap();
        }
        blobs
    }

    #[tokio::test]
    async fn what_one_lays_there_the_other_takes_once() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("share");
        std::fs::create_dir(&place).unwrap();
        let bundle = bundle(&[b"one", b"three"]);
        let server = blobs(&folder.path().join("server"), &[b"one", b"three"]);
        let other = blobs(&folder.path().join("other"), &[b"one"]);
        let publisher = Share::new(ShareRole::Publishes, place.clone(), 1 << 20);
        let reader = Share::new(ShareRole::Reads, place.clone(), 1 << 20);

        assert_eq!(reader.exchange(&other, &bundle, &[]).await.unwrap(), Shared::default(), "nothing is there yet");
        let laid = publisher.exchange(&server, &bundle, &[]).await.unwrap();
        assert_eq!(laid, Shared { files: 2, bytes: 8 });
        assert_eq!(publisher.exchange(&server, &bundle, &[]).await.unwrap(), Shared::default(), "it lies there");
        assert_eq!(reader.exchange(&other, &bundle, &[]).await.unwrap(), Shared { files: 1, bytes: 5 });
        assert!(other.missing(&bundle).is_empty());
        assert_eq!(reader.exchange(&other, &bundle, &[]).await.unwrap(), Shared::default());
    }

    #[tokio::test]
    async fn what_is_not_what_its_name_says_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let contents = folder.path().join("share").join(CONTENTS);
        std::fs::create_dir_all(&contents).unwrap();
        let names: [&[u8]; 4] = [b"wrong", b"longer", b"linked", b"a pipe"];
        let bundle = bundle(&names);
        let at = |number: usize| contents.join(ContentHash::of(names[number]).to_string());
        std::fs::write(at(0), b"wr0ng").unwrap();
        std::fs::write(at(1), b"longer than it").unwrap();
        std::fs::write(folder.path().join("elsewhere"), b"linked").unwrap();
        symlink(folder.path().join("elsewhere"), at(2)).unwrap();
        let status = std::process::Command::new("mkfifo").arg(at(3)).status().unwrap();
        assert!(status.success());
        let blobs = blobs(&folder.path().join("cache"), &[]);
        let reader = Share::new(ShareRole::Reads, folder.path().join("share"), 1 << 20);
        assert_eq!(reader.exchange(&blobs, &bundle, &[]).await.unwrap(), Shared::default());
        assert_eq!(blobs.missing(&bundle).len(), 4);
        assert_eq!(std::fs::read_dir(folder.path().join("cache")).unwrap().count(), 0);
    }

    #[test]
    fn what_agents_laid_there_goes_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let contents = folder.path().join(CONTENTS);
        std::fs::create_dir(&contents).unwrap();
        std::fs::write(contents.join(ContentHash::of(b"x").to_string()), b"x").unwrap();
        std::fs::write(contents.join(".tmpabc"), b"x").unwrap();
        std::fs::write(contents.join("mine"), b"x").unwrap();
        clear(folder.path());
        let left: Vec<_> = std::fs::read_dir(&contents).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["mine"]);
        std::fs::remove_file(contents.join("mine")).unwrap();
        clear(folder.path());
        assert!(!contents.exists());
    }

    #[tokio::test]
    async fn the_share_is_kept_below_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let server = blobs(&folder.path().join("server"), &[b"first", b"other"]);
        let publisher = Share::new(ShareRole::Publishes, folder.path().join("share"), 6);
        let (first, other) = (bundle(&[b"first"]), bundle(&[b"other"]));
        publisher.exchange(&server, &first, &[]).await.unwrap();
        publisher.exchange(&server, &other, std::slice::from_ref(&first)).await.unwrap();
        let there = || std::fs::read_dir(folder.path().join("share").join(CONTENTS)).unwrap().count();
        assert_eq!(there(), 2, "open jobs keep theirs");
        publisher.exchange(&server, &other, &[]).await.unwrap();
        assert_eq!(there(), 1);
    }
}

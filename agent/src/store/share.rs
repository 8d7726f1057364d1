//! The share, an NFS folder: one agent lays contents of bundles there, the others take them from there.
//!
//! Every node can write there, and its server may be gone. So nothing is believed that was not hashed on the way, only plain
//! files are opened, and all of it happens in a thread that is left behind when the share hangs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use td_protocol::bundle::{Bundle, BundleFile};
use td_protocol::hash::ContentHash;
use td_protocol::share::{ShareRole, Shared};
use tokio::sync::oneshot;

use crate::store::blobs::{BlobError, Blobs};
use crate::store::eviction;

/// The share's folder of contents.
const CONTENTS: &str = "contents";
/// A share from which nothing comes for so long hangs. A soft mount's own patience is shorter.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Bytes that are copied at a time.
const PIECE: usize = 128 << 10;

/// The share as this agent sees it.
#[derive(Debug, Clone)]
pub struct Share {
    role: ShareRole,
    folder: PathBuf,
    /// Bytes that its contents may take.
    bound: u64,
    /// What the publisher keeps there. Held by the thread that is at work on the share, or hangs there.
    published: Arc<Mutex<Option<Blobs>>>,
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
        Self { role, folder, bound, published: Arc::default() }
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
        let moved = Arc::new(AtomicU64::new(0));
        let (tell, mut hear) = oneshot::channel();
        let work = (self.clone(), blobs.clone(), bundle.clone(), open.to_vec(), Arc::clone(&moved));
        let spawned = std::thread::Builder::new().name("share".to_owned()).spawn(move || {
            let (share, blobs, bundle, open, moved) = work;
            let _ = tell.send(share.work(&blobs, &bundle, &open, &moved));
        });
        spawned.map_err(|source| self.disk(source))?;
        let (mut before, mut still) = (0, Duration::ZERO);
        loop {
            if let Ok(done) = tokio::time::timeout(LOOK_EVERY, &mut hear).await {
                let gone = |_| Err(self.disk(io::Error::other("the thread ended without an answer")));
                return done.unwrap_or_else(gone);
            }
            let now = moved.load(Ordering::Relaxed);
            still = if now == before { still + LOOK_EVERY } else { Duration::ZERO };
            before = now;
            if still >= PATIENCE {
                return Err(ShareError::Hangs(self.folder.clone()));
            }
        }
    }

    fn work(&self, blobs: &Blobs, bundle: &Bundle, open: &[Bundle], moved: &AtomicU64) -> Result<Shared, ShareError> {
        let mut published = match self.published.try_lock() {
            Ok(published) => published,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(ShareError::Busy),
        };
        let contents = self.folder.join(CONTENTS);
        let done = match self.role {
            ShareRole::Publishes => publish(contents, self.bound, &mut published, blobs, bundle, open, moved),
            ShareRole::Reads => take(&contents, blobs, bundle, moved),
        };
        done.map_err(|source| self.disk(source))
    }

    fn disk(&self, source: io::Error) -> ShareError {
        ShareError::Disk { folder: self.folder.clone(), source }
    }
}

/// Lays there what is not there yet, as one more cache of contents: checked once per process, unfinished files of an agent that
/// was killed removed. Its files are for td's account alone, which has one number on all nodes.
fn publish(
    contents: PathBuf,
    bound: u64,
    published: &mut Option<Blobs>,
    blobs: &Blobs,
    bundle: &Bundle,
    open: &[Bundle],
    moved: &AtomicU64,
) -> io::Result<Shared> {
    // Anew where somebody has taken the folder away.
    let there = match published.take().filter(|_| contents.is_dir()) {
        Some(there) => there,
        None => Blobs::open(contents, bound)?,
    };
    let there = published.insert(there);
    let mut done = Shared::default();
    for file in missing(there, bundle) {
        // What is missing here is sent here first, and then asked for again.
        if let Ok(from) = File::open(blobs.path(file.hash)) {
            bring(from, file, there, moved, &mut done)?;
        }
    }
    there.evict(open.iter().chain([bundle]));
    Ok(done)
}

/// Takes from there what is missing here. What is not there, or is not what its name says, stays missing.
fn take(contents: &Path, blobs: &Blobs, bundle: &Bundle, moved: &AtomicU64) -> io::Result<Shared> {
    let mut done = Shared::default();
    for file in missing(blobs, bundle) {
        match open_plain(&contents.join(file.hash.to_string()), file.size) {
            // No more than it should be: it may grow while it is read.
            Ok(Some(from)) => bring(from.take(file.size), file, blobs, moved, &mut done)?,
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// The files of `bundle` whose contents are missing among `blobs`, each content once.
fn missing<'a>(blobs: &Blobs, bundle: &'a Bundle) -> impl Iterator<Item = &'a BundleFile> + use<'a> {
    blobs.missing(bundle).into_iter().filter_map(|hash| bundle.files.iter().find(|file| file.hash == hash))
}

/// Copies one content to where it is missing, if it is what it should be; `moved` counts its bytes as they come.
fn bring(mut from: impl Read, file: &BundleFile, to: &Blobs, moved: &AtomicU64, done: &mut Shared) -> io::Result<()> {
    let mut incoming = to.begin().map_err(io::Error::other)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let bytes = piece.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        incoming.write(bytes).map_err(io::Error::other)?;
        moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
    match incoming.finish(file.hash) {
        Ok(()) => {
            done.files += 1;
            done.bytes += file.size;
        }
        Err(error @ BlobError::WrongHash { .. }) => tracing::warn!("on the share: {error}"),
        Err(error @ BlobError::Disk { .. }) => return Err(io::Error::other(error)),
    }
    Ok(())
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
    async fn a_publisher_that_starts_anew_mends_what_the_last_one_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("share");
        let bundle = bundle(&[b"one", b"three"]);
        let server = blobs(&folder.path().join("server"), &[b"one", b"three"]);
        let publisher = || Share::new(ShareRole::Publishes, place.clone(), 1 << 20);
        publisher().exchange(&server, &bundle, &[]).await.unwrap();
        let at = |bytes: &[u8]| place.join(CONTENTS).join(ContentHash::of(bytes).to_string());
        // Its power was cut: a name without its bytes, and a file that was being written. Another node put a link there.
        std::fs::write(at(b"one"), b"\0\0\0").unwrap();
        std::fs::write(place.join(CONTENTS).join(".tmpabc"), b"th").unwrap();
        std::fs::rename(at(b"three"), place.join("elsewhere")).unwrap();
        symlink(place.join("elsewhere"), at(b"three")).unwrap();
        assert_eq!(publisher().exchange(&server, &bundle, &[]).await.unwrap(), Shared { files: 2, bytes: 8 });
        let other = blobs(&folder.path().join("other"), &[]);
        let reader = Share::new(ShareRole::Reads, place.clone(), 1 << 20);
        assert_eq!(reader.exchange(&other, &bundle, &[]).await.unwrap(), Shared { files: 2, bytes: 8 });
        assert_eq!(std::fs::read_dir(place.join(CONTENTS)).unwrap().count(), 2);
        // And one whose folder was taken away meanwhile makes it again.
        let one = publisher();
        one.exchange(&server, &bundle, &[]).await.unwrap();
        std::fs::remove_dir_all(&place).unwrap();
        assert_eq!(one.exchange(&server, &bundle, &[]).await.unwrap(), Shared { files: 2, bytes: 8 });
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let server = blobs(&folder.path().join("server"), &[b"one"]);
        let publisher = Share::new(ShareRole::Publishes, folder.path().join("share"), 1 << 20);
        let work = || publisher.work(&server, &bundle(&[b"one"]), &[], &AtomicU64::new(0));
        let at_work = publisher.published.lock().unwrap();
        assert!(matches!(work(), Err(ShareError::Busy)));
        drop(at_work);
        assert_eq!(work().unwrap(), Shared { files: 1, bytes: 3 });
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

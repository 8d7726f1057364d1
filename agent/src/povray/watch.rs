//! Waiting for POV-Ray's state file: POV-Ray makes it when the trace begins and removes it when the trace has ended.
//!
//! The kernel tells both moments (inotify), so nobody has to look often for them: a view may be traced between two looks
//! that a slow node can afford, and the CPU time on either side of these moments is for something else than rows.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// A folder in which files are made and removed. Where the kernel has no watch to give, waiting is mere sleeping.
#[derive(Debug)]
pub struct Watch {
    inotify: Option<OwnedFd>,
}

impl Watch {
    /// Watches `folder` from now on.
    #[must_use]
    pub fn on(folder: &Path) -> Self {
        let begin = || {
            let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            inotify::add_watch(&inotify, folder, WatchFlags::CREATE | WatchFlags::DELETE)?;
            Ok::<_, rustix::io::Errno>(inotify)
        };
        let inotify = begin().map_err(|error| tracing::debug!("{} is not watched: {error}", folder.display())).ok();
        Self { inotify }
    }

    /// Waits until a file was made or removed since the last wait, `bell` can be read, or the time is over.
    pub fn wait(&self, bell: Option<BorrowedFd<'_>>, time: Duration) {
        let descriptors = self.inotify.iter().map(|fd| fd.as_fd()).chain(bell);
        let mut descriptors: Vec<PollFd<'_>> =
            descriptors.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout =
            Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: time.subsec_nanos().into() };
        // A signal only makes it shorter.
        let _ = poll(&mut descriptors, Some(&timeout));
        // What happened is seen by who looks; the events only have to go.
        let mut events = [0; 1024];
        while self.inotify.as_ref().is_some_and(|fd| rustix::io::read(fd, &mut events).is_ok_and(|read| read > 0)) {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_file_that_is_made_or_removed_ends_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::on(folder.path());
        let begun = Instant::now();
        let file = folder.path().join("s.pov-state");
        std::fs::write(&file, b"").unwrap();
        watch.wait(None, LONG);
        std::fs::remove_file(&file).unwrap();
        watch.wait(None, LONG);
        // Both were there already; waiting for them would have taken two minutes.
        assert!(begun.elapsed() < LONG);
        // Nothing is left of them: this wait lasts its time.
        let begun = Instant::now();
        watch.wait(None, Duration::from_millis(30));
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn a_folder_that_is_not_there_is_waited_for_by_sleeping() {
        let watch = Watch::on(Path::new("/nowhere/at/all"));
        let begun = Instant::now();
        watch.wait(None, Duration::from_millis(30));
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }
}

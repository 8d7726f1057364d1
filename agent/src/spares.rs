//! POV-Rays that an agent has ready before there is a strip for them: for whatever job comes next as long as it is idle, and
//! for the first strips of a job once that is open.
//!
//! They are stopped while they wait. `benches/spares.sh` prints what they have done by then, and what memory they hold.

use std::io;
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::povray::locate::Povray;
use crate::priority;
use crate::strip::standby::{self, Engagement, Work};
use crate::view::Site;

/// The threads that have one.
#[derive(Debug)]
pub struct Spares {
    /// So many at most.
    limit: usize,
    /// Whether the threads are weaker than the agent's server, and stronger than POV-Ray.
    gives_way: bool,
    threads: Arc<Mutex<Threads>>,
}

#[derive(Debug, Default)]
struct Threads {
    /// Those that no job has engaged.
    idle: Vec<SyncSender<Engagement>>,
    /// Those that have no strip yet, whether engaged or not.
    waiting: usize,
    /// The agent ends.
    is_over: bool,
}

/// A thread that has no strip yet. It has one, or has ended, when this is dropped.
#[derive(Debug)]
pub struct Seat {
    threads: Arc<Mutex<Threads>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut threads = lock(&self.threads);
        threads.waiting = threads.waiting.saturating_sub(1);
    }
}

impl Spares {
    #[must_use]
    pub fn new(limit: usize, gives_way: bool) -> Self {
        Self { limit, gives_way, threads: Arc::default() }
    }

    /// Starts as many as may be, for any job. Their scratch folders are made in `scratch`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn fill(&self, povray: &Arc<Povray>, scratch: &Path) -> io::Result<()> {
        while let Some(seat) = self.seat() {
            let (engage, jobs) = sync_channel(1);
            let (povray, scratch) = (Arc::clone(povray), scratch.to_owned());
            self.spawn(move || standby::wait_for_a_job(&povray, &scratch, &jobs, seat))?;
            let mut threads = lock(&self.threads);
            // An agent that ends meanwhile waits for this one, too: without its other end the thread ends.
            if !threads.is_over {
                threads.idle.push(engage);
            }
        }
        Ok(())
    }

    /// Has POV-Ray ready for what a job will give: one that is there, or a new one if there may be one more.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn stand_by(&self, job: Engagement) -> io::Result<()> {
        let Some((site, work)) = self.engage(job) else { return Ok(()) };
        let Some(seat) = self.seat() else { return Ok(()) };
        self.spawn(move || standby::wait(&site, None, &work, seat))
    }

    /// Gives a strip of a job to one that no job has engaged; where there is none, it comes back.
    #[must_use]
    pub fn give(&self, site: Site, work: Work) -> Option<Work> {
        let (give, work_to_come) = sync_channel(1);
        // There is room for it.
        let _ = give.try_send(work);
        let (_, back) = self.engage((site, work_to_come))?;
        back.try_recv().ok()
    }

    /// Gives a job to one of them; where there is none, it comes back.
    fn engage(&self, mut job: Engagement) -> Option<Engagement> {
        let mut threads = lock(&self.threads);
        while let Some(thread) = threads.idle.pop() {
            match thread.try_send(job) {
                Ok(()) => return None,
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => job = back,
            }
        }
        Some(job)
    }

    /// Ends those that no job has engaged, for good.
    pub fn end(&self) {
        let mut threads = lock(&self.threads);
        threads.idle.clear();
        threads.is_over = true;
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let gives_way = self.gives_way;
        let thread = std::thread::Builder::new().name("strip".to_owned()).spawn(move || {
            if gives_way {
                priority::give_way();
            }
            work();
        });
        thread.map(|_| ())
    }

    fn seat(&self) -> Option<Seat> {
        let mut threads = lock(&self.threads);
        if threads.is_over || threads.waiting >= self.limit {
            return None;
        }
        threads.waiting += 1;
        drop(threads);
        Some(Seat { threads: Arc::clone(&self.threads) })
    }
}

fn lock(threads: &Mutex<Threads>) -> MutexGuard<'_, Threads> {
    threads.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_may_be_and_none_after_the_end() {
        let spares = Spares::new(2, false);
        let seats = [spares.seat(), spares.seat()];
        assert!(seats.iter().all(Option::is_some));
        assert!(spares.seat().is_none());
        drop(seats);
        assert!(spares.seat().is_some());
        spares.end();
        assert!(spares.seat().is_none());
        assert!(Spares::new(0, false).seat().is_none());
    }
}

//! POV-Rays that an idle agent has ready for whatever job comes next: one for each slot.
//!
//! They wait asleep, with some 2 MB of memory each that is not the program's own file. On a Raspberry Pi 1 the next job begins
//! half a second sooner for it.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::povray::locate::Povray;
use crate::priority;
use crate::strip::standby::{self, Engagement, Work};
use crate::view::Site;

/// The threads that have one, as long as no job has engaged them.
#[derive(Debug, Default)]
pub struct Spares {
    threads: Mutex<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    idle: Vec<SyncSender<Engagement>>,
    /// The agent ends.
    is_over: bool,
}

impl Spares {
    /// Starts so many that there are `count`. Their scratch folders are made in `scratch`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn fill(&self, count: usize, povray: &Arc<Povray>, scratch: &PathBuf) -> io::Result<()> {
        let mut threads = self.lock();
        while threads.idle.len() < count && !threads.is_over {
            let (engage, jobs) = sync_channel(1);
            let (povray, scratch) = (Arc::clone(povray), scratch.clone());
            std::thread::Builder::new().name("strip".to_owned()).spawn(move || {
                // It serves a strip later: weaker than the agent's server, and stronger than POV-Ray.
                priority::give_way();
                standby::wait_for_a_job(&povray, &scratch, &jobs);
            })?;
            threads.idle.push(engage);
        }
        Ok(())
    }

    /// Gives a strip of a job to one of them; where there is none, it comes back.
    #[must_use]
    pub fn give(&self, site: Site, work: Work) -> Option<Work> {
        let (give, work_to_come) = sync_channel(1);
        // There is room for it.
        let _ = give.try_send(work);
        let (_, back) = self.engage((site, work_to_come))?;
        back.try_recv().ok()
    }

    /// Gives a job to one of them; where there is none, it comes back.
    #[must_use]
    pub fn engage(&self, mut job: Engagement) -> Option<Engagement> {
        let mut threads = self.lock();
        while let Some(thread) = threads.idle.pop() {
            match thread.try_send(job) {
                Ok(()) => return None,
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => job = back,
            }
        }
        Some(job)
    }

    /// Ends them, for good.
    pub fn end(&self) {
        *self.lock() = Threads { idle: Vec::new(), is_over: true };
    }

    fn lock(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

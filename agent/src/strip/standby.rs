//! Threads that have POV-Ray ready before a strip is there for it.
//!
//! A node that has opened a job has nothing to do until the master knows where to cut. What POV-Ray does before it looks
//! for its rows can be done by then. Each thread stays with its POV-Ray, whose end is the thread's, and renders the strip
//! that it is given.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::strip::starting::Standby;
use crate::view::Site;

/// The rendering of a strip, by a POV-Ray that is ready if there is one.
pub type Work = Box<dyn FnOnce(Option<Standby>) + Send>;

/// First pause between looks whether POV-Ray has come as far as it can; each is twice as long as the one before. They tell
/// what that took.
const FIRST_LOOK: Duration = Duration::from_millis(10);

/// Has POV-Ray ready until there is work for it, or nobody can give any more: the job was closed.
pub fn wait(site: &Site, work: &Receiver<Work>) {
    // What is wrong here will be wrong for the strip, and is told there.
    let mut standby = Standby::start(site).map_err(|ending| tracing::debug!("no POV-Ray ready: {}", ending.message)).ok();
    let mut pause = FIRST_LOOK;
    let mut is_there = standby.is_none();
    loop {
        let next = if is_there { work.recv().map_err(Into::into) } else { work.recv_timeout(pause) };
        match next {
            Ok(work) => return work(standby),
            Err(RecvTimeoutError::Timeout) => {
                is_there = standby.as_mut().is_none_or(Standby::look);
                pause *= 2;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

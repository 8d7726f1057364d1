//! Threads that have POV-Ray ready before there is a strip for it.
//!
//! A node that has opened a job has nothing to do until the master knows where to cut, and before that it had nothing to do
//! at all. What POV-Ray does before it is told anything can be done by then. Each thread stays with its POV-Ray, which
//! ends with it, and renders the strip that it is given.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::povray::command;
use crate::povray::ending::Ending;
use crate::povray::gate::Gate;
use crate::povray::locate::{Povray, binary_identity};
use crate::scratch::Scratch;
use crate::spares::Seat;
use crate::strip::starting::{Standby, scratch_failed};
use crate::strip::waiting::Waiting;
use crate::view::Site;

/// The rendering of a strip, by a POV-Ray that is ready if there is one.
pub type Work = Box<dyn FnOnce(Option<Standby>) + Send>;

/// A job, and what its strip will come from.
pub type Engagement = (Site, Receiver<Work>);

/// Pauses between looks whether POV-Ray has come as far as it can: the first, each is twice as long as the one before, and the
/// longest. The looks tell what that took.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// Pause between looks once it has: one that has ended is replaced.
const RARE: Duration = Duration::from_secs(60);

/// Has POV-Ray ready for a strip of this job, until that comes or nobody can give it any more: the job was closed.
pub fn wait(site: &Site, ready: Option<Standby>, work: &Receiver<Work>, seat: Seat) {
    // What is wrong here will be wrong for the strip, and is told there.
    let mut ready = ready.or_else(|| told(Standby::start(site)));
    let work = receive(work, || ready.as_mut().is_none_or(Standby::look));
    drop(seat);
    if let Some(work) = work {
        work(ready);
    }
}

/// Has POV-Ray ready for any job, until one engages it or the agent ends.
pub fn wait_for_a_job(povray: &Povray, scratch: &Path, jobs: &Receiver<Engagement>, seat: Seat) {
    let mut identity = binary_identity(&povray.path);
    let mut waiting = told(start(povray, scratch));
    let mut begun = Instant::now();
    let job = receive(jobs, || {
        if begun.elapsed() >= RARE && waiting.as_mut().is_none_or(Waiting::has_ended) {
            begun = Instant::now();
            identity = binary_identity(&povray.path);
            waiting = told(start(povray, scratch));
        }
        waiting.as_mut().is_none_or(Waiting::look)
    });
    let Some((site, work)) = job else { return };
    // The program may have been replaced since.
    let is_same = site.povray.path == povray.path && binary_identity(&povray.path) == identity;
    let alive = waiting.filter(|_| is_same).and_then(|mut waiting| (!waiting.has_ended()).then_some(waiting));
    let ready = alive.and_then(|waiting| told(Standby::of(waiting, &site)).flatten());
    wait(&site, ready, &work, seat);
}

fn start(povray: &Povray, scratch: &Path) -> Result<Waiting, Ending> {
    let scratch = Scratch::empty(scratch).map_err(scratch_failed)?;
    let gate = Gate::make(scratch.root()).map_err(scratch_failed)?;
    let (environment, folder) = (command::environment(&scratch), scratch.tree());
    Waiting::start(&povray.path, Vec::new(), &environment, &folder, scratch, gate)
}

fn told<T>(ready: Result<T, Ending>) -> Option<T> {
    ready.map_err(|ending| tracing::debug!("no POV-Ray ready: {}", ending.message)).ok()
}

/// What comes, or none when nobody can send any more. `look` is called between; rarely once it has said true.
fn receive<T>(from: &Receiver<T>, mut look: impl FnMut() -> bool) -> Option<T> {
    let (mut pause, longest) = LOOKS;
    loop {
        match from.recv_timeout(pause) {
            Ok(what) => return Some(what),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => pause = if look() { RARE } else { (pause * 2).min(longest) },
        }
    }
}

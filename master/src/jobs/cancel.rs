//! `td cancel`: a running job's td is asked to stop, as Ctrl-C asks it; then the job's rows are removed.
//!
//! A signal goes only to the very process that holds the job's lock: found by its pid, told from a later process of the
//! same number by the moment of its start, and held by a file descriptor (pidfd) while that is looked at, so that it
//! cannot become another in between.

use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::error::JobError;
use super::id::{JobId, Prefix};
use super::listing::State;
use super::lock::{self, Holder};
use super::owner::Owner;
use super::places::Places;
use super::resume::cancel_idle;

/// How long a td may take to stop its agents and leave.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    pub id: JobId,
    /// The process that was told to stop.
    pub stopped: Option<u32>,
}

/// Cancels the job that `wanted` means.
///
/// # Errors
/// [`JobError`], a sentence.
pub fn cancel(places: &Places, wanted: &Prefix) -> Result<Cancelled, JobError> {
    let id = places.find(wanted)?;
    let stopped = stop(places, &id)?;
    match cancel_idle(places, &id)? {
        State::Done if stopped.is_some() => {
            Err(JobError::CannotCancel { job: id.to_string(), reason: "it came to its end first".to_owned() })
        }
        State::Done => Err(JobError::CannotCancel { job: id.to_string(), reason: "it is done already".to_owned() }),
        _ => Ok(Cancelled { id, stopped }),
    }
}

/// Stops the td that works on the job, if one does, and waits until it has left.
fn stop(places: &Places, id: &JobId) -> Result<Option<u32>, JobError> {
    let path = places.lock(id);
    let look = || lock::holder(&path).map_err(JobError::folder(&path));
    let cannot = |reason: String| JobError::CannotCancel { job: id.to_string(), reason };
    let begun = Instant::now();
    let mut told = None;
    loop {
        match look()? {
            Holder::Nobody => return Ok(told),
            Holder::Somebody(Some(owner)) if told.is_none() => {
                if !owner.is_here() {
                    return Err(cannot(format!("its td runs on {}; cancel it there", owner.host)));
                }
                if signal(&owner) {
                    told = Some(owner.pid);
                }
            }
            Holder::Somebody(_) => {}
        }
        if begun.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(cannot(match told {
                Some(pid) => format!("process {pid} was told to stop and has not done so for {seconds} seconds"),
                None => "somebody holds its lock, and who that is cannot be found out".to_owned(),
            }));
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Sends SIGINT to that very process; false where it is gone.
fn signal(owner: &Owner) -> bool {
    let Some(pid) = i32::try_from(owner.pid).ok().and_then(Pid::from_raw) else { return false };
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    owner.is_alive() && pidfd_send_signal(&process, Signal::INT).is_ok()
}

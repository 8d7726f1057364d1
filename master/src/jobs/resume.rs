//! Takes up a job that did not come to its end: `td resume`.
//!
//! All that speaks against it is found before anything is written. What needs the scene or the agents
//! ([`changes::files`], [`changes::fingerprint`]) is asked by the render, which has both.

use super::changes::{self, OutputNow};
use super::current::Current;
use super::error::JobError;
use super::history::History;
use super::id::{JobId, Prefix};
use super::journal::Journal;
use super::listing::State;
use super::lock::Holder;
use super::output::SavedOutput;
use super::places::Places;
use super::record::{Outcome, OutputRecord};

/// A job that may go on, as far as its own files tell.
#[derive(Debug)]
pub enum TakenUp {
    /// There is something left to do.
    Unfinished(Box<Current>),
    /// Its picture lies in its place; only that had not been written down. It is now.
    WasDone { id: JobId, output: SavedOutput },
}

/// Takes up the job that `wanted` means, else the unfinished one that was last heard of. Its picture goes to `elsewhere`, where that is
/// given. With `replace` whatever lies at the output's place is replaced.
///
/// # Errors
/// [`JobError`], a sentence that says what speaks against it.
pub fn take_up(
    places: &Places,
    wanted: Option<&Prefix>,
    elsewhere: Option<SavedOutput>,
    replace: bool,
) -> Result<TakenUp, JobError> {
    let id = match wanted {
        Some(prefix) => places.find(prefix)?,
        None => newest_unfinished(places)?,
    };
    let lock = places.take(&id)?;
    let path = places.journal(&id);
    let (journal, records) = Journal::reopen(&path)?;
    let history = History::of(records).map_err(|source| JobError::NoJob { path, source })?;
    check_state(&id, &history)?;
    if let Some(reason) = changes::version(&history.job) {
        return Err(JobError::CannotGoOn { job: id.to_string(), reason });
    }
    let redirect = elsewhere.is_some() || replace;
    let output = elsewhere.unwrap_or_else(|| SavedOutput::from_text(&history.job.output));
    let output_lock = places.lock_output(&id, &output)?;
    let judged = match &output {
        _ if redirect => OutputNow::AsExpected,
        SavedOutput::Stdout => OutputNow::AsExpected,
        SavedOutput::File(path) => changes::output(path, history.job.replaces, history.picture.as_ref(), output.mark()),
    };
    let mut current = Current::of(places, id.clone(), lock, output_lock, journal, history);
    match judged {
        OutputNow::OwnPicture => {
            current.done();
            Ok(TakenUp::WasDone { id, output })
        }
        OutputNow::Another(reason) => Err(JobError::CannotGoOn { job: id.to_string(), reason }),
        OutputNow::AsExpected => {
            current.remove_partial_picture();
            if redirect {
                current.redirect(OutputRecord { output: output.to_text(), replaces: output.mark() });
            }
            Ok(TakenUp::Unfinished(Box::new(current)))
        }
    }
}

fn newest_unfinished(places: &Places) -> Result<JobId, JobError> {
    let (entries, _) = places.entries()?;
    let unfinished = entries.into_iter().filter(|entry| entry.state.is_unfinished());
    let newest = unfinished.max_by(|a, b| a.last_heard().total_cmp(&b.last_heard()));
    newest.map(|entry| entry.id).ok_or(JobError::NothingUnfinished)
}

fn check_state(id: &JobId, history: &History) -> Result<(), JobError> {
    let job = id.to_string();
    match State::of(history, Holder::Nobody) {
        state if state.is_unfinished() => Ok(()),
        State::Failed { .. } => {
            let told = history.end.as_ref().map_or("", |end| end.message.as_str());
            let reason = format!("it failed, and would again ({told}): mend that and render again");
            Err(JobError::CannotGoOn { job, reason })
        }
        state => Err(JobError::NotUnfinished { job, state: state.word() }),
    }
}

impl Current {
    /// Removes what a crash in the last moment may have left beside the picture, if it is that very file.
    pub(super) fn remove_partial_picture(&self) {
        use std::os::unix::fs::MetadataExt as _;
        let Some(picture) = self.history().picture else { return };
        let Some(path) = &picture.temporary else { return };
        let is_it = |meta: std::fs::Metadata| (meta.dev(), meta.ino()) == (picture.device, picture.inode);
        if std::fs::symlink_metadata(path.path()).is_ok_and(is_it)
            && let Err(error) = std::fs::remove_file(path.path())
        {
            tracing::warn!("{path} stays: {error}");
        }
    }
}

/// Ends a job that nobody works on, for good: its rows go, a small record stays.
pub(super) fn cancel_idle(places: &Places, id: &JobId) -> Result<State, JobError> {
    let lock = places.take(id)?;
    let path = places.journal(id);
    let (journal, records) = Journal::reopen(&path)?;
    let history = History::of(records).map_err(|source| JobError::NoJob { path, source })?;
    let state = State::of(&history, Holder::Nobody);
    if state.is_unfinished() || matches!(state, State::Failed { .. }) {
        let current = Current::of(places, id.clone(), lock, None, journal, history);
        current.remove_partial_picture();
        current.ended(Outcome::Cancelled, "", false);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::jobs::record::example;

    #[test]
    fn a_killed_job_that_was_written_last_is_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::below(folder.path()).unwrap();
        let begin = || {
            let claim = places.claim(&SavedOutput::Stdout).unwrap();
            let record = crate::jobs::record::JobRecord { id: claim.id.to_string(), ..example() };
            Current::begin(&places, claim, record).unwrap()
        };
        let killed = begin();
        let id = killed.id().clone();
        drop(killed);
        begin().ended(Outcome::Interrupted, "", true);
        let wrote = |time| {
            let journal = std::fs::File::options().append(true).open(places.journal(&id)).unwrap();
            journal.set_modified(time).unwrap();
        };
        wrote(SystemTime::now() - Duration::from_secs(3600));
        assert_ne!(newest_unfinished(&places).unwrap(), id);
        wrote(SystemTime::now() + Duration::from_secs(3600));
        assert_eq!(newest_unfinished(&places).unwrap(), id);
    }
}

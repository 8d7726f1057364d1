//! One job as `td jobs` shows it.

use std::path::Path;
use std::time::UNIX_EPOCH;

use td_protocol::rows::Rows;

use super::error::JobError;
use super::history::History;
use super::id::JobId;
use super::journal::Journal;
use super::lock::{self, Holder};
use super::owner::Owner;
use super::places::Places;
use super::record::Outcome;
use super::retention::Kept;
use crate::compose::{self, Shape};

/// What a job is doing, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A td works on it.
    Running(Option<Owner>),
    /// By Ctrl-C, or its td was killed.
    Interrupted,
    Failed {
        resumable: bool,
    },
    Done,
    Cancelled,
}

impl State {
    /// From what the journal says and whether somebody holds the job's lock.
    #[must_use]
    pub fn of(history: &History, holder: Holder) -> Self {
        if let Holder::Somebody(owner) = holder {
            return Self::Running(owner);
        }
        match &history.end {
            None => Self::Interrupted,
            Some(end) => match end.outcome {
                Outcome::Done => Self::Done,
                Outcome::Cancelled => Self::Cancelled,
                Outcome::Interrupted => Self::Interrupted,
                Outcome::Failed => Self::Failed { resumable: end.resumable },
            },
        }
    }

    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::Interrupted => "interrupted",
            Self::Failed { .. } => "failed",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether `td resume` may go on with it.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        matches!(self, Self::Interrupted | Self::Failed { resumable: true })
    }
}

/// A job, and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: JobId,
    pub history: History,
    pub state: State,
    pub rows_done: u32,
    /// Bytes of its folder.
    pub bytes: u64,
    /// When something of it was last written, in seconds since 1970: of a run that was killed nothing else tells when it ended.
    pub written: f64,
}

impl Entry {
    /// When the job was begun, in seconds since 1970.
    #[must_use]
    pub fn made(&self) -> f64 {
        self.history.job.made
    }

    /// When something was last heard of the job, in seconds since 1970.
    #[must_use]
    pub fn last_heard(&self) -> f64 {
        let told = self.history.last_told();
        if self.history.end.is_some() { told } else { self.written.max(told) }
    }

    #[must_use]
    pub fn rows_total(&self) -> u32 {
        self.history.job.options.rows.len()
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            heard: self.last_heard(),
            bytes: self.bytes,
            unfinished: self.state.is_unfinished(),
            running: matches!(self.state, State::Running(_)),
        }
    }
}

/// Reads one job; `None` where its folder is being made or removed.
pub(super) fn read(places: &Places, id: &JobId) -> Result<Option<Entry>, JobError> {
    let path = places.journal(id);
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= super::codec::FILE_HEAD as u64) || !path.exists() {
        return Ok(None);
    }
    // First the lock: a job that ends in between is then shown with its end.
    let lock = places.lock(id);
    let holder = lock::holder(&lock).map_err(JobError::folder(&lock))?;
    let history = History::of(Journal::read(&path)?).map_err(|source| JobError::NoJob { path, source })?;
    let state = State::of(&history, holder);
    let folder = places.folder(id);
    let rows_done = match (&state, &history.end) {
        (State::Running(_) | State::Interrupted | State::Failed { resumable: true }, _) | (_, None) => {
            rows_in(&folder, &history)
        }
        (_, Some(end)) => end.rows_done,
    };
    let (bytes, written) = (bytes_of(&folder), written(&folder, &history));
    Ok(Some(Entry { id: id.clone(), state, rows_done, bytes, written, history }))
}

/// Rows of the picture that lie finished in a job's folder.
pub(super) fn rows_in(folder: &Path, history: &History) -> u32 {
    let options = &history.job.options;
    let Some(attempt) = &history.attempt else { return 0 };
    let shape = Shape { width: options.width, height: options.height, format: options.format };
    let missing = compose::missing_rows_in(&folder.join(segments_name(attempt.number)), shape);
    let missing = missing.unwrap_or_else(|_| vec![shape.rows()]);
    let wanted = |rows: &Rows| {
        let end = rows.end.min(options.rows.end);
        end.saturating_sub(rows.start.max(options.rows.start))
    };
    options.rows.len().saturating_sub(missing.iter().map(wanted).sum())
}

/// The name of the file with the segments of an attempt.
pub(super) fn segments_name(attempt: u32) -> String {
    format!("segments-{attempt}")
}

/// When the journal or the finished rows were last written; 0 where the disk does not tell.
fn written(folder: &Path, history: &History) -> f64 {
    let rows = history.attempt.as_ref().map(|attempt| segments_name(attempt.number));
    let times = [Some("journal".to_owned()), rows].into_iter().flatten().filter_map(|name| {
        let modified = std::fs::metadata(folder.join(name)).ok()?.modified().ok()?;
        Some(modified.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
    });
    times.fold(0.0, f64::max)
}

fn bytes_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

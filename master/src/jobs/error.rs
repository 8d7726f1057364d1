//! What can be wrong with a job that was written down.

use std::io;
use std::path::PathBuf;

use super::codec::{DecodeError, EncodeError};
use super::history::NoJob;
use super::id::PrefixError;
use super::owner::Owner;

/// Why a job cannot be written down, found, or taken up again.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("no folder for td's jobs: set HOME or XDG_STATE_HOME")]
    NoPlace,
    #[error("cannot use {path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("no space is left for td's jobs in {path}: free some on that disk, or set XDG_STATE_HOME to another")]
    Full { path: PathBuf, source: io::Error },
    #[error("the journal {path} cannot be read: {source}")]
    Journal { path: PathBuf, source: DecodeError },
    #[error("the journal {path} cannot be used: {source}")]
    NoJob { path: PathBuf, source: NoJob },
    #[error("the journal {path} cannot be written: {source}")]
    Encode { path: PathBuf, source: EncodeError },
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    #[error("there is no unfinished job to go on with; td jobs lists all")]
    NothingUnfinished,
    #[error("{output} is being written by {}: wait for it, end it with {}, or name another output with -o",
        holder(owner.as_ref()), ending(owner.as_ref(), *is_listed))]
    OutputTaken {
        output: PathBuf,
        owner: Option<Owner>,
        /// `td jobs` knows the job: a render by the classic method, and one that still waits for its agents, are not written down.
        is_listed: bool,
    },
    #[error("job {job} is being rendered by {}; td cancel {job} ends it", process(owner.as_ref()))]
    Running { job: String, owner: Option<Owner> },
    #[error("job {job} cannot go on: {reason}")]
    CannotGoOn { job: String, reason: String },
    #[error("job {job} is {state}: there is nothing to go on with")]
    NotUnfinished { job: String, state: &'static str },
    #[error("job {job} cannot be cancelled from here: {reason}")]
    CannotCancel { job: String, reason: String },
}

impl JobError {
    pub(super) fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            _ => Self::Folder { path, source },
        }
    }

    /// Whether the user has to do something else, or the machine failed.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Folder { .. } | Self::Full { .. } | Self::Encode { .. })
    }
}

fn holder(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "another td".to_owned(), |owner| format!("job {} ({})", owner.job, process(Some(owner))))
}

fn ending(owner: Option<&Owner>, is_listed: bool) -> String {
    match owner.filter(|_| is_listed) {
        Some(owner) => format!("td cancel {}", owner.job),
        None => "Ctrl-C there".to_owned(),
    }
}

fn process(owner: Option<&Owner>) -> String {
    match owner {
        None => "another td".to_owned(),
        Some(owner) if owner.is_here() => format!("process {}", owner.pid),
        Some(owner) => format!("process {} on {}", owner.pid, owner.host),
    }
}

//! The job that this process works on: its locks, its journal, its folder.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use td_protocol::version;

use super::error::JobError;
use super::history::History;
use super::id::JobId;
use super::journal::Journal;
use super::listing::{self, segments_name};
use super::lock::Lock;
use super::places::Places;
use super::record::{AgentsRecord, EndRecord, JobRecord, Outcome, OutputRecord, Record, RunRecord};

/// The right to write a picture, before there is a job for it.
#[derive(Debug)]
pub struct Claim {
    pub id: JobId,
    pub(super) output: Option<Lock>,
}

/// A job under way. If this is dropped without a word on how it ended, the job counts as interrupted.
#[derive(Debug)]
pub struct Current {
    places: Places,
    id: JobId,
    folder: PathBuf,
    written: Mutex<Written>,
    /// What is otherwise from now on; to be written once the job really goes on.
    changes: Vec<Record>,
    // Freed in this order: who waits for the picture then finds the job ended.
    _output: Option<Lock>,
    _lock: Lock,
}

#[derive(Debug)]
struct Written {
    journal: Journal,
    history: History,
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Current {
    /// Writes a new job down.
    ///
    /// # Errors
    /// [`JobError`] where the disk refuses.
    pub fn begin(places: &Places, claim: Claim, job: JobRecord) -> Result<Self, JobError> {
        let lock = places.make(&claim.id)?;
        let record = Record::Job(Box::new(job.clone()));
        let journal = Journal::create(&places.journal(&claim.id), &record)?;
        let current = Self::of(places, claim.id, lock, claim.output, journal, History::begun(job));
        current.begin_run()?;
        Ok(current)
    }

    pub(super) fn of(
        places: &Places,
        id: JobId,
        lock: Lock,
        output: Option<Lock>,
        journal: Journal,
        history: History,
    ) -> Self {
        let folder = places.folder(&id);
        let written = Mutex::new(Written { journal, history });
        Self { places: places.clone(), id, folder, written, changes: Vec::new(), _output: output, _lock: lock }
    }

    /// Says that a td works on it from now on.
    ///
    /// # Errors
    /// [`JobError`] where the disk refuses.
    pub fn begin_run(&self) -> Result<(), JobError> {
        let run = RunRecord { at: now(), pid: std::process::id(), td: version::TD.to_owned() };
        self.write(Record::Run(run), true)?;
        self.changes.iter().try_for_each(|change| self.write(change.clone(), true))
    }

    /// The picture goes elsewhere, as soon as the job goes on.
    pub(super) fn redirect(&mut self, output: OutputRecord) {
        self.change(Record::Output(output));
    }

    /// Other agents than before render it, as soon as it goes on.
    pub fn render_by(&mut self, agents: AgentsRecord) {
        self.change(Record::Agents(agents));
    }

    fn change(&mut self, record: Record) {
        self.written().history.add(record.clone());
        self.changes.push(record);
    }

    #[must_use]
    pub const fn id(&self) -> &JobId {
        &self.id
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of the job, this run included.
    #[must_use]
    pub fn history(&self) -> History {
        self.written().history.clone()
    }

    /// The file for the rows of an attempt.
    #[must_use]
    pub fn segments(&self, attempt: u32) -> PathBuf {
        self.folder.join(segments_name(attempt))
    }

    /// The file that the first pass is kept in.
    #[must_use]
    pub fn radiosity(&self) -> PathBuf {
        self.folder.join("radiosity")
    }

    /// The job's id on agents. Each run has one of its own: what a killed td left running there must not be taken for
    /// strips of this run.
    #[must_use]
    pub fn agents_id(&self, attempt: u32) -> String {
        let runs = self.written().history.runs.len();
        format!("{}-{attempt}-{runs}", self.id)
    }

    /// The ids under which agents may still work for an earlier run.
    #[must_use]
    pub fn earlier_agents_ids(&self, attempt: u32) -> Vec<String> {
        let runs = self.written().history.runs.len();
        (1..runs).rev().take(3).map(|run| format!("{}-{attempt}-{run}", self.id)).collect()
    }

    /// Writes a record. A disk that refuses is no reason to end the render: only resuming would miss it.
    pub fn note(&self, record: Record) {
        if let Err(error) = self.write(record, false) {
            tracing::warn!("{error}");
        }
    }

    /// Writes a record that must not get lost.
    ///
    /// # Errors
    /// [`JobError`] where the disk refuses.
    pub fn note_synced(&self, record: Record) -> Result<(), JobError> {
        self.write(record, true)
    }

    /// Rows of the picture that are finished.
    #[must_use]
    pub fn rows_done(&self) -> u32 {
        listing::rows_in(&self.folder, &self.written().history)
    }

    /// The picture is there: the large files go, a small record stays.
    pub fn done(self) {
        let rows_done = self.written().history.job.options.rows.len();
        self.end(Outcome::Done, "", false, rows_done);
    }

    /// It ended without the picture. What is resumable keeps its rows.
    pub fn ended(self, outcome: Outcome, message: &str, resumable: bool) {
        let rows_done = self.rows_done();
        self.end(outcome, message, resumable, rows_done);
    }

    fn end(&self, outcome: Outcome, message: &str, resumable: bool, rows_done: u32) {
        let message = message.to_owned();
        let record = Record::End(EndRecord { at: now(), outcome, message, resumable, rows_done });
        if let Err(error) = self.write(record, true) {
            tracing::warn!("{error}");
        }
        if !resumable {
            self.remove_large_files();
        }
    }

    /// Removes all of it: it was refused before anything came of it.
    pub fn forget(self) {
        if let Err(error) = self.places.remove(&self.id) {
            tracing::warn!("{error}");
        }
    }

    pub(super) fn remove_large_files(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_small = name == "journal" || name == "lock";
            if !is_small && let Err(error) = std::fs::remove_file(entry.path()) {
                tracing::warn!("{} stays: {error}", entry.path().display());
            }
        }
    }

    fn write(&self, record: Record, synced: bool) -> Result<(), JobError> {
        let mut written = self.written();
        written.journal.append(&record, synced)?;
        written.history.add(record);
        Ok(())
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

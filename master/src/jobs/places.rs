//! The folders of all jobs.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use td_protocol::hash::ContentHash;

use super::current::Claim;
use super::error::JobError;
use super::id::{JobId, Prefix};
use super::listing::Entry;
use super::lock::{Lock, LockError};
use super::output::SavedOutput;
use super::owner::Owner;
use super::retention::{self, BOUNDS, Kept};
use super::{codec, listing};

/// Folders without a journal are left by a td that died as it made them.
const JOURNAL: &str = "journal";
const LOCK: &str = "lock";
const REMOVED: &str = ".removed-";

/// `$XDG_STATE_HOME/td`: `jobs/` with a folder for each job, `outputs/` with a lock for each picture that is written.
#[derive(Debug, Clone)]
pub struct Places {
    base: PathBuf,
}

/// Held while a job's folder is made or removed, so that no other td takes a half-made one for a dead one.
struct Guard {
    _file: File,
}

impl Places {
    /// The user's own: `$XDG_STATE_HOME/td`, else `~/.local/state/td`.
    ///
    /// # Errors
    /// [`JobError::NoPlace`], or when the folders cannot be made.
    pub fn open() -> Result<Self, JobError> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        Self::below(&base.ok_or(JobError::NoPlace)?.join("td"))
    }

    /// Those in `base`.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn below(base: &Path) -> Result<Self, JobError> {
        let places = Self { base: base.to_owned() };
        for folder in [places.jobs(), places.outputs()] {
            // What a user renders is nobody else's business.
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(JobError::folder(&folder))?;
        }
        Ok(places)
    }

    fn jobs(&self) -> PathBuf {
        self.base.join("jobs")
    }

    fn outputs(&self) -> PathBuf {
        self.base.join("outputs")
    }

    pub(super) fn folder(&self, id: &JobId) -> PathBuf {
        self.jobs().join(id.as_str())
    }

    pub(super) fn journal(&self, id: &JobId) -> PathBuf {
        self.folder(id).join(JOURNAL)
    }

    pub(super) fn lock(&self, id: &JobId) -> PathBuf {
        self.folder(id).join(LOCK)
    }

    /// A new job's id, and the right to write its picture.
    ///
    /// # Errors
    /// [`JobError::OutputTaken`] when another td writes that picture.
    pub fn claim(&self, output: &SavedOutput) -> Result<Claim, JobError> {
        let id = JobId::new();
        let output = self.lock_output(&id, output)?;
        Ok(Claim { id, output })
    }

    pub(super) fn lock_output(&self, id: &JobId, output: &SavedOutput) -> Result<Option<Lock>, JobError> {
        let SavedOutput::File(path) = output else { return Ok(None) };
        let lock = self.outputs().join(ContentHash::of(path.as_os_str().as_bytes()).to_string());
        match Lock::take(&lock, &Owner::this_process(id.as_str())) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Held(owner)) => {
                let job = owner.as_ref().and_then(|owner| JobId::parse(&owner.job));
                let is_listed = job.is_some_and(|job| self.journal(&job).exists());
                Err(JobError::OutputTaken { output: path.clone(), owner, is_listed })
            }
            Err(LockError::Io(error)) => Err(JobError::folder(lock)(error)),
        }
    }

    /// Makes a job's folder and takes its lock.
    pub(super) fn make(&self, id: &JobId) -> Result<Lock, JobError> {
        let _guard = self.guard()?;
        let folder = self.folder(id);
        std::fs::create_dir(&folder).map_err(JobError::folder(&folder))?;
        self.take(id)
    }

    /// Takes a job's lock.
    ///
    /// # Errors
    /// [`JobError::Running`].
    pub(super) fn take(&self, id: &JobId) -> Result<Lock, JobError> {
        let path = self.lock(id);
        Lock::take(&path, &Owner::this_process(id.as_str())).map_err(|error| match error {
            LockError::Held(owner) => JobError::Running { job: id.to_string(), owner },
            LockError::Io(error) => JobError::folder(path)(error),
        })
    }

    /// All jobs, oldest first, and sentences on those that cannot be read.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn entries(&self) -> Result<(Vec<Entry>, Vec<String>), JobError> {
        let mut entries = Vec::new();
        let mut notes = Vec::new();
        for id in self.ids()? {
            match listing::read(self, &id) {
                Ok(Some(entry)) => entries.push(entry),
                Ok(None) => {}
                Err(error) => notes.push(error.to_string()),
            }
        }
        entries.sort_by(|a, b| a.made().total_cmp(&b.made()).then_with(|| a.id.cmp(&b.id)));
        Ok((entries, notes))
    }

    fn ids(&self) -> Result<Vec<JobId>, JobError> {
        let jobs = self.jobs();
        let entries = std::fs::read_dir(&jobs).map_err(JobError::folder(&jobs))?;
        Ok(entries.flatten().filter_map(|entry| JobId::parse(entry.file_name().to_str()?)).collect())
    }

    /// The job that a prefix means.
    ///
    /// # Errors
    /// [`JobError::Prefix`].
    pub fn find(&self, prefix: &Prefix) -> Result<JobId, JobError> {
        Ok(prefix.choose(&self.ids()?)?.clone())
    }

    /// Removes what is kept no longer ([`retention`]) and what killed tds left half made. Returns sentences on
    /// unfinished jobs that are forgotten.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sweep(&self, now: f64) -> Result<Vec<String>, JobError> {
        let guard = self.guard()?;
        self.remove_half_made();
        let (entries, _) = self.entries()?;
        let kept: Vec<Kept> = entries.iter().map(Entry::kept).collect();
        let mut notes = Vec::new();
        for (index, reason) in retention::to_remove(now, &kept, &BOUNDS) {
            let Some(entry) = entries.get(index) else { continue };
            // One that is taken up at this moment stays.
            let Ok(lock) = self.take(&entry.id) else { continue };
            let what = entry.history.job.scene.path().display();
            match self.remove_folder(&entry.id) {
                Ok(()) if entry.state.is_unfinished() => {
                    notes.push(format!("job {} ({what}) is forgotten: {reason}", entry.id));
                }
                Ok(()) => {}
                Err(error) => tracing::warn!("{error}"),
            }
            drop(lock);
        }
        drop(guard);
        Ok(notes)
    }

    /// Removes a job's folder, whose lock the caller holds.
    pub(super) fn remove(&self, id: &JobId) -> Result<(), JobError> {
        let _guard = self.guard()?;
        self.remove_folder(id)
    }

    fn remove_folder(&self, id: &JobId) -> Result<(), JobError> {
        let (folder, gone) = (self.folder(id), self.jobs().join(format!("{REMOVED}{id}")));
        // At once for everybody who looks, however long it takes.
        std::fs::rename(&folder, &gone).map_err(JobError::folder(&folder))?;
        std::fs::remove_dir_all(&gone).map_err(JobError::folder(&gone))
    }

    /// What is in the folder and is no job. Only under the guard: then nobody is making one.
    fn remove_half_made(&self) {
        let Ok(entries) = std::fs::read_dir(self.jobs()) else { return };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let is_left = match JobId::parse(&name) {
                Some(id) => !has_beginning(&self.journal(&id)) && self.take(&id).is_ok(),
                // Removed halfway, or of a td before there were journals.
                None => name.starts_with(REMOVED) || is_old_name(&name),
            };
            if is_left && let Err(error) = std::fs::remove_dir_all(&path) {
                tracing::debug!("{} stays: {error}", path.display());
            }
        }
    }

    fn guard(&self) -> Result<Guard, JobError> {
        let path = self.base.join("guard");
        let open = || -> io::Result<File> {
            let file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        Ok(Guard { _file: open().map_err(JobError::folder(&path))? })
    }
}

/// Whether the journal got as far as its head: then it says more than that it was begun.
fn has_beginning(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.len() > codec::FILE_HEAD as u64)
}

/// `SECONDS-MICROSECONDS-PID`, each hexadecimal, of a process that is gone.
fn is_old_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let number = |part: &&str| u64::from_str_radix(part, 16).ok();
    match parts.iter().map(number).collect::<Option<Vec<u64>>>().as_deref() {
        Some([_, _, pid]) => !Path::new(&format!("/proc/{pid}")).exists(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Current;
    use crate::jobs::record::{JobRecord, example};

    #[test]
    fn who_writes_the_picture_is_told_how_to_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::below(folder.path()).unwrap();
        let output = SavedOutput::File(folder.path().join("out.png"));
        let claim = places.claim(&output).unwrap();
        let told = || places.claim(&output).unwrap_err().to_string();
        assert!(told().contains("end it with Ctrl-C there"), "{}", told());
        let id = claim.id.clone();
        let job = Current::begin(&places, claim, JobRecord { id: id.to_string(), ..example() }).unwrap();
        assert!(told().contains(&format!("end it with td cancel {id}")), "{}", told());
        drop(job);
        assert!(places.claim(&output).is_ok());
    }
}

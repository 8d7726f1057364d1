//! The journal's file: records are only ever put behind the last good one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::codec::{self, Decoded};
use super::error::JobError;
use super::record::Record;

/// Longest journal that is read.
const MOST_BYTES: u64 = 1 << 30;

/// An open journal, to write to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Version that the file's head has.
    major: u8,
}

impl Journal {
    /// Makes the journal, its first record already in it, and waits until the disk has both.
    ///
    /// # Errors
    /// [`JobError`] where the disk refuses.
    pub fn create(path: &Path, first: &Record) -> Result<Self, JobError> {
        let content = codec::encode(first).map_err(|source| JobError::Encode { path: path.to_owned(), source })?;
        let mut bytes = codec::file_head().to_vec();
        bytes.extend(content);
        let make = || -> io::Result<File> {
            let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(path)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            sync_folder(path)?;
            Ok(file)
        };
        let file = make().map_err(JobError::folder(path))?;
        Ok(Self { path: path.to_owned(), file, major: codec::MAJOR })
    }

    /// Opens a journal to go on with; what is behind its last whole record is cut off.
    ///
    /// # Errors
    /// [`JobError`].
    pub fn reopen(path: &Path) -> Result<(Self, Vec<Record>), JobError> {
        let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(JobError::folder(path))?;
        let decoded = read_from(path, &mut file)?;
        file.set_len(decoded.good as u64).map_err(JobError::folder(path))?;
        Ok((Self { path: path.to_owned(), file, major: decoded.major }, decoded.records))
    }

    /// Reads a journal and leaves it as it is.
    ///
    /// # Errors
    /// [`JobError`].
    pub fn read(path: &Path) -> Result<Vec<Record>, JobError> {
        let mut file = File::open(path).map_err(JobError::folder(path))?;
        Ok(read_from(path, &mut file)?.records)
    }

    /// Puts a record behind the others; `synced` waits until the disk has it.
    ///
    /// # Errors
    /// [`JobError`] where the disk refuses; what was half written is no record, and is cut off before the next.
    pub fn append(&mut self, record: &Record, synced: bool) -> Result<(), JobError> {
        let bytes = codec::encode(record).map_err(|source| JobError::Encode { path: self.path.clone(), source })?;
        if self.major < codec::major_for(record) {
            self.raise().map_err(JobError::folder(&self.path))?;
        }
        let good = self.file.metadata().map_err(JobError::folder(&self.path))?.len();
        let mut write = || -> io::Result<()> {
            self.file.write_all(&bytes)?;
            if synced { self.file.sync_data() } else { Ok(()) }
        };
        write().map_err(|error| {
            let _ = self.file.set_len(good);
            JobError::folder(&self.path)(error)
        })
    }

    /// Makes a journal that an older td began one of this td, so that the older one refuses it. The head lies within one
    /// sector of the disk: a crash leaves the old one or the new one.
    fn raise(&mut self) -> io::Result<()> {
        // What is open for appending writes to the end, wherever it is told to.
        let head = OpenOptions::new().write(true).open(&self.path)?;
        head.write_all_at(&codec::file_head(), 0)?;
        head.sync_data()?;
        self.major = codec::MAJOR;
        Ok(())
    }
}

fn read_from(path: &Path, file: &mut File) -> Result<Decoded, JobError> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(JobError::folder(path))?;
    codec::decode(&bytes).map_err(|source| JobError::Journal { path: path.to_owned(), source })
}

/// Waits until the disk knows the name of a new file.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder)?.sync_all()?;
    // The job's folder is new, too.
    folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use td_protocol::rows::Rows;

    use super::*;
    use crate::jobs::record::{CompleteRecord, DisputeRecord, example};

    #[test]
    fn a_torn_tail_is_cut_off_and_the_next_record_is_found_behind_the_good_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let complete = |at| Record::Complete(CompleteRecord { at });
        let job = Record::Job(Box::new(example()));
        let mut journal = Journal::create(&path, &job).unwrap();
        journal.append(&complete(1.0), true).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for torn in 1..40 {
            std::fs::write(&path, &whole[..whole.len() - torn]).unwrap();
            let (mut journal, records) = Journal::reopen(&path).unwrap();
            assert_eq!(records, std::slice::from_ref(&job), "{torn}");
            journal.append(&complete(2.0), false).unwrap();
            assert_eq!(Journal::read(&path).unwrap(), [job.clone(), complete(2.0)]);
        }
        assert!(matches!(Journal::create(&path, &job), Err(JobError::Folder { .. })), "not made twice");
    }

    #[test]
    fn an_older_tds_journal_becomes_this_tds_with_the_first_record_that_the_older_one_must_not_skip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let job = Record::Job(Box::new(example()));
        drop(Journal::create(&path, &job).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..codec::FILE_HEAD].copy_from_slice(b"tdjrnl\x01\x00\x9b\x93\x34\x53");
        std::fs::write(&path, bytes).unwrap();

        let (mut journal, _) = Journal::reopen(&path).unwrap();
        let complete = Record::Complete(CompleteRecord { at: 1.0 });
        journal.append(&complete, true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[6], 1, "the older td may still go on");
        let dispute = Record::Dispute(DisputeRecord { rows: Rows::new(3, 9), claims: Vec::new() });
        journal.append(&dispute, true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[..codec::FILE_HEAD], codec::file_head());
        assert_eq!(Journal::read(&path).unwrap(), [job, complete, dispute]);
    }
}

//! Segments of a strip that only counts as a whole: kept in a file until it has ended.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use td_protocol::segment::SegmentMeta;

use crate::schedule::LeaseId;

/// Segments by lease, in files of one folder.
#[derive(Debug)]
pub struct Held {
    folder: PathBuf,
    leases: HashMap<LeaseId, (File, Vec<SegmentMeta>)>,
}

impl Held {
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, leases: HashMap::new() }
    }

    /// # Errors
    /// When the disk refuses.
    pub fn add(&mut self, lease: LeaseId, meta: SegmentMeta, data: &[u8]) -> io::Result<()> {
        let (file, metas) = match self.leases.entry(lease) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert((tempfile::tempfile_in(&self.folder)?, Vec::new()))
            }
        };
        file.write_all(data)?;
        metas.push(meta);
        Ok(())
    }

    /// Hands over what a lease has, and forgets it.
    ///
    /// # Errors
    /// When the file cannot be read, and those of `each`.
    pub fn take<E: From<io::Error>>(
        &mut self,
        lease: LeaseId,
        mut each: impl FnMut(SegmentMeta, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((mut file, metas)) = self.leases.remove(&lease) else { return Ok(()) };
        file.seek(SeekFrom::Start(0))?;
        for meta in metas {
            let mut data = vec![0; usize::try_from(meta.len).unwrap_or(0)];
            file.read_exact(&mut data)?;
            each(meta, data)?;
        }
        Ok(())
    }

    /// Throws away what a lease has.
    pub fn forget(&mut self, lease: LeaseId) {
        self.leases.remove(&lease);
    }
}

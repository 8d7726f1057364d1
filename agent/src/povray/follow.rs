//! Following the state file of a POV-Ray that traces.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::pixels::state_file::{Block, StateError, StateReader};

/// Bytes read at once.
const PIECE: usize = 256 << 10;

/// Why the state file cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("cannot read POV-Ray's state file: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    State(#[from] StateError),
}

/// The state file, once it is there. It is held open: POV-Ray removes it when the trace has ended.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    width: u32,
    height: u32,
    file: Option<File>,
    /// Bytes read.
    position: u64,
    reader: StateReader,
    piece: Vec<u8>,
}

impl Follower {
    /// `width` and `height` are those of the whole image.
    #[must_use]
    pub fn new(path: PathBuf, width: u32, height: u32) -> Self {
        Self {
            path,
            width,
            height,
            file: None,
            position: 0,
            reader: StateReader::new(width, height),
            piece: Vec::new(),
        }
    }

    /// Whether the file has appeared: POV-Ray has parsed and traces.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Whether POV-Ray has removed the file: it has traced all and writes its picture.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.metadata().is_ok_and(|meta| meta.nlink() == 0))
    }

    /// Bytes of the file; 0 before it appears.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len())
    }

    /// Reads from the start again.
    ///
    /// # Errors
    /// When the file cannot be moved in.
    pub fn restart(&mut self) -> io::Result<()> {
        self.reader = StateReader::new(self.width, self.height);
        self.position = 0;
        match &mut self.file {
            Some(file) => file.seek(SeekFrom::Start(0)).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Opens the file if it is there by now.
    ///
    /// # Errors
    /// When it is there and cannot be opened.
    pub fn open(&mut self) -> Result<(), FollowError> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what is new of the first `until` bytes and hands over each finished block; tells whether anything was new.
    ///
    /// # Errors
    /// When the file cannot be read or is not POV-Ray's.
    pub fn poll(&mut self, until: u64, mut block: impl FnMut(&Block<'_>)) -> Result<bool, FollowError> {
        self.open()?;
        let Some(file) = &mut self.file else { return Ok(false) };
        self.piece.resize(PIECE, 0);
        let mut is_new = false;
        while self.position < until {
            let most = usize::try_from(until - self.position).map_or(PIECE, |left| left.min(PIECE));
            let read = file.read(&mut self.piece[..most])?;
            if read == 0 {
                break;
            }
            is_new = true;
            self.position += read as u64;
            self.reader.push(&self.piece[..read]);
            while let Some(finished) = self.reader.next_block()? {
                block(&finished);
            }
        }
        Ok(is_new)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn no_more_is_read_than_was_asked_for_and_the_rest_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.pov-state");
        let mut follower = Follower::new(path.clone(), 8, 8);
        assert!(!follower.poll(u64::MAX, |_| panic!("no file")).unwrap());
        let mut file = File::create(&path).unwrap();
        // The beginning of a header: no block yet, and nothing wrong.
        file.write_all(b"POV-Ray Render State File\0\0\0").unwrap();
        follower.open().unwrap();
        assert_eq!(follower.length(), 28);
        let mut new = |until: u64| follower.poll(until, |_| panic!("no block")).unwrap();
        assert!(new(6));
        assert!(!new(6));
        assert!(new(8));
        assert!(new(u64::MAX));
        assert!(!new(u64::MAX));
        follower.restart().unwrap();
        assert!(follower.poll(1, |_| panic!("no block")).unwrap());
    }
}

//! The environment and the files that settings come from; the one place here that touches the machine.

use std::io;
use std::path::Path;

/// What the reader of settings may ask of the machine. Tests answer from a list.
pub trait Surroundings {
    /// An environment variable, if it is set and readable as text.
    fn variable(&self, name: &str) -> Option<String>;

    /// The whole of a file.
    ///
    /// # Errors
    /// Those of the file system; [`io::ErrorKind::NotFound`] makes the search go on.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;
}

/// This machine: relative names are looked up in the current folder, as POV-Ray does.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisMachine;

/// An ini file is a page or two; more is some other file, given by mistake.
pub const LARGEST_INI: u64 = 1 << 20;

impl Surroundings for ThisMachine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let about = std::fs::metadata(file)?;
        // Reading a FIFO or a device could take for ever.
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        if about.len() > LARGEST_INI {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large for an ini file (over 1 MB)"));
        }
        std::fs::read(file)
    }
}

//! Starting POV-Ray before it is known which rows it is to render.
//!
//! The ini file that its command line names is a FIFO: POV-Ray opens it to see whether it is there, and waits in that until
//! somebody opens the other end. Loading the program is done by then (`benches/spares.sh`: how much of a start that is).
//! Meanwhile a regular file takes the FIFO's name, so that what POV-Ray opens next, and reads, is that one.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

/// A FIFO in place of an ini file.
#[derive(Debug)]
pub struct Gate {
    ini: PathBuf,
    /// The FIFO's second name, which stays.
    fifo: PathBuf,
}

impl Gate {
    /// Makes it in a folder that nobody else uses.
    ///
    /// # Errors
    /// Where the file system has no FIFOs or no hard links, among others.
    pub fn make(folder: &Path) -> io::Result<Self> {
        let gate = Self { ini: folder.join("rows.ini"), fifo: folder.join("rows.fifo") };
        rustix::fs::mkfifoat(CWD, &gate.fifo, Mode::RUSR | Mode::WUSR)?;
        std::fs::hard_link(&gate.fifo, &gate.ini)?;
        Ok(gate)
    }

    /// The ini file that POV-Ray is to be given.
    #[must_use]
    pub fn ini(&self) -> &Path {
        &self.ini
    }

    /// Puts `text` into the ini file. Whoever waits at the FIFO goes on with the next [`Self::open`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let new = self.ini.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, &self.ini)
    }

    /// Lets go on who waits at the FIFO, if anybody does. Who found the FIFO under the ini file's name may come to wait only
    /// after this: call it until it is seen that POV-Ray went on.
    ///
    /// # Errors
    /// When the FIFO cannot be opened for another reason than that nobody waits there.
    pub fn open(&self) -> io::Result<()> {
        match rustix::fs::open(&self.fifo, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
            Ok(_) | Err(Errno::NXIO) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_before_reads_what_was_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::make(folder.path()).unwrap();
        // Nobody is there: it neither waits nor fails.
        gate.open().unwrap();
        let ini = gate.ini().to_owned();
        let reader = std::thread::spawn(move || {
            // As POV-Ray does: once to see whether it is there, once to read.
            drop(std::fs::File::open(&ini).unwrap());
            std::fs::read_to_string(&ini).unwrap()
        });
        gate.write("+SR33\n").unwrap();
        while !reader.is_finished() {
            gate.open().unwrap();
            std::thread::yield_now();
        }
        assert_eq!(reader.join().unwrap(), "+SR33\n");
        // And who comes after it is not held up at all.
        assert_eq!(std::fs::read_to_string(gate.ini()).unwrap(), "+SR33\n");
    }

    #[test]
    fn a_folder_without_room_for_it_is_told() {
        assert!(Gate::make(Path::new("/nowhere/at/all")).is_err());
    }
}

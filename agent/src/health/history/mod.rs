//! A day of samples: a ring of records in one file of fixed size.
//!
//! A sample is taken every [`EVERY`] seconds, and [`TOGETHER`] of them are written at once, because a card wears by the
//! write and not by the byte. Those that wait are in memory, are told like the others, and are written when the agent
//! stops; a power cut loses them.

pub mod record;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use td_protocol::health::Sample;

use record::LENGTH;

const FILE: &str = "history";
/// Seconds from one sample to the next.
pub const EVERY: u32 = 180;
/// Samples that are written at once: a quarter of an hour.
pub const TOGETHER: usize = 5;
/// A day.
pub const CAPACITY: u64 = 86_400 / EVERY as u64;

/// The ring.
#[derive(Debug)]
pub struct History {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    /// Of the next sample.
    sequence: u64,
    /// In the file's order; those at the end are not in the file yet.
    samples: Vec<(u64, Sample)>,
    waiting: usize,
}

impl History {
    /// Opens the file, or makes it in its full size: later writes change none but their own page.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    pub fn open(cache: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(cache.join(FILE))?;
        let mut bytes = Vec::new();
        (&mut file).take(CAPACITY * LENGTH as u64).read_to_end(&mut bytes)?;
        if bytes.len() < CAPACITY as usize * LENGTH {
            let empty = vec![0; CAPACITY as usize * LENGTH - bytes.len()];
            file.write_all_at(&empty, bytes.len() as u64)?;
        }
        let samples = samples(&bytes);
        let sequence = samples.last().map_or(0, |(sequence, _)| sequence.wrapping_add(1));
        Ok(Self { inner: Mutex::new(Inner { file, sequence, samples, waiting: 0 }) })
    }

    /// Takes a sample, and writes when enough wait.
    ///
    /// # Errors
    /// When the disk refuses. They are tried again with the next.
    pub fn push(&self, sample: Sample) -> io::Result<()> {
        let mut inner = self.lock();
        let sequence = inner.sequence;
        inner.sequence = sequence.wrapping_add(1);
        inner.samples.push((sequence, sample));
        let surplus = inner.samples.len().saturating_sub(CAPACITY as usize);
        inner.samples.drain(..surplus);
        inner.waiting = (inner.waiting + 1).min(inner.samples.len());
        if inner.waiting >= TOGETHER { inner.write() } else { Ok(()) }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&self) -> io::Result<()> {
        self.lock().write()
    }

    /// The samples of the last `seconds` before `now`, oldest first. Those that an unset clock dated elsewhere are left out.
    #[must_use]
    pub fn since(&self, seconds: f64, now: f64) -> Vec<Sample> {
        let inner = self.lock();
        let told = inner.samples.iter().map(|(_, sample)| *sample);
        told.filter(|sample| sample.at >= now - seconds && sample.at <= now + f64::from(EVERY)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// One write, or two where the ring's end lies between.
    fn write(&mut self) -> io::Result<()> {
        let first = self.samples.len() - self.waiting;
        let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
        for (sequence, sample) in &self.samples[first..] {
            let place = sequence % CAPACITY * LENGTH as u64;
            let bytes = record::encode(*sequence, sample);
            match pieces.last_mut() {
                Some((start, piece)) if *start + piece.len() as u64 == place => piece.extend(bytes),
                _ => pieces.push((place, bytes.to_vec())),
            }
        }
        for (place, bytes) in pieces {
            self.file.write_all_at(&bytes, place)?;
        }
        self.waiting = 0;
        Ok(())
    }
}

/// The whole records of a file, oldest first. Torn ones are passed over, and so are those that a later round of the ring
/// has left behind.
fn samples(bytes: &[u8]) -> Vec<(u64, Sample)> {
    let mut found: Vec<(u64, Sample)> = bytes
        .chunks_exact(LENGTH)
        .enumerate()
        .filter_map(|(place, bytes)| {
            let (sequence, sample) = record::decode(bytes.first_chunk()?)?;
            (sequence % CAPACITY == place as u64).then_some((sequence, sample))
        })
        .collect();
    found.sort_by_key(|(sequence, _)| *sequence);
    let newest = found.last().map_or(0, |(sequence, _)| *sequence);
    found.retain(|(sequence, _)| newest - sequence < CAPACITY);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::record::tests::sample;
    use super::*;

    const FOREVER: f64 = 1e12;

    fn times(history: &History) -> Vec<u64> {
        history.since(FOREVER, 1e11).iter().map(|sample| sample.at as u64).collect()
    }

    #[test]
    fn samples_outlive_the_agent() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::open(dir.path()).unwrap();
        for at in 0..7 {
            history.push(sample(f64::from(at))).unwrap();
        }
        assert_eq!(times(&history), (0..7).collect::<Vec<_>>());
        assert_eq!(times(&History::open(dir.path()).unwrap()), (0..5).collect::<Vec<_>>(), "two wait in memory");
        history.flush().unwrap();
        drop(history);
        let history = History::open(dir.path()).unwrap();
        assert_eq!(times(&history), (0..7).collect::<Vec<_>>());
        history.push(sample(7.0)).unwrap();
        assert_eq!(times(&history), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn the_file_holds_a_day_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let size = || std::fs::metadata(dir.path().join(FILE)).unwrap().len();
        let history = History::open(dir.path()).unwrap();
        let before = size();
        for at in 0..CAPACITY + 100 {
            history.push(sample(at as f64)).unwrap();
        }
        history.flush().unwrap();
        assert_eq!((size(), before), (CAPACITY * LENGTH as u64, CAPACITY * LENGTH as u64));
        let expected: Vec<u64> = (100..CAPACITY + 100).collect();
        assert_eq!(times(&history), expected);
        assert_eq!(times(&History::open(dir.path()).unwrap()), expected);
    }

    #[test]
    fn only_what_was_asked_for_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::open(dir.path()).unwrap();
        for at in [10.0, 1000.0, 2000.0, 9e9] {
            history.push(sample(at)).unwrap();
        }
        let told: Vec<f64> = history.since(1500.0, 2100.0).iter().map(|sample| sample.at).collect();
        assert_eq!(told, [1000.0, 2000.0]);
    }

    proptest! {
        /// Whatever lies in the file, it opens, and what is pushed then is read again.
        #[test]
        fn any_file_opens(count in 0..600_u64, torn in prop::collection::vec(any::<(u16, u8)>(), 0..40), length in 0..40_000_usize) {
            let dir = tempfile::tempdir().unwrap();
            let history = History::open(dir.path()).unwrap();
            for at in 0..count {
                history.push(sample(at as f64)).unwrap();
            }
            history.flush().unwrap();
            let path = dir.path().join(FILE);
            let mut bytes = std::fs::read(&path).unwrap();
            for (place, byte) in torn {
                let place = usize::from(place) % bytes.len();
                bytes[place] = byte;
            }
            bytes.truncate(length);
            std::fs::write(&path, &bytes).unwrap();
            let history = History::open(dir.path()).unwrap();
            let before = times(&history);
            prop_assert!(before.is_sorted() && before.iter().all(|&at| at < count));
            history.push(sample(1e6)).unwrap();
            history.flush().unwrap();
            prop_assert_eq!(times(&History::open(dir.path()).unwrap()).last().copied(), Some(1_000_000));
        }
    }
}

//! The file in which finished rows wait for the others.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use td_protocol::hash::ContentHash;
use td_protocol::rows::Rows;
use td_protocol::segment::{ADLER32_OF_NOTHING, SegmentMeta, adler32_combine, check_segment, raw_len};

use super::black::black_segments;
use super::compare::plain_rows;
use super::error::{ComposeError, SpoolError};
use super::maker::Maker;
use super::record::{self, FILE_HEADER_LEN, RECORD_HEADER_LEN, RecordHead};
use super::settled::{Entry, Settled};
use super::{Segment, Shape, chunk, trim};

/// Length and kind before a chunk's data, CRC behind it.
const CHUNK_HEAD_LEN: u64 = 8;
pub(super) const CHUNK_FRAME_LEN: u64 = 12;

/// Chunks of bands are some kilobytes: gathered, they cost a tenth of the system calls that copying each would.
const GATHERED_LEN: usize = 256 * 1024;

/// The finished rows of one image, on disk; in memory only where each run lies.
///
/// Segments come in any order and from several threads, and possibly the same rows more than once: the first copy of a row
/// settles it, later ones are dropped. The caller makes the folder and removes it.
#[derive(Debug)]
pub struct Spool {
    shape: Shape,
    path: PathBuf,
    file: File,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where the next record goes.
    end: u64,
    settled: Settled,
}

/// What became of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Added {
    /// The rows that it settled: all of its rows, some of them, or none where all were settled before.
    pub settled: Vec<Rows>,
}

/// What was copied into the image.
pub(super) struct Joined {
    pub bytes: u64,
    pub adler32: u32,
}

impl Spool {
    /// Makes the file, which must not exist.
    ///
    /// # Errors
    /// [`SpoolError`] where the file cannot be made or the disk is full.
    pub fn create(path: &Path, shape: Shape) -> Result<Self, SpoolError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| SpoolError::io(path, "making the file", error))?;
        file.write_all_at(&record::file_header(shape), 0)
            .map_err(|error| SpoolError::io(path, "writing the header", error))?;
        let state = State { end: FILE_HEADER_LEN as u64, settled: Settled::default() };
        Ok(Self { shape, path: path.to_owned(), file, state: Mutex::new(state) })
    }

    /// Opens the file of a master that ended, and reads every record in it again. Rows whose record is damaged or not whole
    /// are missing afterwards.
    ///
    /// # Errors
    /// [`SpoolError::Foreign`] where it is not a spool of an image of this shape; others as it cannot be read.
    pub fn reopen(path: &Path, shape: Shape) -> Result<Self, SpoolError> {
        let failed = |error| SpoolError::io(path, "reading finished rows", error);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let mut header = [0; FILE_HEADER_LEN];
        if len < header.len() as u64 {
            return Err(SpoolError::Foreign { path: path.to_owned() });
        }
        file.read_exact_at(&mut header, 0).map_err(failed)?;
        if header != record::file_header(shape) {
            return Err(SpoolError::Foreign { path: path.to_owned() });
        }
        let state = read_records(&file, len, shape).map_err(failed)?;
        file.set_len(state.end).map_err(failed)?;
        Ok(Self { shape, path: path.to_owned(), file, state: Mutex::new(state) })
    }

    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks a segment that was to hold the rows `expected`, and adds it. The check is most of the work and runs without
    /// a lock, so several threads may be in here.
    ///
    /// # Errors
    /// [`SpoolError::Segment`] where the segment is not what it should be; others where it cannot be stored.
    pub fn check_and_add(&self, expected: Rows, meta: &SegmentMeta, data: &[u8]) -> Result<Added, SpoolError> {
        check_segment(meta, data, self.shape.width, self.shape.format, expected)?;
        self.add(meta, data)
    }

    /// Adds a segment that passed [`check_segment`]. Where some of its rows are settled, the others are taken out of it.
    ///
    /// # Errors
    /// [`SpoolError`] where it cannot be stored; nothing is settled by it then.
    pub fn add(&self, meta: &SegmentMeta, data: &[u8]) -> Result<Added, SpoolError> {
        self.add_from(Maker::NOBODY, meta, data)
    }

    /// As [`Self::add`], and keeps who made it.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_from(&self, maker: Maker, meta: &SegmentMeta, data: &[u8]) -> Result<Added, SpoolError> {
        let beyond = meta.rows.is_empty() || !self.shape.rows().contains(meta.rows);
        if beyond || meta.len != data.len() as u64 {
            // Not a segment of this image; the check has the sentence for it.
            let expected = Rows::new(meta.rows.start, meta.rows.end.min(self.shape.height));
            check_segment(meta, data, self.shape.width, self.shape.format, expected)?;
        }
        let crc = chunk::crc32(&[b"IDAT", data]);
        let gaps = {
            let mut state = self.state();
            let gaps = state.settled.missing_in(meta.rows);
            if gaps == [meta.rows] {
                self.append(&mut state, maker, meta, data, crc)?;
                return Ok(Added { settled: gaps });
            }
            gaps
        };
        let mut settled = Vec::new();
        if !gaps.is_empty() {
            let whole = Segment { meta: meta.clone(), data: data.to_vec() };
            for part in trim::keep_rows(&whole, self.shape, &gaps)? {
                // Another thread may have settled some of them meanwhile: the same again, with fewer rows.
                settled.extend(self.add_from(maker, &part.meta, &part.data)?.settled);
            }
        }
        Ok(Added { settled })
    }

    /// Makes `rows` black, but for those that are settled.
    ///
    /// # Errors
    /// [`SpoolError`] where they cannot be stored.
    pub fn add_black(&self, rows: Rows) -> Result<(), SpoolError> {
        let rows = Rows::new(rows.start, rows.end.min(self.shape.height));
        for segment in black_segments(rows, self.shape) {
            let _ = self.add(&segment.meta, &segment.data)?;
        }
        Ok(())
    }

    /// The rows of the image that are not settled, top down.
    #[must_use]
    pub fn missing(&self) -> Vec<Rows> {
        self.state().settled.missing_in(self.shape.rows())
    }

    /// The settled runs that nodes have made, top down.
    #[must_use]
    pub fn made(&self) -> Vec<(Rows, Maker)> {
        let state = self.state();
        let by_nodes = state.settled.entries().filter(|entry| entry.maker != Maker::NOBODY);
        by_nodes.map(|entry| (entry.rows, entry.maker)).collect()
    }

    /// The samples of one of the runs of [`Self::made`], as [`plain_rows`] orders them; `None` where there is no such run.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pixels(&self, rows: Rows) -> Result<Option<Vec<u8>>, SpoolError> {
        let Some(entry) = self.state().settled.starting_at(rows.start).filter(|entry| entry.rows == rows) else {
            return Ok(None);
        };
        let mut data = vec![0; (entry.chunk_len - CHUNK_FRAME_LEN) as usize];
        self.file
            .read_exact_at(&mut data, entry.offset + CHUNK_HEAD_LEN)
            .map_err(|error| SpoolError::io(&self.path, "reading finished rows", error))?;
        let meta = SegmentMeta::describe(rows, &data, entry.raw_len, entry.adler32);
        Ok(Some(plain_rows(&meta, &data, self.shape)?))
    }

    /// All rows of this maker are wrong: they are missing from now on, and from the disk's point of view too when this returns.
    /// Returns them, top down.
    ///
    /// # Errors
    /// [`SpoolError`] where the disk refuses; the rows are missing for this process all the same.
    pub fn refuse(&self, maker: Maker) -> Result<Vec<Rows>, SpoolError> {
        let mut state = self.state();
        let gone = state.settled.remove(maker);
        if gone.is_empty() {
            return Ok(gone);
        }
        let header = record::record_header(&RecordHead::Refused(maker));
        let failed = |error| SpoolError::io(&self.path, "taking wrong rows back", error);
        self.file.write_all_at(&header, state.end).map_err(failed)?;
        state.end += RECORD_HEADER_LEN as u64;
        self.file.sync_data().map_err(failed)?;
        Ok(gone)
    }

    /// Waits until the disk has all that was added so far.
    ///
    /// # Errors
    /// [`SpoolError`] where the disk refuses.
    pub fn sync(&self) -> Result<(), SpoolError> {
        self.file.sync_data().map_err(|error| SpoolError::io(&self.path, "storing finished rows", error))
    }

    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state().settled.rows() == u64::from(self.shape.height)
    }

    /// Copies all chunks in row order.
    pub(super) fn copy_chunks<W: Write>(&self, out: &mut W) -> Result<Joined, ComposeError> {
        let state = self.state();
        let missing = state.settled.missing_in(self.shape.rows());
        if !missing.is_empty() {
            return Err(ComposeError::Incomplete { missing });
        }
        let read_error = |source| ComposeError::Read { path: self.path.clone(), source };
        let mut joined = Joined { bytes: 0, adler32: ADLER32_OF_NOTHING };
        let mut gathered = Vec::with_capacity(GATHERED_LEN);
        for entry in state.settled.entries() {
            if gathered.len() as u64 + entry.chunk_len > GATHERED_LEN as u64 {
                out.write_all(&gathered).map_err(ComposeError::Write)?;
                gathered.clear();
            }
            if entry.chunk_len <= GATHERED_LEN as u64 {
                let start = gathered.len();
                gathered.resize(start + entry.chunk_len as usize, 0);
                self.file.read_exact_at(&mut gathered[start..], entry.offset).map_err(read_error)?;
            } else {
                self.copy_chunk(entry, out)?;
            }
            joined.bytes += entry.chunk_len;
            joined.adler32 = adler32_combine(joined.adler32, entry.adler32, entry.raw_len);
        }
        out.write_all(&gathered).map_err(ComposeError::Write)?;
        Ok(joined)
    }

    /// Between two files this is copy_file_range: the bytes do not pass through the process.
    fn copy_chunk<W: Write>(&self, entry: &Entry, out: &mut W) -> Result<(), ComposeError> {
        let read_error = |source| ComposeError::Read { path: self.path.clone(), source };
        let mut source = &self.file;
        source.seek(SeekFrom::Start(entry.offset)).map_err(read_error)?;
        let copied = io::copy(&mut source.take(entry.chunk_len), out).map_err(ComposeError::Write)?;
        if copied != entry.chunk_len {
            return Err(read_error(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    /// Writes a record behind the last one and settles its rows. After an error the next record takes its place.
    fn append(
        &self,
        state: &mut State,
        maker: Maker,
        meta: &SegmentMeta,
        data: &[u8],
        crc: u32,
    ) -> Result<(), SpoolError> {
        let failed = |error| SpoolError::io(&self.path, "storing finished rows", error);
        let offset = state.end + RECORD_HEADER_LEN as u64;
        let mut head = [0; RECORD_HEADER_LEN + CHUNK_HEAD_LEN as usize];
        head[..RECORD_HEADER_LEN].copy_from_slice(&record::record_header(&RecordHead::Rows(meta.clone(), maker)));
        head[RECORD_HEADER_LEN..].copy_from_slice(&chunk::head(*b"IDAT", data.len() as u32));
        self.file.write_all_at(&head, state.end).map_err(failed)?;
        self.file.write_all_at(data, offset + CHUNK_HEAD_LEN).map_err(failed)?;
        self.file.write_all_at(&crc.to_be_bytes(), offset + CHUNK_HEAD_LEN + meta.len).map_err(failed)?;
        let entry = entry_of(meta, maker, offset);
        state.end = entry.offset + entry.chunk_len;
        state.settled.insert(entry);
        Ok(())
    }

    /// A thread that panicked while it held the lock left whole records behind, whatever it was about to add.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn entry_of(meta: &SegmentMeta, maker: Maker, offset: u64) -> Entry {
    Entry {
        rows: meta.rows,
        offset,
        chunk_len: meta.len + CHUNK_FRAME_LEN,
        raw_len: meta.raw_len,
        adler32: meta.adler32,
        maker,
    }
}

/// The index of a file of `len` bytes, and where its last whole record ends.
fn read_records(file: &File, len: u64, shape: Shape) -> io::Result<State> {
    let mut state = State { end: FILE_HEADER_LEN as u64, settled: Settled::default() };
    while len - state.end >= RECORD_HEADER_LEN as u64 {
        let mut header = [0; RECORD_HEADER_LEN];
        file.read_exact_at(&mut header, state.end)?;
        let Some(head) = record::read_record_header(&header) else {
            break;
        };
        let offset = state.end + RECORD_HEADER_LEN as u64;
        let (meta, maker) = match head {
            RecordHead::Rows(meta, maker) => (meta, maker),
            RecordHead::Refused(maker) => {
                state.settled.remove(maker);
                state.end = offset;
                continue;
            }
        };
        let Some(end) = meta.len.checked_add(CHUNK_FRAME_LEN).and_then(|len| offset.checked_add(len)) else {
            break;
        };
        if end > len {
            break;
        }
        let fits =
            shape.rows().contains(meta.rows) && raw_len(meta.rows, shape.width, shape.format) == Some(meta.raw_len);
        if fits && chunk_is_whole(file, offset, &meta)? {
            state.settled.insert(entry_of(&meta, maker, offset));
        }
        state.end = end;
    }
    Ok(state)
}

/// Whether the chunk at `offset` is the segment that its record says, by its frame and its hash.
fn chunk_is_whole(file: &File, offset: u64, meta: &SegmentMeta) -> io::Result<bool> {
    let Ok(len) = u32::try_from(meta.len) else {
        return Ok(false);
    };
    let mut chunk = vec![0; (meta.len + CHUNK_FRAME_LEN) as usize];
    file.read_exact_at(&mut chunk, offset)?;
    let Some((head, rest)) = chunk.split_first_chunk::<{ CHUNK_HEAD_LEN as usize }>() else {
        return Ok(false);
    };
    let Some((data, crc)) = rest.split_last_chunk::<4>() else {
        return Ok(false);
    };
    Ok(*head == chunk::head(*b"IDAT", len)
        && u32::from_be_bytes(*crc) == chunk::crc32(&[b"IDAT", data])
        && ContentHash::of(data) == meta.sha256)
}

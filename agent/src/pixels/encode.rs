//! Rows of samples to segments.
//!
//! A segment is raw deflate: it starts with an empty window, has no final block and ends, by a sync flush, on a byte
//! boundary; so segments made anywhere, in any order, are joined to one PNG by copying. See [`SegmentMeta`] for what
//! travels with it.

use flate2::{Compress, Compression, FlushCompress, Status};
use sha2::{Digest, Sha256};
use simd_adler32::Adler32;
use td_protocol::hash::ContentHash;
use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;
use td_protocol::segment::SegmentMeta;

use super::filter::RowFilter;

/// How hard deflate tries; libpng's default is 6 as well.
const LEVEL: u32 = 6;
/// The output grows in steps of this many bytes.
const STEP: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("a row has {found} bytes, not {expected}")]
    RowLength { found: usize, expected: u64 },
    #[error("a segment needs at least one row")]
    Empty,
    #[error("rows from {first} on: {count} rows reach beyond the largest row number")]
    TooManyRows { first: u32, count: u32 },
    #[error("deflate failed: {0}")]
    Deflate(String),
}

/// Encodes rows into segments, one after the other; keeps its memory between them.
pub struct SegmentEncoder {
    row_bytes: u64,
    filter: RowFilter,
    above: Vec<u8>,
    rows: u32,
    compress: Compress,
    adler: Adler32,
    raw_len: u64,
    out: Vec<u8>,
}

impl std::fmt::Debug for SegmentEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentEncoder").field("row_bytes", &self.row_bytes).field("rows", &self.rows).finish()
    }
}

impl SegmentEncoder {
    /// For rows of `width` pixels.
    #[must_use]
    pub fn new(format: PixelFormat, width: u32) -> Self {
        Self {
            row_bytes: format.row_bytes(width),
            filter: RowFilter::new(format.bytes_per_pixel() as usize),
            above: Vec::new(),
            rows: 0,
            compress: Compress::new(Compression::new(LEVEL), false),
            adler: Adler32::new(),
            raw_len: 0,
            out: Vec::new(),
        }
    }

    /// Rows in the segment so far.
    #[must_use]
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Compressed bytes so far; the last rows may still be inside deflate.
    #[must_use]
    pub const fn compressed(&self) -> usize {
        self.out.len()
    }

    /// Adds one row of packed samples, without a filter byte.
    ///
    /// # Errors
    /// The row has not the length that format and width give.
    pub fn row(&mut self, row: &[u8]) -> Result<(), EncodeError> {
        if row.len() as u64 != self.row_bytes {
            return Err(EncodeError::RowLength { found: row.len(), expected: self.row_bytes });
        }
        let above = (self.rows > 0).then_some(self.above.as_slice());
        let filtered = self.filter.filter(row, above);
        self.adler.write(filtered);
        self.raw_len += filtered.len() as u64;
        deflate(&mut self.compress, filtered, &mut self.out, FlushCompress::None)?;
        self.above.clear();
        self.above.extend_from_slice(row);
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// Ends the segment, whose first row is row `first` (0-based) of the image. The encoder is ready for the next one.
    ///
    /// # Errors
    /// There was no row.
    pub fn finish(&mut self, first: u32) -> Result<(SegmentMeta, Vec<u8>), EncodeError> {
        let count = self.rows;
        if count == 0 {
            return Err(EncodeError::Empty);
        }
        let end = first.checked_add(count).ok_or(EncodeError::TooManyRows { first, count })?;
        deflate(&mut self.compress, &[], &mut self.out, FlushCompress::Sync)?;
        let mut data = std::mem::take(&mut self.out);
        data.shrink_to_fit();
        let meta = SegmentMeta {
            rows: Rows::new(first, end),
            len: data.len() as u64,
            raw_len: self.raw_len,
            adler32: self.adler.finish(),
            sha256: ContentHash(Sha256::digest(&data).into()),
        };
        self.restart();
        Ok((meta, data))
    }

    /// Drops the rows of the segment so far.
    pub fn restart(&mut self) {
        self.compress.reset();
        self.adler = Adler32::new();
        self.raw_len = 0;
        self.rows = 0;
        self.out.clear();
    }
}

/// Feeds `input` and appends what comes out; with `Sync` until all is out.
fn deflate(
    compress: &mut Compress,
    mut input: &[u8],
    out: &mut Vec<u8>,
    flush: FlushCompress,
) -> Result<(), EncodeError> {
    loop {
        if out.capacity() - out.len() < STEP / 2 {
            out.reserve(STEP);
        }
        let before = compress.total_in();
        let status =
            compress.compress_vec(input, out, flush).map_err(|error| EncodeError::Deflate(error.to_string()))?;
        let taken = (compress.total_in() - before) as usize;
        input = input.get(taken..).unwrap_or_default();
        let has_room = out.len() < out.capacity();
        match status {
            // With room left, all input is inside and a flush is complete.
            Status::Ok | Status::BufError if input.is_empty() && has_room => return Ok(()),
            Status::Ok | Status::BufError if has_room && taken == 0 => {
                return Err(EncodeError::Deflate("it takes no more input".to_owned()));
            }
            Status::Ok | Status::BufError => {}
            Status::StreamEnd => {
                return Err(EncodeError::Deflate("the stream ended early".to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests;

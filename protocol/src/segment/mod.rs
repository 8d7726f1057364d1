//! A segment: the encoded pixels of some rows.
//!
//! The bytes are a piece of one long deflate stream, made so that pieces of different makers can be put one after
//! the other: a segment starts with an empty window, has no final block and ends on a byte boundary, so the next
//! one can follow at once. What it inflates to are PNG's filtered rows, and the first row does not look at the row
//! above it (filter None or Sub), because the segment before may come from elsewhere.
//!
//! [`check_segment`] is what the master does with each one that arrives; [`adler32_combine`] gives the checksum of
//! all rows from those of the segments, without looking at a pixel again.

mod adler;
mod check;
mod error;

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::pixel::PixelFormat;
use crate::rows::Rows;

pub use adler::{ADLER32_OF_NOTHING, adler32, adler32_combine};
pub use check::{check_segment, check_segment_with};
pub use error::SegmentError;

/// The largest segment, in bytes of deflate data: PNG allows no longer chunk, and each segment becomes one.
pub const MAX_SEGMENT_LEN: u64 = 0x7fff_ffff;

/// The final, empty block that closes a run of segments: fixed Huffman codes, end of block, padding.
pub const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];

/// What travels with a segment's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentMeta {
    pub rows: Rows,
    /// Bytes of the raw deflate data.
    pub len: u64,
    /// Bytes after inflating: rows x (1 + row bytes).
    pub raw_len: u64,
    /// Adler-32 of the inflated bytes, filter bytes included (RFC 1950).
    pub adler32: u32,
    /// SHA-256 of the deflate data.
    pub sha256: ContentHash,
}

impl SegmentMeta {
    /// The description of `data`, which inflates to `raw_len` bytes with checksum `adler32`.
    #[must_use]
    pub fn describe(rows: Rows, data: &[u8], raw_len: u64, adler32: u32) -> Self {
        Self { rows, len: data.len() as u64, raw_len, adler32, sha256: ContentHash::of(data) }
    }
}

/// What `rows` inflate to in an image of this width and format: one filter byte and the samples, for each row.
/// `None` where that is no 64-bit number.
#[must_use]
pub fn raw_len(rows: Rows, width: u32, format: PixelFormat) -> Option<u64> {
    u64::from(rows.len()).checked_mul(1 + format.row_bytes(width))
}

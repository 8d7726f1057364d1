//! A segment: the encoded pixels of some rows.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::rows::Rows;

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

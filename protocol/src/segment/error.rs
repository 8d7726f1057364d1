//! What can be wrong with a segment.
//!
//! None of these is the user's doing: an agent is faulty, or bytes were lost on the way. The rows are rendered
//! again; the sentence goes to the log and, when a node is given up, to the user.

use crate::hash::ContentHash;
use crate::rows::Rows;

/// Why a segment is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    #[error("a segment of {got} came where {expected} were due")]
    WrongRows { expected: Rows, got: Rows },
    #[error("{rows}: half a segment: {got} bytes came of {stated}")]
    Half { rows: Rows, stated: u64, got: u64 },
    #[error("{rows}: a segment of {stated} bytes came with {got}")]
    Excess { rows: Rows, stated: u64, got: u64 },
    #[error("{rows}: the segment has {len} bytes; for {needed} bytes of pixels it may have at most {most}")]
    TooLarge { rows: Rows, len: u64, needed: u64, most: u64 },
    #[error("{rows}: the segment is said to inflate to {stated} bytes; these rows have {needed}")]
    WrongRawLength { rows: Rows, stated: u64, needed: u64 },
    #[error("{rows}: the segment's SHA-256 is {got}, not {stated} as it says")]
    WrongHash { rows: Rows, stated: ContentHash, got: ContentHash },
    #[error("{rows}: the segment is not deflate data: {reason} near byte {at}")]
    Garbage { rows: Rows, at: u64, reason: String },
    #[error("{rows}: the segment stops in the middle of a deflate block, after {got} of {needed} bytes of pixels")]
    OpenBlock { rows: Rows, got: u64, needed: u64 },
    #[error("{rows}: the segment inflates to {got} bytes; these rows have {needed}")]
    TooShort { rows: Rows, got: u64, needed: u64 },
    #[error("{rows}: the segment inflates to more than the {needed} bytes of these rows; inflating was stopped there")]
    TooLong { rows: Rows, needed: u64 },
    #[error("{rows}: row {row} has filter {filter}; PNG knows 0 to 4")]
    UnknownFilter { rows: Rows, row: u32, filter: u8 },
    #[error("{rows}: the first row has filter {filter}, which needs the row above; a segment starts with 0 or 1")]
    DependentFirstRow { rows: Rows, filter: u8 },
    #[error("{rows}: the pixels' Adler-32 is {got:08x}, not {stated:08x} as the segment says")]
    WrongAdler { rows: Rows, stated: u32, got: u32 },
    #[error("{rows}: the segment closes the deflate stream; only the master may write the final block")]
    FinalBlock { rows: Rows },
    #[error("{rows}: the segment does not end on a byte boundary")]
    Unaligned { rows: Rows },
}

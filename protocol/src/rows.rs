//! Runs of whole image rows.

use serde::{Deserialize, Serialize};

/// POV-Ray's default block height, and so the height of a band, in rows.
pub const BAND_ROWS: u32 = 32;

/// Rows `start..end` of one frame, 0-based, `end` excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    pub start: u32,
    pub end: u32,
}

impl Rows {
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// Number of rows; 0 when `end` lies before `start`.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl std::fmt::Display for Rows {
    /// 1-based and inclusive, as POV-Ray's `+SR` and `+ER` count.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rows {} to {}", self.start + 1, self.end)
    }
}

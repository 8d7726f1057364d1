//! What is to be rendered, and the numbers that steer how.

use td_protocol::rows::{BAND_ROWS, Rows};

/// How the rows of a job may be shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Strips may shrink while they render, and rows from any copy are the same rows: the exact classes.
    Rows,
    /// A lease is rendered by one slot from its first row to its last, or again whole: not-exact classes.
    WholeLeases,
    /// All rows are one lease, for the fastest slot.
    OneLease,
}

/// What it costs to write a strip besides tracing it (way (b)), in CPU seconds of a slot of speed 1. POV-Ray sends the
/// whole image top down and its pipe is closed after the strip's last row, so the cost grows with the position.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WriteCost {
    /// For a strip that ends at the top of the image.
    pub top: f64,
    /// For a strip that ends with the image's last row.
    pub bottom: f64,
}

impl WriteCost {
    /// Way (a): nothing is written.
    pub const NONE: Self = Self { top: 0.0, bottom: 0.0 };

    pub(crate) fn is_none(self) -> bool {
        self.top <= 0.0 && self.bottom <= 0.0
    }

    /// CPU seconds at speed 1 for a strip that ends before row `end` of an image of `height` rows.
    pub(crate) fn seconds(self, end: u32, height: u32) -> f64 {
        let position = f64::from(end) / f64::from(height.max(1));
        self.top + (self.bottom - self.top) * position
    }

    pub(super) fn sane(self) -> Self {
        let sane = |seconds: f64| {
            if seconds.is_finite() && seconds > 0.0 { seconds } else { 0.0 }
        };
        Self { top: sane(self.top), bottom: sane(self.bottom) }
    }
}

/// One image to render.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Height of the whole image, in rows.
    pub height: u32,
    /// The rows to render; all of them, unless a part was asked for.
    pub rows: Rows,
    /// POV-Ray's block height, in rows.
    pub band_rows: u32,
    /// All boundaries are multiples of this many rows, counted from row `band_origin`; divides `band_rows`, and is the
    /// same where strips must begin with a band (the 32-row class). Where any row may begin a strip, finer boundaries
    /// make strips that are smaller than a block, which evens out the end.
    pub fine_rows: u32,
    /// The row that bands are counted from.
    pub band_origin: u32,
    pub sharing: Sharing,
    pub write: WriteCost,
    /// What one start of POV-Ray costs until it traces, in seconds, for slots that have not measured it.
    pub start_seconds: f64,
    /// Rows that are already there, from an earlier run of the same job.
    pub done: Vec<Rows>,
}

impl Job {
    /// A whole image of the 32-row class: boundaries at multiples of 32 rows.
    #[must_use]
    pub fn banded(height: u32) -> Self {
        Self {
            height,
            rows: Rows::new(0, height),
            band_rows: BAND_ROWS,
            fine_rows: BAND_ROWS,
            band_origin: 0,
            sharing: Sharing::Rows,
            write: WriteCost::NONE,
            start_seconds: 0.6,
            done: Vec::new(),
        }
    }

    /// A whole image of the any-row class: a boundary between any two rows.
    #[must_use]
    pub fn any_row(height: u32) -> Self {
        Self { fine_rows: 1, ..Self::banded(height) }
    }

    pub(super) fn check(&self) -> Result<(), JobError> {
        if self.rows.start > self.rows.end || self.rows.end > self.height {
            return Err(JobError::RowsOutside { rows: self.rows, height: self.height });
        }
        if self.fine_rows == 0 || self.band_rows == 0 || !self.band_rows.is_multiple_of(self.fine_rows) {
            return Err(JobError::BlockHeights { band: self.band_rows, fine: self.fine_rows });
        }
        Ok(())
    }
}

/// A job that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    #[error("{rows} are not inside an image of {height} rows")]
    RowsOutside { rows: Rows, height: u32 },
    #[error("block heights must be above 0 and the finer must divide the coarser: {band} and {fine}")]
    BlockHeights { band: u32, fine: u32 },
}

/// Numbers that steer the scheduler. The defaults hold for POV-Ray on anything between a Pi 1 and a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// A steal must bring the finish forward by this share of the thief's start-up time.
    pub pay_share: f64,
    /// A copy must be done in this share of the time that its original still needs.
    pub copy_share: f64,
    /// How long an agent may take to answer a shrink, in seconds; then the thief starts all the same.
    pub shrink_deadline: f64,
    /// What asking an agent usually takes, in seconds.
    pub round_trip: f64,
    /// A slot seems stuck when a band takes this many times as long as predicted ...
    pub overdue_factor: f64,
    /// ... and at least this many seconds.
    pub overdue_floor: f64,
    /// A node rests after this many failed strips in a row.
    pub failures_to_rest: u32,
    /// Blocks kept back from the end of a long strip, to even out the end.
    pub kept_blocks: f64,
    /// Each slot takes its share of what is kept back divided by this, but what is worth this many starts at least.
    pub reserve_divisor: f64,
    pub least_starts: f64,
    /// Rows are taken from a strip ahead of its end where it would finish this many starts after the others.
    pub trim_starts: f64,
    /// How long the job is taken to last, in seconds, until the first rows tell.
    pub assumed_seconds: f64,
    /// With whole leases: each takes its slot's share of the rest divided by this.
    pub whole_divisor: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            pay_share: 0.25,
            copy_share: 0.7,
            shrink_deadline: 2.0,
            round_trip: 0.02,
            overdue_factor: 3.0,
            overdue_floor: 2.0,
            failures_to_rest: 3,
            kept_blocks: 1.0,
            reserve_divisor: 1.25,
            least_starts: 2.0,
            trim_starts: 2.0,
            assumed_seconds: 60.0,
            whole_divisor: 2.0,
        }
    }
}

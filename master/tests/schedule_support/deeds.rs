//! What the adversary did, and how many starts that excuses: counted here, and by nothing that the scheduler counts.

use td::schedule::{Job, Tuning, WriteCost};
use td_protocol::rows::Rows;

/// Each is worth one start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deeds {
    /// Strips whose slot was lost, came up anew, or was taken out.
    pub lost: u64,
    pub failed: u64,
    pub yielded: u64,
    /// Runs of rows that were refused, and the strips that were at them.
    pub refused: u64,
    /// Wishes to shrink: each is a second start of way (b).
    pub shrinks: u64,
    /// Wishes that were granted in time.
    pub granted: u64,
    /// Wishes that were answered too late: rows below what was asked for come back one by one.
    pub late: u64,
    /// Copies that stood still until they were given up for another.
    pub stuck_copies: u64,
}

impl Deeds {
    /// The promise: slots x (2 + log2 bands), and the excuses. `slots` is how many there ever were.
    pub fn bound(&self, job: &Job, slots: usize, first_runs: u64) -> u64 {
        let bands = job.rows.len().div_ceil(job.band_rows).max(1);
        let of_way_b = if job.write == WriteCost::NONE { 0 } else { self.shrinks };
        let excuses = self.lost + self.failed + self.yielded + self.refused + self.late + of_way_b;
        // Copies: of a copy that stands still another is made, and from a slot that stands still and gives nothing rows are taken
        // once without asking.
        let still = self.stuck_copies + (self.shrinks - self.granted);
        slots as u64 * (2 + u64::from(bands.ilog2())) + first_runs.saturating_sub(1) + excuses + still
    }
}

/// Runs of rows in `within` for which `is` holds.
pub fn runs(within: Rows, is: impl Fn(u32) -> bool) -> Vec<Rows> {
    let mut runs: Vec<Rows> = Vec::new();
    for row in (within.start..within.end).filter(|&row| is(row)) {
        match runs.last_mut().filter(|run| run.end == row) {
            Some(run) => run.end = row + 1,
            None => runs.push(Rows::new(row, row + 1)),
        }
    }
    runs
}

/// Until when an agent may answer.
pub fn deadline(asked: f64) -> f64 {
    asked + Tuning::default().shrink_deadline
}

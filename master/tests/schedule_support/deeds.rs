//! What the adversary did, and how many starts that excuses: counted here, and by nothing that the scheduler counts.

use std::collections::BTreeSet;

use td::schedule::{Job, LeaseId, Tuning, WriteCost};
use td_protocol::rows::Rows;

/// Each is worth one start.
#[derive(Debug, Clone, Default)]
pub struct Deeds {
    /// Strips whose slot was lost, came up anew, or was taken out.
    pub lost: u64,
    /// Strips whose slot stood still until the master gave it up: it is lost for them, though its agent lives.
    pub stood_still: u64,
    /// When slots were asked to give rows of a strip away (the strip, the epoch), and have not answered in time or given nothing. If
    /// it stands still as well it is lost for the rest of the strip, which happens to a strip once, however it answers later.
    pub silent: BTreeSet<(LeaseId, u32)>,
    /// Strips that their slot ended early by itself.
    pub failed: u64,
    pub yielded: u64,
    /// Runs of rows that were refused, and the strips that were at them: those rows are to be rendered twice.
    pub refused: u64,
    /// Wishes to shrink: each is a second start of way (b).
    pub shrinks: u64,
}

impl Deeds {
    /// The promise: slots x (2 + log2 bands), plus lost slots, plus shrinks of way (b). `slots` is how many there ever were. A slot
    /// is lost once for each strip that it does not bring to its end. Rows that were refused, and each run beyond the first of
    /// those that were missing to begin with, are further work: each is a start.
    pub fn bound(&self, job: &Job, slots: usize, first_runs: u64) -> u64 {
        let bands = job.rows.len().div_ceil(job.band_rows).max(1);
        let silent = self.silent.iter().map(|(lease, _)| lease).collect::<BTreeSet<_>>().len() as u64;
        let lost = self.lost + self.stood_still + silent + self.failed + self.yielded;
        let of_way_b = if job.write == WriteCost::NONE { 0 } else { self.shrinks };
        let further = self.refused + first_runs.saturating_sub(1);
        slots as u64 * (2 + u64::from(bands.ilog2())) + lost + of_way_b + further
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

//! A bound on the number of POV-Ray starts, whatever happens.

use super::scheduler::Scheduler;

impl Scheduler {
    /// See [`Scheduler::start_bound`].
    pub(super) fn allowance(&self) -> u64 {
        let bands = self.job.rows.len().div_ceil(self.job.band_rows).max(1);
        let per_slot = 2 + u64::from(bands.ilog2());
        let shrinks = if self.job.write.is_none() { 0 } else { u64::from(self.counts.shrinks) };
        self.slots.ever() as u64 * per_slot
            + u64::from(self.counts.losses)
            + u64::from(self.counts.stuck_copies)
            + u64::from(self.counts.past_help)
            + u64::from(self.counts.taken_back)
            + u64::from(self.counts.failures)
            + u64::from(self.counts.pieces.saturating_sub(1))
            + shrinks
    }

    /// How many strips may be started beyond those that must be: a run of rows without an owner needs a start, and so
    /// do the rows that an agent was asked to give away.
    pub(super) fn spare_starts(&self) -> u64 {
        let needed = u64::from(self.counts.starts)
            + u64::from(self.pending_shrinks)
            + (self.pool.len() + self.reserve.len()) as u64;
        self.allowance().saturating_sub(needed)
    }
}

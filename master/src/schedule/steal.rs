//! What an idle slot can take from a busy one.

use td_protocol::rows::Rows;

use super::event::{LeaseId, SlotId};
use super::job::Sharing;
use super::lease::{Lease, Twin};
use super::scheduler::Scheduler;

/// How many of the strips that finish last are looked at.
pub(super) const CANDIDATES: usize = 3;

/// Where a strip could be cut.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Split {
    new_end: u32,
    /// By how many seconds the later of both finishes earlier than the whole strip would.
    gain: f64,
}

impl Scheduler {
    /// Whether an agent could be asked to give rows of this strip away.
    pub(super) fn can_shrink(&self, lease: &Lease) -> bool {
        self.job.sharing == Sharing::Rows && !lease.deaf && lease.first_cut() < lease.end
    }

    /// Lets the fastest idle slot take the lower part of the strip that would finish last, if that would be after the
    /// moment `later_than`; whether it pays.
    pub(super) fn try_steal(&mut self, later_than: f64) -> bool {
        if self.victims.is_empty() || self.spare_starts() == 0 {
            return false;
        }
        let Some(thief) = self.slots.fastest_idle() else {
            return false;
        };
        let start = self.start_of(thief);
        let least = self.tuning.pay_share * start;
        let latest = self.victims.iter().rev().take(CANDIDATES);
        let best = latest
            .map_while(|&(finish, id)| (finish.0 - self.now >= start + least && finish.0 > later_than).then_some(id))
            .find_map(|id| {
                let split = self.split(self.leases.get(&id)?, thief)?;
                (split.gain >= least).then_some((id, split.new_end))
            });
        let Some((victim, new_end)) = best else {
            return false;
        };
        self.ask_to_shrink(victim, new_end, Some(thief));
        true
    }

    /// Lets the fastest idle slot render the rest of a strip that nothing can be taken from, if it would be done much
    /// sooner than the slot that has it.
    pub(super) fn try_copy(&mut self) -> bool {
        if self.tails.is_empty() || self.spare_starts() == 0 {
            return false;
        }
        let Some(thief) = self.slots.fastest_idle() else {
            return false;
        };
        let start = self.start_of(thief);
        let best = self.tails.iter().rev().take(CANDIDATES).find_map(|&(_, id)| {
            let lease = self.leases.get(&id).filter(|lease| lease.twin == Twin::None)?;
            let rows = self.rows_for_a_copy(lease)?;
            let traced = self.sums.of(rows) * lease.field.seconds_per_unit() * lease.blame().1;
            let seconds = traced + self.write_seconds(rows.end);
            let own = start + seconds / self.speed_of(thief);
            let others = lease.finish.max(self.now) - self.now;
            let pays = own < self.tuning.copy_share * others && others - own >= self.tuning.pay_share * start;
            (pays && thief != lease.slot).then_some((id, rows, lease.field))
        });
        let Some((original, rows, field)) = best else {
            return false;
        };
        let copy = LeaseId(self.next_lease);
        self.start(thief, rows, Some(field), Twin::CopyOf(original));
        self.counts.copies += 1;
        if let Some(lease) = self.leases.get_mut(&original) {
            lease.twin = Twin::CopiedBy(copy);
        }
        self.requeue(original);
        true
    }

    pub(super) fn rows_for_a_copy(&self, lease: &Lease) -> Option<Rows> {
        let live = self.job.sharing == Sharing::Rows && self.job.write.is_none();
        // Rows that come while the strip renders need no copy once they are here. Otherwise, or where rows before
        // the frontier are missing, all of it does.
        let rest = self.settled.missing_hull(lease.rest()).filter(|_| live);
        let rows = rest.or_else(|| self.settled.missing_hull(lease.own()))?;
        Some(self.grid.widen(rows))
    }

    fn write_seconds(&self, end: u32) -> f64 {
        if self.job.write.is_none() { 0.0 } else { self.job.write.seconds(end, self.job.height) }
    }

    /// The cut of `lease` at which its slot and `thief` finish together, as nearly as blocks allow.
    fn split(&self, lease: &Lease, thief: SlotId) -> Option<Split> {
        let first = lease.first_cut();
        if first >= lease.end {
            return None;
        }
        // Cuts are `first + index * block`.
        let cuts = (lease.end - first).div_ceil(lease.block);
        let cut = |index: u32| first + index * lease.block;
        let (mut low, mut high) = (0, cuts);
        while low < high {
            let middle = u32::midpoint(low, high);
            let (victim, thief) = self.finishes(lease, thief, cut(middle));
            if victim < thief { low = middle + 1 } else { high = middle }
        }
        let split = |index: u32| {
            let (victim, thief) = self.finishes(lease, thief, cut(index));
            Split { new_end: cut(index), gain: lease.finish.max(self.now) - victim.max(thief) }
        };
        let (early, late) = (split(low.saturating_sub(1)), split(low.min(cuts - 1)));
        // Where boundaries are finer than blocks, the victim had better finish first: it can take something else then,
        // but nothing can be taken from its own last block.
        let coarse = lease.block > self.job.fine_rows && early.gain > 0.0;
        Some(if coarse || early.gain >= late.gain { early } else { late })
    }

    /// When the victim and the thief finish if the strip is cut at row `at`.
    fn finishes(&self, lease: &Lease, thief: SlotId, at: u32) -> (f64, f64) {
        let speed = self.speed_of(lease.slot);
        let block = lease.block_at_work();
        let first = self.sums.of(block) * lease.field.seconds_per_unit();
        let kept = self.seconds_in(lease, Rows::new(block.end, at));
        let (now, then) = lease.delay();
        let mut victim = lease.anchor + (first * now + kept * then) / speed;
        if !self.job.write.is_none() {
            // Ending a strip early means a second start of POV-Ray, which then writes.
            victim += self.start_of(lease.slot) + self.write_seconds(at) / speed;
        }
        let taken = self.seconds_in(lease, Rows::new(at, lease.end)) + self.write_seconds(lease.end);
        let start = self.now + self.tuning.round_trip + self.start_of(thief);
        (victim.max(self.now), start + taken / self.speed_of(thief))
    }
}

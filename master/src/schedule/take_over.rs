//! Idle slots together render the last rows of a strip that nothing can be taken from.

use super::event::{GiveUpReason, LeaseId, SlotId};
use super::job::Sharing;
use super::lease::Twin;
use super::scheduler::Scheduler;
use super::steal::CANDIDATES;

/// The idle slots must be done in this share of the time that the strip still needs: what it has traced of its last
/// block is thrown away, and predictions err.
const SHARE: f64 = 0.6;
/// More slots hardly make one block's rows any sooner, beside their starts.
const MOST_HANDS: usize = 8;

impl Scheduler {
    /// Gives up the strip that would finish last, if it is at its last block and the idle slots, at least two, would have
    /// its rows much sooner. With one idle slot a [copy](Scheduler::try_copy) does the same, and throws nothing away.
    pub(super) fn try_take_over(&mut self) -> bool {
        if self.tails.is_empty()
            || self.slots.idle_count() < 2
            || self.job.sharing != Sharing::Rows
            || !self.job.write.is_none()
            || self.job.fine_rows >= self.job.band_rows
        {
            return false;
        }
        let late = self.tails.iter().rev().take(CANDIDATES).find_map(|&(_, id)| self.pays_to_take_over(id));
        let Some(id) = late else {
            return false;
        };
        let Some(lease) = self.leases.get(&id) else {
            return false;
        };
        let (own, twin) = (lease.own(), lease.twin);
        let rate = lease.field.seconds_per_unit() * lease.blame().1;
        if let Twin::CopiedBy(copy) = twin {
            self.give_up(copy, GiveUpReason::TakenOver);
        }
        self.give_up(id, GiveUpReason::TakenOver);
        if let Some(rows) = self.settled.missing_hull(own) {
            let rows = self.grid.widen(rows);
            // Or the next slots would seem late as well, and the rows would go on from one to another.
            self.taken_over.insert(rows.start, (rows.end, rate));
            self.put_back(rows);
        }
        true
    }

    fn pays_to_take_over(&self, id: LeaseId) -> Option<LeaseId> {
        let lease = self.leases.get(&id).filter(|lease| lease.anchored)?;
        let rows = self.rows_for_a_copy(lease)?;
        let seconds = self.sums.of(rows) * lease.field.seconds_per_unit() * lease.blame().1;
        // Each must get rows and be allowed to start: otherwise all would go from one slot to the next.
        let pieces = u64::from(rows.len() / self.job.fine_rows.max(1));
        let most = usize::try_from(self.spare_starts().min(pieces)).map_or(MOST_HANDS, |most| most.min(MOST_HANDS));
        let hands: Vec<SlotId> = self.slots.idle().take(most).collect();
        let speed: f64 = hands.iter().map(|&slot| self.speed_of(slot)).sum();
        let start = hands.iter().map(|&slot| self.start_of(slot)).fold(0.0, f64::max);
        let own = start + self.tuning.round_trip + seconds / speed.max(1e-9);
        let copied = match lease.twin {
            Twin::CopiedBy(copy) => self.leases.get(&copy).map_or(f64::INFINITY, |copy| copy.finish),
            Twin::None | Twin::CopyOf(_) => f64::INFINITY,
        };
        let others = lease.finish.min(copied).max(self.now) - self.now;
        let pays = hands.len() > 1 && own < SHARE * others && others - own >= self.tuning.pay_share * start;
        pays.then_some(id)
    }
}

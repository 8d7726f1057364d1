//! Rows change hands: the master asks, the agent alone decides, and silence has an end.

use td_protocol::rows::Rows;

use super::event::{Action, LeaseId, SlotId};
use super::job::Sharing;
use super::lease::{PendingShrink, Twin};
use super::moment::Moment;
use super::scheduler::{Scheduler, Timer};
use super::slots::SlotState;

impl Scheduler {
    pub(super) fn ask_to_shrink(&mut self, id: LeaseId, new_end: u32, thief: Option<SlotId>) {
        let deadline = self.now + self.tuning.shrink_deadline.max(0.0);
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        lease.epoch += 1;
        lease.shrink = Some(PendingShrink { new_end, thief, deadline });
        let (slot, epoch) = (lease.slot, lease.epoch);
        self.pending_shrinks += 1;
        self.counts.shrinks += 1;
        self.timers.insert((Moment(deadline), Timer::Answer(id, epoch)));
        if let Some(thief) = thief {
            self.slots.set_state(thief, SlotState::Waiting(id));
        }
        self.actions.push(Action::Shrink { slot, lease: id, epoch, new_end });
        self.requeue(id);
    }

    pub(super) fn shrink_answered(&mut self, id: LeaseId, epoch: u32, end: u32) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        if lease.epoch != epoch {
            return;
        }
        if let Some(shrink) = self.take_shrink(id) {
            self.hand_over(id, end, shrink);
            return;
        }
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        if lease.end_unconfirmed {
            // Late. The thief has started; what the agent still renders beyond is lost work, not a fault.
            lease.deaf = false;
            lease.end_unconfirmed = end > lease.end;
            if end < lease.end {
                self.give_back_below(id, end);
            }
            self.requeue(id);
        }
    }

    /// An agent has not answered in time: the thief starts all the same.
    pub(super) fn answer_overdue(&mut self, id: LeaseId, epoch: u32) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        if lease.epoch != epoch || lease.shrink.is_none() {
            return;
        }
        let Some(shrink) = self.take_shrink(id) else {
            return;
        };
        self.counts.unanswered += 1;
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.end_unconfirmed = true;
        }
        self.hand_over(id, shrink.new_end, shrink);
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.deaf = true;
        }
        self.requeue(id);
    }

    /// The pending shrink of a lease is over, one way or another.
    pub(super) fn take_shrink(&mut self, id: LeaseId) -> Option<PendingShrink> {
        let lease = self.leases.get_mut(&id)?;
        let shrink = lease.shrink.take()?;
        self.timers.remove(&(Moment(shrink.deadline), Timer::Answer(id, lease.epoch)));
        self.pending_shrinks = self.pending_shrinks.saturating_sub(1);
        Some(shrink)
    }

    /// The thief waits no longer, and gets nothing.
    pub(super) fn release_thief(&mut self, id: LeaseId, thief: Option<SlotId>) {
        let Some(thief) = thief else { return };
        if self.slots.get(thief).is_some_and(|slot| slot.state == SlotState::Waiting(id)) {
            self.slots.set_state(thief, SlotState::Idle);
        }
    }

    /// The rows of `id` from `end` on go to the thief.
    fn hand_over(&mut self, id: LeaseId, end: u32, shrink: PendingShrink) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let field = lease.field;
        let old = lease.end;
        let cut = self.grid.floor(end.clamp(lease.frontier.min(old), old)).max(lease.rows.start);
        if cut >= old {
            // Refused. Until the strip gets on, asking again would be refused as well.
            lease.deaf = true;
            self.release_thief(id, shrink.thief);
            self.requeue(id);
            return;
        }
        let given = Rows::new(cut, old);
        let field = {
            let Some(lease) = self.leases.get(&id) else {
                return;
            };
            let units = self.sums.of(given);
            let rate = self.seconds_in(lease, given) / units.max(1e-12);
            if units > 0.0 { field.further_on(rate, self.sums.known()) } else { field }
        };
        self.shorten(id, cut);
        self.requeue(id);
        match self.settled.missing_hull(given).map(|rows| self.grid.widen(rows)) {
            None => self.release_thief(id, shrink.thief),
            Some(rows) => self.give_to_thief(id, shrink.thief, rows, Some(field)),
        }
    }

    /// Starts `rows` on the thief that waits for `id`, or puts them back if it is gone.
    pub(super) fn give_to_thief(
        &mut self,
        id: LeaseId,
        thief: Option<SlotId>,
        rows: Rows,
        field: Option<super::pace::FieldEstimate>,
    ) {
        let Some(thief) = thief else {
            self.keep(rows, field);
            return;
        };
        let waits = self
            .slots
            .get(thief)
            .is_some_and(|slot| slot.state == SlotState::Waiting(id) && !self.slots.resting(slot.node));
        if waits {
            self.start(thief, rows, field, Twin::None);
        } else {
            self.release_thief(id, Some(thief));
            self.put_back(rows);
        }
    }

    /// An agent that did not answer is stuck as well: all but the block at work is given out without asking again.
    pub(super) fn take_back_from_the_silent(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let rows = Rows::new(lease.first_cut(), lease.end);
        if !lease.deaf
            || lease.shrink.is_some()
            || lease.twin != Twin::None
            || rows.is_empty()
            || self.job.sharing != Sharing::Rows
        {
            return;
        }
        lease.end_unconfirmed = true;
        self.counts.taken_back += 1;
        self.shorten(id, rows.start);
        if let Some(rows) = self.settled.missing_hull(rows) {
            self.put_back(self.grid.widen(rows));
        }
    }

    /// The lease answers for rows before `end` only, from now on.
    fn shorten(&mut self, id: LeaseId, end: u32) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        lease.end = end.max(lease.rows.start);
        lease.unsettled = self.settled.count_missing(lease.own());
        let (empty, start, done) = (lease.own().is_empty(), lease.rows.start, lease.unsettled == 0);
        if empty && self.owners.get(&start) == Some(&id) {
            self.owners.remove(&start);
        }
        if done {
            self.relieve(id);
        }
    }

    /// The agent ends its strip even earlier than asked.
    fn give_back_below(&mut self, id: LeaseId, end: u32) {
        let Some(lease) = self.leases.get(&id) else {
            return;
        };
        let old = lease.end;
        let cut = self.grid.floor(end.max(lease.frontier)).max(lease.rows.start);
        if cut < old {
            self.shorten(id, cut);
            if let Some(rows) = self.settled.missing_hull(Rows::new(cut, old)) {
                self.put_back(self.grid.widen(rows));
            }
        }
    }
}

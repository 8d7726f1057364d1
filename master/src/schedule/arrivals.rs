//! Rows arrive, and are settled once each.

use td_protocol::rows::Rows;

use super::event::{Action, GiveUpReason, LeaseId, SlotId};
use super::job::Sharing;
use super::lease::Twin;
use super::scheduler::Scheduler;
use super::slots::SlotState;

impl Scheduler {
    pub(super) fn rows_done(&mut self, slot: SlotId, id: LeaseId, rows: Rows, cost_seconds: f64, ahead_seconds: f64) {
        if let Some(lease) = self.leases.get_mut(&id) {
            let rows = clip(rows, lease.rows);
            if lease.slot != slot || rows.is_empty() {
                return;
            }
            if rows.end > lease.frontier {
                self.learn(id, rows.end, cost_seconds, ahead_seconds);
            }
            if self.job.sharing == Sharing::Rows {
                self.settle(rows, Some(id));
            } else if let Some(lease) = self.leases.get_mut(&id) {
                self.scratch.clear();
                lease.received.insert(rows, &mut self.scratch);
            }
            self.requeue(id);
            self.trim(id);
        } else if let Some(retired) = self.retired.get(&id)
            && retired.slot == slot
            && self.job.sharing == Sharing::Rows
        {
            let rows = clip(rows, retired.rows);
            self.settle(rows, Some(id));
        }
    }

    pub(super) fn progress(&mut self, slot: SlotId, id: LeaseId, end: u32, cost_seconds: f64) {
        if self.leases.get(&id).is_some_and(|lease| lease.slot == slot && end > lease.frontier) {
            self.learn(id, end, cost_seconds, 0.0);
            self.requeue(id);
            self.trim(id);
        }
    }

    /// Settles those of `rows` that are not yet; `by` is the lease that brought them.
    pub(super) fn settle(&mut self, rows: Rows, by: Option<LeaseId>) {
        let rows = clip(rows, self.job.rows);
        let mut new = std::mem::take(&mut self.scratch);
        new.clear();
        self.settled.insert(rows, &mut new);
        for &run in &new {
            self.unsettled -= run.len();
            if let Some(lease) = by {
                self.actions.push(Action::Settle { lease, rows: run });
            }
        }
        let mut complete = Vec::new();
        for &run in &new {
            for (&start, &id) in self.owners.range(..run.end).rev() {
                let Some(lease) = self.leases.get_mut(&id) else {
                    continue;
                };
                let own = clip(run, lease.own());
                lease.unsettled -= own.len().min(lease.unsettled);
                if lease.unsettled == 0 && !own.is_empty() {
                    complete.push(id);
                }
                if start <= run.start {
                    break;
                }
            }
        }
        self.scratch = new;
        for id in complete {
            self.relieve(id);
        }
    }

    /// All rows that `id` answers for are settled: whoever still renders them need not.
    pub(super) fn relieve(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get(&id) else {
            return;
        };
        let twin = lease.twin;
        // Such a strip ends of its own accord.
        let at_its_end = lease.frontier >= if lease.end_unconfirmed { lease.rows.end } else { lease.end };
        // An agent that has just been asked to give rows away will end at the end it accepts.
        if let Some(shrink) = self.take_shrink(id) {
            self.release_thief(id, shrink.thief);
        }
        if let Twin::CopiedBy(copy) = twin
            && self.leases.get(&copy).is_some_and(|copy| copy.frontier < copy.end)
        {
            self.give_up(copy, GiveUpReason::RowsAlreadySettled);
        }
        if !at_its_end {
            self.give_up(id, GiveUpReason::RowsAlreadySettled);
        }
    }

    /// Tells an agent to end a strip whose rows are not needed.
    pub(super) fn give_up(&mut self, id: LeaseId, reason: GiveUpReason) {
        let Some(lease) = self.retire(id) else { return };
        if let Twin::CopyOf(original) = lease.twin
            && let Some(original_lease) = self.leases.get_mut(&original)
        {
            original_lease.twin = Twin::None;
            self.requeue(original);
        }
        if (lease.stall > 1.0 || reason == GiveUpReason::Stuck)
            && let Some(slot) = self.slots.get_mut(lease.slot)
        {
            let taken_over = reason == GiveUpReason::TakenOver;
            let times = if taken_over { lease.blame().0 } else { lease.stall.max(self.tuning.overdue_factor) };
            slot.pace.distrust(times);
        } else if lease.slower > 1.0
            && lease.lag > 1.0
            && let Some(slot) = self.slots.get_mut(lease.slot)
        {
            slot.pace.slow_down(lease.slower);
        }
        self.slots.set_state(lease.slot, SlotState::Stopping(id));
        self.actions.push(Action::GiveUp { slot: lease.slot, lease: id, reason });
    }

    pub(super) fn rows_refused(&mut self, rows: Rows) {
        let rows = clip(rows, self.job.rows);
        let mut gone = Vec::new();
        self.settled.remove(rows, &mut gone);
        for &run in &gone {
            self.unsettled += run.len();
            self.finished = false;
            let mut orphans = vec![run];
            let owners: Vec<LeaseId> = self
                .owners
                .range(..run.end)
                .rev()
                .map(|(_, &id)| id)
                .take_while(|id| self.leases.get(id).is_some_and(|lease| lease.end > run.start))
                .collect();
            for id in owners {
                let Some(lease) = self.leases.get_mut(&id) else {
                    continue;
                };
                let own = clip(run, lease.own());
                if own.is_empty() {
                    continue;
                }
                // It will miss them at its end, and they go back then.
                lease.unsettled += own.len();
                lease.refused = true;
                orphans = orphans
                    .into_iter()
                    .flat_map(|rest| {
                        [Rows::new(rest.start, rest.end.min(own.start)), Rows::new(rest.start.max(own.end), rest.end)]
                    })
                    .filter(|rest| !rest.is_empty())
                    .collect();
            }
            for orphan in orphans {
                // Rows that share a block with them may wait already.
                let rows = self.pool.take_overlapping(self.grid.widen(orphan));
                let rows = self.reserve.take_overlapping(rows);
                self.put_back(rows);
                self.counts.pieces += 1;
            }
        }
        // A node may have nothing to do but these rows.
        if !gone.is_empty() {
            self.counts.pieces += 1;
        }
    }
}

fn clip(rows: Rows, within: Rows) -> Rows {
    Rows::new(rows.start.max(within.start), rows.end.min(within.end))
}

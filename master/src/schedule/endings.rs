//! Strips end, fail, or are lost with their slot; slots and nodes come and go.

use td_protocol::rows::Rows;

use super::event::{Action, LeaseId, NodeId, SlotId};
use super::job::Sharing;
use super::lease::{Lease, Twin};
use super::scheduler::Scheduler;
use super::slots::SlotState;

impl Scheduler {
    pub(super) fn slot_up(&mut self, slot: SlotId, node: NodeId, speed: f64, start_seconds: Option<f64>) {
        self.slot_lost(slot);
        self.slots.up(slot, node, speed, start_seconds);
        self.assume_load_of(slot);
    }

    pub(super) fn strip_ended(&mut self, slot: SlotId, id: LeaseId) {
        if !self.free_if_stopping(slot, id) {
            return;
        }
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let (node, own, refused) = (lease.node, lease.own(), lease.refused);
        let complete;
        if self.job.sharing != Sharing::Rows {
            complete = lease.received.count_missing(own) == 0;
            if complete {
                lease.frontier = lease.end;
                self.settle(own, Some(id));
            }
        } else if !lease.is_copy() {
            // Where a refused row had others rendered again beside it, another strip may have brought the same rows.
            complete = lease.unsettled == 0
                || self.settled.count_missing(own) == 0
                || lease.shrink.is_some_and(|shrink| {
                    // The agent has shrunk the strip, and its end came before its answer.
                    self.settled.missing_hull(own).is_none_or(|missing| missing.start >= shrink.new_end)
                });
        } else {
            complete = self.settled.count_missing(own) == 0;
        }
        if complete || refused {
            self.slots.strip_succeeded(node);
            if let Some(lease) = self.retire_with_its_rows(id) {
                self.slots.set_state(lease.slot, SlotState::Idle);
            }
        } else {
            self.fail(id, "a strip ended without all of its rows");
        }
    }

    pub(super) fn strip_yielded(&mut self, slot: SlotId, id: LeaseId) {
        if self.job.sharing != Sharing::Rows {
            // A part of a whole lease is nothing.
            return self.strip_failed(slot, id, "it was ended early for another job");
        }
        if !self.free_if_stopping(slot, id) {
            return;
        }
        if let Some(lease) = self.retire_with_its_rows(id) {
            self.slots.strip_succeeded(lease.node);
            self.slots.set_state(lease.slot, SlotState::Idle);
            self.counts.pieces += 1;
        }
    }

    pub(super) fn strip_failed(&mut self, slot: SlotId, id: LeaseId, reason: &str) {
        if self.free_if_stopping(slot, id) {
            self.fail(id, reason);
        }
    }

    /// Whether `id` runs on `slot`. A slot that was told to give `id` up is free from now on.
    fn free_if_stopping(&mut self, slot: SlotId, id: LeaseId) -> bool {
        match self.slots.get(slot).map(|slot| slot.state) {
            Some(SlotState::Busy(busy)) => busy == id,
            Some(SlotState::Stopping(stopping)) if stopping == id => {
                self.slots.set_state(slot, SlotState::Idle);
                false
            }
            _ => false,
        }
    }

    fn fail(&mut self, id: LeaseId, reason: &str) {
        let Some(lease) = self.retire_with_its_rows(id) else {
            return;
        };
        self.counts.failures += 1;
        let failures = self.slots.strip_failed(lease.node);
        self.slots.set_state(lease.slot, SlotState::Idle);
        if failures >= self.tuning.failures_to_rest && !self.slots.resting(lease.node) {
            self.slots.set_resting(lease.node, true);
            let reason = format!("{failures} strips in a row failed, the last one because {reason}");
            self.actions.push(Action::Rest { node: lease.node, reason });
        }
    }

    pub(super) fn slot_lost(&mut self, slot: SlotId) {
        let Some(state) = self.slots.get(slot).map(|slot| slot.state) else {
            return;
        };
        // First, or its rows would be offered to it.
        self.slots.set_state(slot, SlotState::Lost);
        if let SlotState::Busy(id) = state {
            self.counts.losses += 1;
            self.retire_with_its_rows(id);
        }
    }

    pub(super) fn node_out(&mut self, node: NodeId, reason: String) {
        self.slots.set_resting(node, true);
        for slot in self.slots.slots_of(node) {
            if let Some(SlotState::Busy(id)) = self.slots.get(slot).map(|slot| slot.state) {
                self.counts.losses += 1;
                self.retire_with_its_rows(id);
                self.slots.set_state(slot, SlotState::Stopping(id));
                let reason = super::event::GiveUpReason::NodeOut;
                self.actions.push(Action::GiveUp { slot, lease: id, reason });
            }
        }
        self.node_drain(node, reason);
    }

    /// Strips that run there go on, and can be shortened by others as before.
    pub(super) fn node_drain(&mut self, node: NodeId, reason: String) {
        self.slots.set_resting(node, true);
        for slot in self.slots.slots_of(node) {
            // What it waits for goes to the pool when the answer comes.
            if let Some(SlotState::Waiting(_)) = self.slots.get(slot).map(|slot| slot.state) {
                self.slots.set_state(slot, SlotState::Idle);
            }
        }
        self.actions.push(Action::Rest { node, reason });
    }

    /// Retires a lease; rows of it that are not settled go to its copy, to the thief that waits for them, or back to
    /// the pool.
    fn retire_with_its_rows(&mut self, id: LeaseId) -> Option<Lease> {
        let shrink = self.take_shrink(id);
        let lease = self.retire(id)?;
        match lease.twin {
            Twin::CopyOf(original) => {
                if let Some(original_lease) = self.leases.get_mut(&original) {
                    original_lease.twin = Twin::None;
                    self.requeue(original);
                }
                return Some(lease);
            }
            Twin::CopiedBy(copy) => {
                let own = lease.own();
                let copied = self.leases.get(&copy).map_or(own, |copy| copy.rows);
                self.promote(copy);
                // Rows beside the copy's: settled when it was started, and refused since.
                for beside in [Rows::new(own.start, copied.start.min(own.end)), Rows::new(copied.end, own.end)] {
                    if let Some(rows) = self.settled.missing_hull(beside).filter(|_| !beside.is_empty()) {
                        self.put_back(self.grid.widen(rows));
                        self.counts.pieces += 1;
                    }
                }
                return Some(lease);
            }
            Twin::None => {}
        }
        let missing = self.settled.missing_hull(lease.own()).map(|rows| self.grid.widen(rows));
        match (missing, shrink) {
            (Some(rows), Some(shrink)) => self.give_to_thief(id, shrink.thief, rows, None),
            (Some(rows), None) => {
                self.put_back(rows);
                if lease.refused {
                    self.counts.pieces += 1;
                }
            }
            (None, Some(shrink)) => self.release_thief(id, shrink.thief),
            (None, None) => {}
        }
        Some(lease)
    }

    /// The original of a copy is gone: the copy answers for its rows now.
    fn promote(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        lease.twin = Twin::None;
        lease.unsettled = self.settled.count_missing(lease.own());
        let (start, done) = (lease.rows.start, lease.unsettled == 0);
        self.owners.insert(start, id);
        if done {
            self.relieve(id);
        } else {
            self.requeue(id);
        }
    }
}

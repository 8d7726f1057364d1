//! Strips that are given up because their slot stands still: it is lost for them, though its agent lives.

use super::event::{GiveUpReason, LeaseId};
use super::lease::{Queued, Twin};
use super::scheduler::Scheduler;

/// So many times as patient as with a [copy](Scheduler::try_copy) that is late: here work is thrown away.
const PATIENCE: f64 = 8.0;

impl Scheduler {
    /// A copy was to help. If it is stuck itself, somebody else may: but with twice the patience each time.
    pub(super) fn give_up_stuck_copy(&mut self, id: LeaseId, elapsed: f64) -> bool {
        let Some(lease) = self.leases.get(&id) else {
            return false;
        };
        let Twin::CopyOf(original) = lease.twin else {
            return false;
        };
        let step = self.step_seconds(lease).max(self.tuning.overdue_floor.max(0.1));
        let Some(original) = self.leases.get_mut(&original) else {
            return false;
        };
        let patience = self.tuning.overdue_factor * 2f64.powi(original.stuck_copies);
        if elapsed < patience * step {
            return false;
        }
        original.stuck_copies += 1;
        self.counts.stuck_copies += 1;
        self.give_up(id, GiveUpReason::Stuck);
        true
    }

    /// A strip from which nothing can be taken is helped by a copy, as long as the bound on starts allows one. Where it does not,
    /// the slot is taken to be lost for the strip, and whoever is idle begins its rows anew. Each time the next has
    /// twice the time, so that rows that are only costlier than predicted come to an end too.
    pub(super) fn give_up_past_help(&mut self, id: LeaseId, elapsed: f64) -> bool {
        let Some(lease) = self.leases.get(&id) else {
            return false;
        };
        let no_help = lease.queued == Queued::Tail && lease.twin == Twin::None && self.spare_starts() == 0;
        if !no_help || self.slots.idle_count() == 0 {
            return false;
        }
        let step = self.step_seconds(lease).max(self.tuning.overdue_floor.max(0.1));
        let patience = PATIENCE * self.tuning.overdue_factor * 2f64.powi(self.counts.past_help as i32);
        if elapsed < patience * step {
            return false;
        }
        let own = lease.own();
        self.counts.past_help += 1;
        self.give_up(id, GiveUpReason::Stuck);
        if let Some(rows) = self.settled.missing_hull(own) {
            self.put_back(self.grid.widen(rows));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::{Action, Event, GiveUpReason, Job, LeaseId, NodeId, Scheduler, SlotId, Tuning};
    use td_protocol::rows::Rows;

    /// What is said from now on, nothing but time passing; the moment of the first word.
    fn wait(scheduler: &mut Scheduler) -> (f64, Vec<Action>) {
        loop {
            let now = scheduler.next_wake().expect("a timer");
            assert!(now < 1e6, "for ever");
            let said = scheduler.handle(now, Event::Tick);
            if !said.is_empty() {
                return (now, said);
            }
        }
    }

    #[test]
    fn a_last_block_that_stands_still_is_begun_anew_where_no_start_is_left_for_a_copy() {
        let mut scheduler = Scheduler::new(Job::banded(64), Tuning::default()).unwrap();
        for slot in 0..2 {
            let up = Event::SlotUp { slot: SlotId(slot), node: NodeId(slot), speed: 1.0, start_seconds: Some(0.5) };
            _ = scheduler.handle(0.0, up);
        }
        _ = scheduler.handle(0.0, Event::Begin);
        // Strips are numbered from 1.
        let (slot, lease) = (SlotId(1), LeaseId(2));
        _ = scheduler.handle(1.0, Event::StartCost { slot, seconds: 0.5 });
        _ = scheduler.handle(0.5, Event::StartCost { slot: SlotId(0), seconds: 0.5 });
        _ = scheduler.handle(
            11.0,
            Event::RowsDone { slot, lease, rows: Rows::new(32, 64), cost_seconds: 10.0, ahead_seconds: 0.0 },
        );
        // As if all starts had been needed.
        scheduler.counts.starts = 100;
        let said = scheduler.handle(11.0, Event::StripEnded { slot, lease });
        assert_eq!(said, []);

        let mut before = 11.0;
        for (from, to) in [(0, 1), (1, 0), (0, 1)] {
            let (now, said) = wait(&mut scheduler);
            let (from, to) = (SlotId(from), SlotId(to));
            let [
                Action::GiveUp { slot, lease, reason: GiveUpReason::Stuck },
                Action::Start { slot: thief, rows, copy, .. },
            ] = said[..]
            else {
                panic!("{said:?}");
            };
            assert_eq!((slot, thief, rows, copy), (from, to, Rows::new(0, 32), false));
            assert!(now - before > 100.0, "ten seconds of work are given up after {} s", now - before);
            _ = scheduler.handle(now, Event::StripFailed { slot, lease, reason: "it was given up".to_owned() });
            before = now;
        }
        assert_eq!(scheduler.counts().past_help, 3);
    }
}

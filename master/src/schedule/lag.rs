//! What is heard of a row of blocks before it is finished: a slot that has become slow shows within seconds, and not at
//! the end of a block that may take a minute.

use super::event::{LeaseId, SlotId};
use super::scheduler::Scheduler;

/// Nothing is concluded from less than this, in seconds.
const LEAST_SECONDS: f64 = 1.0;
/// Deviations below this factor are the picture's own: its columns do not all cost the same.
const NOTABLE: f64 = 1.25;
/// A row of blocks that is not finished takes at least so many times what has passed.
const NOT_YET: f64 = 1.05;
/// Longest that is told, as a multiple of the prediction.
const LONGEST: f64 = 1e3;

impl Scheduler {
    /// Predicts the row of blocks at work from its share that is `done` after `cost_seconds` of CPU.
    ///
    /// Two things tell how long it will take: how much less of its processor the slot gets than it did, and how long the
    /// finished blocks took. The more are finished, the more they count.
    pub(super) fn working(&mut self, slot: SlotId, id: LeaseId, done: f64, cost_seconds: f64) {
        let Some(lease) = self.leases.get(&id).filter(|lease| lease.slot == slot && lease.anchored) else {
            return;
        };
        let passed = self.now - lease.anchor;
        let Some(known) = self.slots.get(slot).and_then(|slot| slot.pace.load()) else {
            return;
        };
        if passed < LEAST_SECONDS || lease.frontier >= lease.end || !(cost_seconds.is_finite() && cost_seconds >= 0.0) {
            return;
        }
        let step = self.step_seconds(lease);
        let load = passed / (cost_seconds + lease.ahead).clamp(1e-3 * passed, passed);
        let slower = (load / known).max(1.0);
        let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { 0.0 };
        let by_blocks = passed / done.max(1e-3);
        let seconds = ((step * slower).ln() * (1.0 - done) + by_blocks.ln() * done).exp().max(passed * NOT_YET);
        let lag = (seconds / step).min(LONGEST);
        let lag = if lag < NOTABLE { 1.0 } else { lag };
        if (lag / lease.lag).ln().abs() < 0.1 * lag.ln() || lag.total_cmp(&lease.lag).is_eq() {
            return;
        }
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.lag = lag;
            lease.slower = slower.min(lag);
        }
        self.requeue(id);
    }
}

//! When all would finish together, and the rows that are taken from late strips for that while they still can be.

use td_protocol::rows::Rows;

use super::event::{LeaseId, SlotId};
use super::job::Sharing;
use super::lease::Twin;
use super::pace::FieldEstimate;
use super::scheduler::Scheduler;

/// Running sums over the strips: their slots' speeds, and their finishes weighted by these.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    speed: f64,
    finish: f64,
}

impl Level {
    pub fn count(&mut self, counted: Option<(f64, f64)>) {
        if let Some((speed, finish)) = counted {
            self.speed += speed;
            self.finish += speed * finish;
        }
    }

    pub fn forget(&mut self, counted: Option<(f64, f64)>) {
        if let Some((speed, finish)) = counted {
            self.speed -= speed;
            self.finish -= speed * finish;
        }
    }
}

impl Scheduler {
    /// The moment at which all strips would finish if their rows, and those that are kept back, could be shared out at
    /// will; `idle` joins in with a start of its own.
    pub(super) fn level(&self, idle: Option<SlotId>) -> f64 {
        let (mut speed, mut finish) = (self.level.speed, self.level.finish);
        if let Some(idle) = idle {
            let own = self.speed_of(idle);
            speed += own;
            finish += own * (self.now + self.start_of(idle));
        }
        (finish + self.reserve.seconds()) / speed.max(1e-9)
    }

    /// Nothing can be taken from a block at work, and by the time a slot runs dry the others may all be at their last
    /// ones. So rows are taken ahead: when a strip begins its last block but one, and would finish late with the last.
    /// That is kept for whoever is idle first.
    pub(super) fn trim(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get(&id) else { return };
        let cut = lease.first_cut();
        if self.job.sharing != Sharing::Rows
            || !self.job.write.is_none()
            // A block that can only move whole is begun where it is: anywhere else it would be later still.
            || self.job.fine_rows >= lease.block
            || cut >= lease.end
            // More than that is stolen by who runs dry meanwhile: predictions from afar would cut off too much.
            || lease.end - cut > lease.block
            || lease.shrink.is_some()
            || lease.deaf
            || lease.twin != Twin::None
            || self.slots.usable() < 2
            || self.slots.fastest_idle().is_some()
            || self.spare_starts() <= self.slots.ever() as u64
        {
            return;
        }
        let start = self.start_of(lease.slot);
        let next = Rows::new(cut, cut.saturating_add(lease.block).min(lease.end));
        let upto = |rows: Rows| self.seconds_in(lease, rows) / self.speed_of(lease.slot);
        let late = lease.anchor + upto(lease.block_at_work()) + upto(next) - self.level(None);
        if late > self.tuning.trim_starts * start {
            self.ask_to_shrink(id, cut, None);
        }
    }

    /// Keeps rows for whoever is idle first.
    pub(super) fn keep(&mut self, rows: Rows, field: Option<FieldEstimate>) {
        let field = field.unwrap_or_else(|| self.field_at(rows));
        self.reserve.put(rows, self.sums.of(rows) * field.seconds_per_unit());
    }
}

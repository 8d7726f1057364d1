//! When each strip will finish, and what says that a slot is stuck.

use td_protocol::rows::Rows;

use super::cost_map::{CostMap, CostSums};
use super::event::{LeaseId, SlotId};
use super::lease::{Lease, Queued, Twin};
use super::level::Level;
use super::moment::Moment;
use super::pace::{FieldEstimate, Observation, SHORT};
use super::scheduler::{Observed, Scheduler, Timer};
use super::slots::SlotState;

/// The usual load is told to all slots when its logarithm has changed by this.
const LOAD_CHANGE: f64 = 0.1;
/// No step takes less, in seconds: keeps divisions harmless.
const SHORTEST: f64 = 1e-4;
/// CPU seconds of rows that tell as much of their cost as the map did before: none was, or there was one. They go into the next job's
/// map with the mean of both, weighted by the squares.
const TOLD_AS_MUCH: [f64; 2] = [0.004, SHORT];

impl Scheduler {
    /// Until it traces, in seconds.
    pub(super) fn start_of(&self, slot: SlotId) -> f64 {
        self.known_start_of(slot).unwrap_or(self.job.start_seconds).max(0.0)
    }

    /// The same, where it was told or measured: by the slot, else by others.
    pub(super) fn known_start_of(&self, slot: SlotId) -> Option<f64> {
        let slot = self.slots.get(slot)?;
        slot.start_seconds.or_else(|| self.start_work.map(|work| work / slot.pace.speed.max(1e-9)))
    }

    pub(super) fn speed_of(&self, slot: SlotId) -> f64 {
        self.slots.get(slot).map_or(1.0, |slot| slot.pace.speed_now())
    }

    /// Seconds of a slot of speed 1 for `rows`, which lie in the rest of `lease`. Between what the strip's own last
    /// rows cost and what the first rows of the strip below cost, the truth is taken to lie on a line.
    pub(super) fn seconds_in(&self, lease: &Lease, rows: Rows) -> f64 {
        if rows.is_empty() {
            return 0.0;
        }
        let here = lease.field.seconds_per_unit();
        let mut rate = here;
        if !self.sums.known()
            && let Some(below) = self.edges.get(&lease.end)
        {
            let rest = lease.rest();
            let middle = f64::midpoint(f64::from(rows.start), f64::from(rows.end)) - f64::from(rest.start);
            let part = (middle / f64::from(rest.len().max(1))).clamp(0.0, 1.0);
            rate = here + (below - here) * part;
        }
        self.sums.of(rows) * rate
    }

    /// Seconds that the slot needs for its strip's next step: the block at work, and the writing after the last one.
    pub(super) fn step_seconds(&self, lease: &Lease) -> f64 {
        let block = lease.block_at_work();
        let mut seconds = self.sums.of(block) * lease.field.seconds_per_unit();
        if block.end >= lease.end && !self.job.write.is_none() {
            seconds += self.job.write.seconds(lease.end, self.job.height);
        }
        (seconds / self.speed_of(lease.slot)).max(SHORTEST)
    }

    fn finish_of(&self, lease: &Lease) -> f64 {
        let block = lease.block_at_work();
        let after = Rows::new(block.end, lease.end);
        let (now, then) = lease.delay();
        let step = lease.anchor + self.step_seconds(lease) * now;
        let mut seconds = self.seconds_in(lease, after);
        if block.end < lease.end {
            seconds += self.job.write.seconds(lease.end, self.job.height);
        }
        step + seconds / self.speed_of(lease.slot) * then
    }

    /// Predicts a lease anew and puts it where it belongs.
    pub(super) fn requeue(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get(&id) else {
            return;
        };
        let finish = self.finish_of(lease);
        let step = self.step_seconds(lease);
        // As long as no rows have told what they cost, predictions are but assumptions.
        let told = self.observed.reports > 0 || self.rate_told;
        let floor = if told { self.tuning.overdue_floor } else { self.tuning.assumed_seconds };
        let patience = (step * self.tuning.overdue_factor).max(floor.max(0.1));
        let overdue_at = lease.anchor + patience.max(step * lease.stall);
        let queued = if lease.shrink.is_some() || lease.is_copy() {
            Queued::No
        } else if lease.twin != Twin::None {
            Queued::Tail
        } else if self.can_shrink(lease) {
            Queued::Victim
        } else {
            Queued::Tail
        };
        let counted = (lease.stall <= 1.0 && !lease.is_copy()).then(|| (self.speed_of(lease.slot), finish));
        let (old_finish, old_queued, old_overdue) = (lease.finish, lease.queued, lease.overdue_at);
        let old_counted = lease.counted;
        if old_finish.total_cmp(&finish).is_ne() || old_queued != queued {
            self.unqueue(id, old_finish, old_queued);
            match queued {
                Queued::Victim => _ = self.victims.insert((Moment(finish), id)),
                Queued::Tail => _ = self.tails.insert((Moment(finish), id)),
                Queued::No => {}
            }
        }
        if old_overdue.total_cmp(&overdue_at).is_ne() {
            self.timers.remove(&(Moment(old_overdue), Timer::Band(id)));
            self.timers.insert((Moment(overdue_at), Timer::Band(id)));
        }
        self.level.forget(old_counted);
        self.level.count(counted);
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.counted = counted;
            lease.finish = finish;
            lease.queued = queued;
            lease.overdue_at = overdue_at;
        }
    }

    pub(super) fn unqueue(&mut self, id: LeaseId, finish: f64, queued: Queued) {
        match queued {
            Queued::Victim => _ = self.victims.remove(&(Moment(finish), id)),
            Queued::Tail => _ = self.tails.remove(&(Moment(finish), id)),
            Queued::No => {}
        }
    }

    /// Lets all timers go off whose moment has come.
    pub(super) fn expire(&mut self) {
        while let Some(&(moment, timer)) = self.timers.first()
            && moment.0 <= self.now
        {
            self.timers.pop_first();
            match timer {
                Timer::Answer(lease, epoch) => self.answer_overdue(lease, epoch),
                Timer::Band(lease) => self.band_overdue(lease),
            }
        }
    }

    /// The band at work takes much longer than predicted: take it that half of it is done, and ask again then.
    fn band_overdue(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.get(&id) else {
            return;
        };
        let elapsed = (self.now - lease.anchor).max(SHORTEST);
        if self.give_up_stuck_copy(id, elapsed) || self.give_up_past_help(id, elapsed) {
            return;
        }
        let Some(lease) = self.leases.get(&id) else {
            return;
        };
        let stall = (2.0 * elapsed / self.step_seconds(lease)).max(lease.stall * 1.5);
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.stall = stall;
            if lease.lag > 1.0 {
                // Told when less of the time had passed. What has come since, nobody has told whose fault it is.
                let longer = (stall / 2.0 / lease.lag).max(1.0);
                lease.lag *= longer;
                lease.slower *= longer.sqrt();
            }
            // Its timer has gone off.
            lease.overdue_at = f64::NAN;
        }
        self.take_back_from_the_silent(id);
        self.requeue(id);
    }

    pub(super) fn note_typical_speed(&mut self) {
        let slots = self.slots.usable().max(1) as f64;
        self.typical_speed = (self.slots.total_speed() / slots).max(1e-9);
    }

    /// Until rows tell, a job is taken to last a while on all slots together.
    pub(super) fn assume_rate(&mut self) {
        if !self.rate_told && self.observed.reports == 0 {
            let speed = self.slots.total_speed().max(1e-6);
            let seconds = self.expected.unwrap_or(self.tuning.assumed_seconds.max(1e-6) * speed);
            self.seconds_per_unit = seconds / f64::from(self.job.height.max(1));
        }
    }

    pub(super) fn expect(&mut self, seconds: f64) {
        if seconds.is_finite() && seconds > 0.0 {
            self.expected = Some(seconds);
            if self.begun {
                self.assume_rate();
            }
        }
    }

    /// Learns from rows of `id` before row `end`, traced since the lease was last heard of, and from what went `ahead`, into the
    /// block after them.
    pub(super) fn learn(&mut self, id: LeaseId, end: u32, cost_seconds: f64, ahead: f64) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let rows = Rows::new(lease.frontier, end.min(lease.rows.end));
        if rows.is_empty() {
            return;
        }
        let load = self.slots.get(lease.slot).and_then(|slot| slot.pace.load()).unwrap_or(1.0);
        let first = lease.frontier == lease.rows.start;
        let passed = self.now - lease.anchor;
        let known_cost = cost_seconds.is_finite() && cost_seconds > 0.0;
        let ahead = if known_cost && ahead.is_finite() { ahead.max(0.0) } else { 0.0 };
        let wall = if lease.anchored || !known_cost { passed } else { cost_seconds + ahead };
        let cpu = if known_cost { cost_seconds } else { wall / load.max(1.0) };
        lease.frontier = rows.end;
        lease.anchor = self.now;
        lease.anchored = true;
        lease.stall = 1.0;
        lease.lag = 1.0;
        lease.deaf = false;
        lease.ahead = ahead;
        // So long ago was the block at work begun.
        lease.anchor -= wall * (ahead / (cpu + ahead)).max(0.0);
        let units = self.sums.of(rows);
        if !(cpu > 0.0 && units > 0.0) {
            return;
        }
        if !self.rate_told && self.observed.reports == 0 {
            self.learn_rate(id, cpu / units);
        }
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let Some(slot) = self.slots.get_mut(lease.slot) else {
            return;
        };
        let seen = Observation { units, cpu, ahead, wall: wall.max(cpu + ahead) };
        let seconds = slot.pace.learn(&mut lease.field, seen, self.sums.known());
        lease.cpu_seconds += seconds;
        let load = slot.pace.load();
        if first {
            self.edges.insert(lease.rows.start, lease.field.seconds_per_unit());
        }
        self.measured.add(rows, seconds);
        let (told, expected) = (cpu * slot.pace.speed_for_next(), units * self.seconds_per_unit);
        let as_much = TOLD_AS_MUCH[usize::from(self.sums.known())];
        let trust = cpu.powi(2) / (cpu.powi(2) + as_much.powi(2));
        self.measured_for_next.add_like(rows, expected + trust * (told - expected), &self.sums);
        self.observed.seconds += seconds;
        self.observed.units += units;
        self.observed.reports += 1;
        self.seconds_per_unit = self.observed.seconds / self.observed.units;
        if let Some(load) = load {
            self.learn_usual_load(load);
        }
        // Now and then, so that the work of it stays small beside that of the events.
        if self.observed.reports >= self.observed.next_rebuild {
            self.observed.next_rebuild = self.observed.reports * 2;
            self.rebuild();
        }
    }

    /// The very first rows tell how long anything takes here. Till then it was a guess, and blaming the slot for a wrong
    /// guess would make a mess of the speeds.
    fn learn_rate(&mut self, id: LeaseId, cpu_per_unit: f64) {
        let Some(slot) = self.leases.get(&id).and_then(|lease| self.slots.get(lease.slot)) else {
            return;
        };
        let (rate, known) = (cpu_per_unit * slot.pace.cpu_speed(), self.sums.known());
        self.seconds_per_unit = rate;
        for lease in
            self.leases.values_mut().filter(|lease| lease.frontier == lease.rows.start || lease.cpu_seconds <= 0.0)
        {
            lease.field = FieldEstimate::unseen(rate, known);
        }
    }

    /// Slots that have told nothing yet are taken to get what the others get. What it takes grows with the slots, so
    /// it is done only when the load has changed a lot.
    fn learn_usual_load(&mut self, load: f64) {
        let reports = self.observed.reports.clamp(1, 64) as f64;
        self.usual_load = ((self.usual_load.ln() * (reports - 1.0) + load.ln()) / reports).exp();
        if (self.usual_load / self.assumed_load).ln().abs() < LOAD_CHANGE {
            return;
        }
        self.assumed_load = self.usual_load;
        let all: Vec<SlotId> = self.slots.iter().map(|(id, _)| id).collect();
        for slot in all {
            self.assume_load_of(slot);
        }
    }

    pub(super) fn assume_load_of(&mut self, slot: SlotId) {
        let load = self.usual_load;
        if let Some(known) = self.slots.get_mut(slot) {
            known.pace.assume_load(load);
            let state = known.state;
            // The idle ones are sorted by speed.
            self.slots.set_state(slot, state);
        }
    }

    pub(super) fn learn_map(&mut self, map: &CostMap) {
        let sums = CostSums::new(map, self.job.height);
        if !sums.known() {
            return;
        }
        if let Some(load) = map.load.filter(|load| load.is_finite() && *load >= 1.0 && self.observed.reports == 0) {
            self.usual_load = load;
            self.assumed_load = load;
            let all: Vec<SlotId> = self.slots.iter().map(|(id, _)| id).collect();
            for slot in all {
                self.assume_load_of(slot);
            }
        }
        self.sums = sums;
        self.edges.clear();
        self.taken_over.clear();
        if let Some(rate) = self.measured.seconds_per_unit(&self.sums) {
            let units = self.observed.seconds / rate;
            self.observed = Observed { units, ..self.observed };
            self.seconds_per_unit = rate;
        } else if let Some(seconds) = map.seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0)
            && map.load.is_some()
        {
            // Without the load, CPU seconds tell nothing of how long anything takes.
            self.seconds_per_unit = seconds / f64::from(self.job.height.max(1));
            self.rate_told = true;
        }
        let rate = self.seconds_per_unit;
        for lease in self.leases.values_mut() {
            lease.field = FieldEstimate::unseen(rate, true);
            let units = self.sums.of(Rows::new(lease.rows.start, lease.frontier));
            let cpu = lease.cpu_seconds;
            if units > 0.0
                && cpu > 0.0
                && let Some(slot) = self.slots.get_mut(lease.slot)
            {
                // One observation of all rows so far; the slot's own seconds again.
                let cpu = cpu / slot.pace.cpu_speed();
                slot.pace.learn(&mut lease.field, Observation { units, cpu, ahead: 0.0, wall: cpu }, true);
            }
        }
        self.rebuild();
    }

    pub(super) fn learn_start(&mut self, slot: SlotId, seconds: f64) {
        if !seconds.is_finite() || seconds < 0.0 {
            return;
        }
        let Some(known) = self.slots.get_mut(slot) else {
            return;
        };
        let before = known.start_seconds.replace(seconds);
        let state = known.state;
        let work = seconds * known.pace.speed;
        self.start_work = Some(self.start_work.map_or(work, |mean| mean + 0.3 * (work - mean)));
        if let SlotState::Busy(id) = state
            && let Some(lease) = self.leases.get_mut(&id)
            && lease.frontier == lease.rows.start
        {
            // Said again, it tells that the trace began later than it was said to.
            let later = before.filter(|_| lease.anchored).map(|before| lease.anchor + (seconds - before).max(0.0));
            lease.anchor = later.map_or(self.now, |later| later.min(self.now));
            lease.anchored = true;
            lease.stall = 1.0;
            lease.deaf = false;
            self.requeue(id);
        }
    }

    pub(super) fn slot_slow(&mut self, slot: SlotId, factor: f64) {
        let Some(known) = self.slots.get_mut(slot) else {
            return;
        };
        known.pace.set_factor(factor);
        let state = known.state;
        self.slots.set_state(slot, state);
        if let SlotState::Busy(id) = state {
            self.requeue(id);
        }
    }

    /// Predicts all strips anew, those without rows from the rate over the picture.
    pub(super) fn rebuild(&mut self) {
        self.level = Level::default();
        self.leases.values_mut().for_each(|lease| lease.counted = None);
        self.note_typical_speed();
        for rows in self.reserve.drain() {
            let seconds = self.sums.of(rows) * self.field_at(rows).seconds_per_unit();
            self.reserve.put(rows, seconds);
        }
        let ids: Vec<LeaseId> = self.leases.keys().copied().collect();
        let (rate, known) = (self.seconds_per_unit, self.sums.known());
        for id in ids {
            if let Some(lease) = self.leases.get_mut(&id)
                && lease.frontier == lease.rows.start
            {
                lease.field = FieldEstimate::unseen(rate, known);
            } else if known && let Some(lease) = self.leases.get_mut(&id) {
                lease.field.recentre(rate);
            }
            self.requeue(id);
        }
    }
}

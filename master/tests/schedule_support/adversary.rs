//! A cluster that does its worst, and keeps its own account of rows.

use std::collections::{BTreeMap, BTreeSet};

use td::schedule::{
    Action, CostMap, Event, GiveUpReason, Job, LATEST, LeaseId, NodeId, Scheduler, Sharing, SlotId, Tuning,
};
use td_protocol::rows::Rows;

use crate::deeds::{Deeds, deadline, runs};

/// Numbers choose among what there is.
#[derive(Debug, Clone)]
pub enum Step {
    Trace { slot: u32 },
    Band { slot: u32, cost: f64 },
    Complete { slot: u32 },
    Answer { pick: u32 },
    DropAnswer { pick: u32 },
    Lose { slot: u32 },
    Up { slot: u32, speed: f64 },
    Fail { slot: u32 },
    Yield { slot: u32 },
    NodeOut { node: u32 },
    NodeDrain { node: u32 },
    NodeBack { node: u32 },
    Elsewhere { start: u32, len: u32 },
    Refuse { start: u32, len: u32 },
    Wait { seconds: f64 },
    Map { costs: Vec<f64> },
    Nonsense { numbers: [u32; 6] },
    Repeat,
}

#[derive(Debug, Clone, Copy)]
struct Strip {
    lease: LeaseId,
    end: u32,
    at: u32,
    block: u32,
}

#[derive(Debug, Clone, Copy)]
struct Shrink {
    slot: u32,
    lease: LeaseId,
    epoch: u32,
    new_end: u32,
    asked: f64,
}

pub struct Adversary {
    job: Job,
    scheduler: Scheduler,
    now: f64,
    /// The latest moment that the scheduler was told: its clock never goes back.
    latest: f64,
    strips: BTreeMap<u32, Strip>,
    alive: BTreeMap<u32, bool>,
    shrinks: Vec<Shrink>,
    cancelled: Vec<(u32, LeaseId)>,
    settled: Vec<bool>,
    leases: BTreeMap<LeaseId, Rows>,
    starts: u64,
    deeds: Deeds,
    /// Runs of rows that were missing to begin with.
    first_runs: u64,
    finished: bool,
    last: Option<Event>,
    wrong: Option<String>,
}

impl Adversary {
    pub fn new(job: Job, speeds: &[f64]) -> Self {
        let mut settled = vec![true; job.height as usize];
        for row in job.rows.start..job.rows.end {
            settled[row as usize] = job.done.iter().any(|done| done.start <= row && row < done.end);
        }
        let first_runs = runs(job.rows, |row| !settled[row as usize]).len() as u64;
        let mut adversary = Self {
            scheduler: Scheduler::new(job.clone(), Tuning::default()).unwrap(),
            job,
            now: 0.0,
            latest: 0.0,
            strips: BTreeMap::new(),
            alive: BTreeMap::new(),
            shrinks: Vec::new(),
            cancelled: Vec::new(),
            settled,
            leases: BTreeMap::new(),
            starts: 0,
            deeds: Deeds::default(),
            first_runs,
            finished: false,
            last: None,
            wrong: None,
        };
        for (slot, &speed) in (0..).zip(speeds) {
            adversary.up(slot, speed);
        }
        adversary.event(Event::Begin);
        adversary
    }

    fn up(&mut self, slot: u32, speed: f64) {
        self.alive.insert(slot, true);
        self.deeds.lost += u64::from(self.strips.remove(&slot).is_some());
        // Two slots to a node.
        let node = NodeId(slot / 2);
        self.event(Event::SlotUp { slot: SlotId(slot), node, speed, start_seconds: Some(0.6) });
    }

    fn event(&mut self, event: Event) {
        self.last = Some(event.clone());
        if self.now < LATEST {
            self.latest = self.latest.max(self.now);
        }
        if let Event::NodeOut { node, .. } = &event {
            self.deeds.lost += self.strips.keys().filter(|slot| **slot / 2 == node.0).count() as u64;
        }
        for action in self.scheduler.handle(self.now, event) {
            self.note(action);
        }
        let bound = self.deeds.bound(&self.job, self.alive.len(), self.first_runs);
        let allowed = self.scheduler.start_bound();
        if self.starts > bound {
            self.wrong
                .get_or_insert(format!("{} starts, at most {bound} by what was done: {:?}", self.starts, self.deeds));
        }
        if allowed > bound {
            let counts = self.scheduler.counts();
            self.wrong.get_or_insert(format!(
                "it allows itself {allowed} starts, {bound} by what was done: {:?}, {counts:?}",
                self.deeds
            ));
        }
    }

    fn note(&mut self, action: Action) {
        match action {
            Action::Start { slot, lease, rows, block_rows, .. } => {
                self.starts += 1;
                self.check_start(slot.0, lease, rows);
                let strip = Strip { lease, end: rows.end, at: rows.start, block: block_rows };
                self.strips.insert(slot.0, strip);
                self.leases.insert(lease, rows);
            }
            Action::Shrink { slot, lease, epoch, new_end } => {
                if self.job.sharing != Sharing::Rows {
                    self.wrong.get_or_insert("a whole lease was to be shrunk".to_owned());
                }
                self.deeds.shrinks += 1;
                // Until it has answered.
                self.deeds.silent.insert((lease, epoch));
                self.shrinks.push(Shrink { slot: slot.0, lease, epoch, new_end, asked: self.latest });
            }
            Action::Settle { lease, rows } => {
                if !self.leases.get(&lease).is_some_and(|lease| lease.contains(rows)) {
                    self.wrong.get_or_insert(format!("{rows} settled by a lease without them"));
                }
                for row in rows.start..rows.end {
                    if std::mem::replace(&mut self.settled[row as usize], true) {
                        self.wrong.get_or_insert(format!("row {row} was settled twice"));
                    }
                }
            }
            Action::GiveUp { slot, lease, reason } => {
                self.deeds.stood_still += u64::from(reason == GiveUpReason::Stuck);
                self.cancelled.push((slot.0, lease));
            }
            Action::Rest { .. } | Action::Stuck { .. } => {}
            Action::Finished => {
                if self.settled.contains(&false) {
                    self.wrong.get_or_insert("finished with rows to do".to_owned());
                }
                self.finished = true;
            }
        }
    }

    fn check_start(&mut self, slot: u32, lease: LeaseId, rows: Rows) {
        let on_grid = |row: u32| {
            let phase = i64::from(row) - i64::from(self.job.band_origin);
            row == self.job.rows.start
                || row == self.job.rows.end
                || phase.rem_euclid(i64::from(self.job.fine_rows)) == 0
        };
        let wrong = if rows.is_empty() || !self.job.rows.contains(rows) {
            Some("outside of the job")
        } else if !(on_grid(rows.start) && on_grid(rows.end)) {
            Some("not at a boundary")
        } else if self.strips.contains_key(&slot) {
            Some("on a slot that has a strip")
        } else if self.alive.get(&slot) != Some(&true) {
            Some("on a slot that is lost")
        } else if self.leases.contains_key(&lease) {
            Some("under a number that was used")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            self.wrong.get_or_insert(format!("{rows} started {wrong}"));
        }
    }

    fn busy(&self, pick: u32) -> Option<u32> {
        let count = self.strips.len();
        (count > 0).then(|| self.strips.keys().nth(pick as usize % count).copied()).flatten()
    }

    fn living(&self, pick: u32) -> Option<u32> {
        let living: Vec<u32> = self.alive.iter().filter(|(_, alive)| **alive).map(|(&slot, _)| slot).collect();
        (!living.is_empty()).then(|| living[pick as usize % living.len()])
    }

    pub fn play(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Trace { slot } => {
                if let Some(slot) = self.busy(slot) {
                    self.now += 0.1;
                    self.trace(slot);
                }
            }
            Step::Band { slot, cost } => {
                if let Some(slot) = self.busy(slot) {
                    self.now += 0.1;
                    self.band(slot, cost);
                }
            }
            Step::Complete { slot } => {
                if let Some(slot) = self.busy(slot) {
                    self.now += 0.5;
                    self.complete(slot);
                }
            }
            Step::Answer { pick } => self.answer(pick),
            Step::DropAnswer { pick } => {
                if !self.shrinks.is_empty() {
                    self.shrinks.remove(pick as usize % self.shrinks.len());
                }
            }
            Step::Lose { slot } => {
                if let Some(slot) = self.living(slot) {
                    self.alive.insert(slot, false);
                    self.deeds.lost += u64::from(self.strips.remove(&slot).is_some());
                    self.event(Event::SlotLost { slot: SlotId(slot) });
                }
            }
            Step::Up { slot, speed } => self.up(slot % 14, speed),
            Step::Fail { slot } => {
                if let Some(slot) = self.busy(slot)
                    && let Some(strip) = self.strips.remove(&slot)
                {
                    self.deeds.failed += 1;
                    let reason = "it was killed".to_owned();
                    self.event(Event::StripFailed { slot: SlotId(slot), lease: strip.lease, reason });
                }
            }
            Step::Yield { slot } => {
                if let Some(slot) = self.busy(slot)
                    && let Some(strip) = self.strips.remove(&slot)
                {
                    self.deeds.yielded += 1;
                    self.event(Event::StripYielded { slot: SlotId(slot), lease: strip.lease });
                }
            }
            Step::NodeOut { node } => {
                self.event(Event::NodeOut { node: NodeId(node % 7), reason: "wrong".to_owned() });
            }
            Step::NodeDrain { node } => {
                self.event(Event::NodeDrain { node: NodeId(node % 7), reason: "not fit".to_owned() });
            }
            Step::NodeBack { node } => self.event(Event::NodeBack { node: NodeId(node % 7) }),
            Step::Elsewhere { start, len } => self.elsewhere(start, len),
            Step::Refuse { start, len } => self.refuse(start, len),
            Step::Wait { seconds } => self.wait(seconds),
            Step::Map { costs } => self.event(Event::CostMap(CostMap { costs, seconds: None, load: None })),
            Step::Nonsense { numbers } => self.nonsense(numbers),
            Step::Repeat => {
                // A slot that comes up again is another story.
                if let Some(event) = self.last.clone()
                    && !matches!(event, Event::SlotUp { .. } | Event::RowsRefused { .. })
                {
                    self.event(event);
                }
            }
        }
        self.cancel();
        self.wrong.clone().map_or(Ok(()), Err)
    }

    /// Its strip has parsed.
    fn trace(&mut self, slot: u32) {
        if self.strips.contains_key(&slot) {
            self.event(Event::StartCost { slot: SlotId(slot), seconds: 0.5 });
        }
    }

    fn band(&mut self, slot: u32, cost_seconds: f64) {
        let Some(strip) = self.strips.get_mut(&slot) else {
            return;
        };
        let rows = Rows::new(strip.at, (strip.at + strip.block).min(strip.end));
        strip.at = rows.end;
        let (lease, ended) = (strip.lease, strip.at >= strip.end);
        if ended {
            self.strips.remove(&slot);
        }
        let slot = SlotId(slot);
        self.event(Event::RowsDone { slot, lease, rows, cost_seconds, ahead_seconds: 0.0 });
        if ended {
            self.event(Event::StripEnded { slot, lease });
        }
    }

    fn complete(&mut self, slot: u32) {
        if let Some(strip) = self.strips.get(&slot).copied() {
            while self.strips.get(&slot).is_some_and(|now| now.lease == strip.lease) {
                self.band(slot, 0.3);
            }
        }
    }

    fn answer(&mut self, pick: u32) {
        if self.shrinks.is_empty() {
            return;
        }
        let shrink = self.shrinks.remove(pick as usize % self.shrinks.len());
        let Some(strip) = self.strips.get_mut(&shrink.slot) else {
            return;
        };
        if strip.lease != shrink.lease {
            return;
        }
        // The agent decides: the wish, or a block more, or nothing.
        let least = (strip.at + strip.block).min(strip.end);
        let wish = match pick % 5 {
            0 => strip.end,
            1 => shrink.new_end.saturating_add(strip.block),
            _ => shrink.new_end,
        };
        let before = strip.end;
        strip.end = wish.clamp(least, strip.end);
        let end = strip.end;
        if end < before && self.latest < deadline(shrink.asked) {
            self.deeds.silent.remove(&(shrink.lease, shrink.epoch));
        }
        self.event(Event::ShrinkAnswered { lease: shrink.lease, epoch: shrink.epoch, end });
    }

    /// Agents end what they were told to give up.
    fn cancel(&mut self) {
        while let Some((slot, lease)) = self.cancelled.pop() {
            if self.strips.get(&slot).is_some_and(|strip| strip.lease == lease) {
                self.strips.remove(&slot);
                let reason = "cancelled".to_owned();
                self.event(Event::StripFailed { slot: SlotId(slot), lease, reason });
            }
        }
    }

    fn elsewhere(&mut self, start: u32, len: u32) {
        let end = start.saturating_add(len).min(self.job.height);
        for row in start.min(end)..end {
            self.settled[row as usize] = true;
        }
        self.event(Event::RowsSettledElsewhere { rows: Rows::new(start, end) });
    }

    fn refuse(&mut self, start: u32, len: u32) {
        let rows = Rows::new(start.max(self.job.rows.start), start.saturating_add(len).min(self.job.rows.end));
        for gone in runs(rows, |row| self.settled[row as usize]) {
            let touches = |strip: &&Strip| {
                self.leases.get(&strip.lease).is_some_and(|lease| lease.start < gone.end && gone.start < lease.end)
            };
            self.deeds.refused += 2 * (1 + self.strips.values().filter(touches).count() as u64);
        }
        for row in rows.start..rows.end.max(rows.start) {
            self.settled[row as usize] = false;
        }
        self.finished &= rows.is_empty();
        self.event(Event::RowsRefused { rows });
    }

    fn wait(&mut self, seconds: f64) {
        let until = self.now + seconds;
        while let Some(wake) = self.scheduler.next_wake()
            && wake < until
        {
            self.now = self.now.max(wake);
            self.event(Event::Tick);
            self.cancel();
        }
        self.now = until;
        self.event(Event::Tick);
    }

    fn nonsense(&mut self, [kind, a, b, c, d, e]: [u32; 6]) {
        let slot = SlotId(a % 16);
        // A number that was never given, or one of a strip on another slot.
        let lease = LeaseId(u64::from(b) + 1_000_000);
        let other = self.strips.iter().find(|(id, _)| **id != slot.0).map(|(_, strip)| strip.lease);
        let rows = Rows::new(c, d);
        let odd = f64::from_bits(u64::from(e) << 32 | u64::from(d));
        let event = match kind % 14 {
            0 => Event::RowsDone { slot, lease, rows, cost_seconds: odd, ahead_seconds: odd },
            1 => Event::StripEnded { slot, lease },
            2 => Event::StripFailed { slot, lease, reason: String::new() },
            3 => Event::ShrinkAnswered { lease, epoch: c, end: d },
            4 => Event::SlotLost { slot: SlotId(a.max(100)) },
            5 => Event::StartCost { slot, seconds: odd },
            6 => Event::SlotSlow { slot, factor: odd },
            7 => Event::Progress { slot, lease, end: d, cost_seconds: odd },
            8 => Event::SlotIdle { slot },
            9 => Event::StripEnded { slot, lease: other.unwrap_or(lease) },
            10 => Event::RowsDone { slot, lease: other.unwrap_or(lease), rows, cost_seconds: 1.0, ahead_seconds: 1.0 },
            11 => Event::StripYielded { slot, lease },
            12 => Event::StripYielded { slot, lease: other.unwrap_or(lease) },
            _ => {
                // A stale epoch of a live strip.
                let live = self.strips.values().next().map_or(lease, |strip| strip.lease);
                Event::ShrinkAnswered { lease: live, epoch: c.max(1000), end: d }
            }
        };
        let now = self.now;
        if e % 3 == 0 {
            self.now = odd;
        }
        self.event(event);
        self.now = now;
    }

    /// From now on all goes well: the job must come to its end.
    pub fn behave(&mut self) -> Result<(), String> {
        self.all_come_back();
        if !self.alive.values().any(|alive| *alive) {
            self.up(0, 1.0);
        }
        self.come_to_the_end(&BTreeSet::new())
    }

    /// From now on the POV-Rays that run stand still for ever, though their agents live; all but one slot may have such a one.
    /// What is begun from now on goes well: the job must come to its end.
    pub fn outlast(&mut self, well: u32) -> Result<(), String> {
        self.all_come_back();
        let Some(well) = self.living(well) else {
            return Ok(());
        };
        let others = self.strips.iter().filter(|(slot, _)| **slot != well);
        let mute = others.map(|(_, strip)| strip.lease).collect();
        self.come_to_the_end(&mute)
    }

    fn all_come_back(&mut self) {
        for node in 0..7 {
            self.event(Event::NodeBack { node: NodeId(node) });
        }
    }

    /// Nothing is heard any more of the strips in `mute`; all others go well.
    fn come_to_the_end(&mut self, mute: &BTreeSet<LeaseId>) -> Result<(), String> {
        for left in (0..200_000).rev() {
            self.cancel();
            if let Some(wrong) = &self.wrong {
                return Err(wrong.clone());
            }
            if self.finished {
                return Ok(());
            }
            self.shrinks.retain(|shrink| !mute.contains(&shrink.lease));
            if !self.shrinks.is_empty() {
                self.answer(2);
            }
            self.now += 0.05;
            let works = |strip: &Strip| !mute.contains(&strip.lease);
            let at_work: Vec<u32> =
                self.strips.iter().filter(|(_, strip)| works(strip)).map(|(&slot, _)| slot).collect();
            if let Some(&slot) = at_work.get(left % at_work.len().max(1)) {
                self.trace(slot);
                self.band(slot, 0.05);
            } else {
                let wake = self.scheduler.next_wake().filter(|wake| *wake < LATEST / 2.0);
                self.wait(wake.map_or(1.0, |wake| (wake - self.now).max(0.0) + 1.0));
            }
        }
        let rows = self.settled.iter().filter(|settled| !**settled).count();
        let counts = self.scheduler.counts();
        Err(format!("no end: {rows} rows are left, strips {:?}, mute: {mute:?}, {counts:?}", self.strips))
    }
}

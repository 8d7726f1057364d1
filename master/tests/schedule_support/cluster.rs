//! A cluster made of nothing: tests say what its slots do and read what the scheduler wants.

use std::collections::BTreeMap;
use std::ops::Range;

use td::schedule::{Action, CostMap, Event, Job, LeaseId, NodeId, Scheduler, SlotId, Tuning};
use td_protocol::rows::Rows;

/// Slots are numbered from 0; each is its own node unless told otherwise.
pub struct Cluster {
    pub scheduler: Scheduler,
    now: f64,
    strips: BTreeMap<u32, Strip>,
    said: Vec<String>,
}

#[derive(Clone, Copy)]
struct Strip {
    lease: LeaseId,
    next: u32,
    end: u32,
    epoch: u32,
}

impl Cluster {
    /// A cluster of slots with these speeds that has begun.
    pub fn new(job: Job, speeds: &[f64]) -> Self {
        let mut cluster = Self::gathering(job);
        for (slot, &speed) in (0..).zip(speeds) {
            cluster.up(slot, slot, speed);
        }
        cluster.begin();
        cluster
    }

    /// As [`Self::new`], of slots that have told what a start of POV-Ray costs there.
    pub fn with_start(job: Job, speeds: &[f64], start_seconds: f64) -> Self {
        let mut cluster = Self::gathering(job);
        for (slot, &speed) in (0..).zip(speeds) {
            let start_seconds = Some(start_seconds);
            cluster.event(Event::SlotUp { slot: SlotId(slot), node: NodeId(slot), speed, start_seconds });
        }
        cluster.begin();
        cluster
    }

    pub fn gathering(job: Job) -> Self {
        let scheduler = Scheduler::new(job, Tuning::default()).unwrap();
        Self { scheduler, now: 0.0, strips: BTreeMap::new(), said: Vec::new() }
    }

    pub fn begin(&mut self) {
        self.event(Event::Begin);
    }

    pub fn up(&mut self, slot: u32, node: u32, speed: f64) {
        self.event(Event::SlotUp { slot: SlotId(slot), node: NodeId(node), speed, start_seconds: None });
    }

    /// Time passes; timers go off as a master would let them.
    pub fn at(&mut self, now: f64) -> &mut Self {
        while let Some(wake) = self.scheduler.next_wake()
            && wake < now
        {
            self.now = wake;
            self.event(Event::Tick);
        }
        self.now = now;
        self.event(Event::Tick);
        self
    }

    pub fn event(&mut self, event: Event) {
        for action in self.scheduler.handle(self.now, event) {
            self.note(&action);
        }
    }

    fn note(&mut self, action: &Action) {
        let text = match *action {
            Action::Start { slot, lease, rows, copy, .. } => {
                let strip = Strip { lease, next: rows.start, end: rows.end, epoch: 0 };
                self.strips.insert(slot.0, strip);
                let what = if copy { "copy" } else { "start" };
                format!("{what} {}..{} on {}", rows.start, rows.end, slot.0)
            }
            Action::Shrink { slot, epoch, new_end, .. } => {
                if let Some(strip) = self.strips.get_mut(&slot.0) {
                    strip.epoch = epoch;
                }
                format!("shrink {} to {new_end}", slot.0)
            }
            Action::Settle { rows, .. } => format!("settle {}..{}", rows.start, rows.end),
            Action::GiveUp { slot, reason, .. } => format!("give up on {}: {reason}", slot.0),
            Action::Rest { node, ref reason } => format!("rest {}: {reason}", node.0),
            Action::Finished => "finished".to_owned(),
            Action::Stuck { reason } => format!("stuck: {reason}"),
        };
        self.said.push(text);
    }

    /// What the scheduler has said since last asked.
    pub fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// As [`Self::said`], without the rows that were settled.
    pub fn orders(&mut self) -> Vec<String> {
        self.said().into_iter().filter(|text| !text.starts_with("settle")).collect()
    }

    /// Whether the slot has rows to render.
    pub fn is_busy(&self, slot: u32) -> bool {
        self.strips.contains_key(&slot)
    }

    fn strip(&self, slot: u32) -> Strip {
        *self.strips.get(&slot).unwrap_or_else(|| panic!("slot {slot} has no strip"))
    }

    /// The slot's strip has parsed.
    pub fn traces(&mut self, slot: u32, seconds: f64) {
        self.event(Event::StartCost { slot: SlotId(slot), seconds });
    }

    /// The slot's strip has rendered these rows, all of its time CPU time.
    pub fn renders(&mut self, slot: u32, rows: Range<u32>) {
        self.renders_with(slot, rows, 0.0);
    }

    /// As [`Self::renders`], with so many CPU seconds.
    pub fn renders_with(&mut self, slot: u32, rows: Range<u32>, cost_seconds: f64) {
        let lease = self.strip(slot).lease;
        self.event(Event::RowsDone {
            slot: SlotId(slot),
            lease,
            rows: Rows::new(rows.start, rows.end),
            cost_seconds,
            ahead_seconds: 0.0,
        });
        if let Some(strip) = self.strips.get_mut(&slot) {
            strip.next = rows.end;
        }
    }

    /// The slot's strip has finished this share of the blocks at work, with so many CPU seconds.
    pub fn works(&mut self, slot: u32, done: f64, cost_seconds: f64) {
        let lease = self.strip(slot).lease;
        self.event(Event::Working { slot: SlotId(slot), lease, done, cost_seconds });
    }

    /// The slot's strip renders the rest of its rows and ends.
    pub fn completes(&mut self, slot: u32) {
        let strip = self.strip(slot);
        if strip.next < strip.end {
            self.renders(slot, strip.next..strip.end);
        }
        self.ends(slot);
    }

    pub fn ends(&mut self, slot: u32) {
        let lease = self.strip(slot).lease;
        self.strips.remove(&slot);
        self.event(Event::StripEnded { slot: SlotId(slot), lease });
    }

    /// The agent ends the strip where it is, for another job.
    pub fn yields(&mut self, slot: u32) {
        let lease = self.strip(slot).lease;
        self.event(Event::StripYielded { slot: SlotId(slot), lease });
    }

    pub fn fails(&mut self, slot: u32, reason: &str) {
        let lease = self.strip(slot).lease;
        self.event(Event::StripFailed { slot: SlotId(slot), lease, reason: reason.to_owned() });
    }

    pub fn lost(&mut self, slot: u32) {
        self.event(Event::SlotLost { slot: SlotId(slot) });
    }

    /// The agent accepts this end.
    pub fn answers(&mut self, slot: u32, end: u32) {
        let strip = self.strip(slot);
        if let Some(strip) = self.strips.get_mut(&slot) {
            strip.end = end;
        }
        self.event(Event::ShrinkAnswered { lease: strip.lease, epoch: strip.epoch, end });
    }

    pub fn map(&mut self, costs: &[f64]) {
        self.event(Event::CostMap(CostMap { costs: costs.to_vec(), seconds: None, load: None }));
    }
}

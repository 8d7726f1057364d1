//! The agents' side of a simulation: what they do when they hear from the master, and what befalls them.

use crate::schedule::{Event, LeaseId, SlotId};

use super::engine::Engine;
use super::faults::Fault;
use super::happening::Happening;
use super::node::Step;
use super::options::Told;
use super::outcome::SimEventKind;

/// Silence after which a node counts as lost, in seconds.
const PATIENCE: f64 = 5.0;
/// An agent tells so often how far the block at work is, in seconds.
const LOOK: f64 = 1.0;

impl Engine<'_> {
    pub(super) fn agent_hears(&mut self, id: u32, happening: Happening) {
        let node = &mut self.nodes[id as usize];
        node.work_until(self.now);
        match happening {
            Happening::Start { lease, rows, block, .. } => {
                node.start(self.now, lease, rows, block, self.options.start);
            }
            Happening::Shrink { lease, epoch, new_end, .. } => {
                if let Some(end) = node.shrink(lease, new_end)
                    && !self.faults.dice.chance(self.faults.lost)
                {
                    let late = self.faults.dice.chance(self.faults.late);
                    let delay = if late { self.faults.dice.between(0.0, 4.0) } else { 0.0 };
                    self.send_later(id, Event::ShrinkAnswered { lease, epoch, end }, delay);
                }
            }
            Happening::GiveUp { lease, .. } if node.strip.is_some_and(|strip| strip.lease == lease) => {
                node.strip = None;
                let reason = "cancelled".to_owned();
                let slot = SlotId(id);
                self.send(id, Event::StripFailed { slot, lease, reason });
            }
            _ => {}
        }
        self.plan_step(id);
    }

    /// Plans the node's next step; whatever was planned before is void.
    fn plan_step(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        node.plan += 1;
        let plan = node.plan;
        if let Some(seconds) = node.until_step() {
            self.plan(self.now + seconds, Happening::Step { node: id, plan });
        }
    }

    pub(super) fn step(&mut self, id: u32, plan: u64) {
        let node = &mut self.nodes[id as usize];
        if node.plan != plan {
            return;
        }
        node.work_until(self.now);
        let Some(strip) = node.strip else { return };
        let step = node.step(&self.picture, self.options.write, self.options.start, self.options.height());
        let ended = node.ended(step);
        if ended {
            node.strip = None;
        }
        let (slot, lease) = (SlotId(id), strip.lease);
        match step {
            Step::Traces => {
                self.tell(id, SimEventKind::Tracing, strip.rows);
                self.send(id, Event::StartCost { slot, seconds: self.options.start });
                if self.options.told == Told::All {
                    self.plan(self.now + LOOK, Happening::Look { node: id, lease });
                }
            }
            Step::Rows(rows, cost_seconds) => {
                self.send(id, Event::RowsDone { slot, lease, rows, cost_seconds, ahead_seconds: 0.0 });
            }
            Step::Progress(end, cost_seconds) => {
                self.send(id, Event::Progress { slot, lease, end, cost_seconds });
            }
            Step::Goes => {}
        }
        if ended {
            self.send(id, Event::StripEnded { slot, lease });
        }
        self.plan_step(id);
    }

    /// The agent tells how far the block at work is.
    pub(super) fn look(&mut self, id: u32, lease: LeaseId) {
        let node = &mut self.nodes[id as usize];
        if node.dead || node.strip.is_none_or(|strip| strip.lease != lease) {
            return;
        }
        node.work_until(self.now);
        if let Some((done, cost_seconds)) = node.working(&self.picture) {
            self.send(id, Event::Working { slot: SlotId(id), lease, done, cost_seconds });
        }
        self.plan(self.now + LOOK, Happening::Look { node: id, lease });
    }

    fn send(&mut self, id: u32, event: Event) {
        self.send_later(id, event, 0.0);
    }

    fn send_later(&mut self, id: u32, event: Event, delay: f64) {
        if self.faults.dice.chance(self.faults.repeated) {
            let again = self.now + delay + self.options.latency + self.faults.dice.between(0.0, 10.0);
            self.plan(again, Happening::Heard(event.clone()));
        }
        if self.nodes[id as usize].cut {
            self.held[id as usize].push(Happening::Heard(event));
        } else {
            self.plan(self.now + delay + self.options.latency, Happening::Heard(event));
        }
    }

    pub(super) fn fault(&mut self, id: u32, fault: Fault) {
        let now = self.now;
        let node = &mut self.nodes[id as usize];
        node.work_until(now);
        let before = node.speed_now();
        match fault {
            Fault::Dies => {
                node.dead = true;
                node.strip = None;
            }
            Fault::Returns => node.dead = false,
            Fault::Speed(factor) => node.factor = factor,
            Fault::Share(factor) => node.share = factor,
            Fault::Stops => node.stopped = true,
            Fault::Continues => node.stopped = false,
            Fault::Cut => node.cut = true,
            Fault::Mended => node.cut = false,
            Fault::StripFails => {
                if let Some(strip) = node.strip.take_if(|_| !node.dead) {
                    let reason = "POV-Ray was killed by signal 9".to_owned();
                    let failed = Event::StripFailed { slot: SlotId(id), lease: strip.lease, reason };
                    self.send(id, failed);
                }
            }
        }
        if let (Fault::Speed(factor), Some(later)) = (fault, self.options.health) {
            let told = Event::SlotSlow { slot: SlotId(id), factor: factor.min(1.0) };
            self.plan(now + later, Happening::Heard(told));
        }
        let after = self.nodes[id as usize].speed_now();
        self.capacity.change(now, after - before);
        self.plan_step(id);
        match fault {
            Fault::Dies | Fault::Cut => {
                self.plan(now + PATIENCE, Happening::Declared { node: id });
            }
            Fault::Returns => self.comes_back(id),
            Fault::Mended => self.mended(id),
            _ => {}
        }
    }

    pub(super) fn declare_lost(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        if node.dead || node.cut {
            node.declared_lost = true;
            self.master_hears(Event::SlotLost { slot: SlotId(id) });
        }
    }

    fn mended(&mut self, id: u32) {
        if self.nodes[id as usize].declared_lost {
            self.comes_back(id);
            return;
        }
        for happening in std::mem::take(&mut self.held[id as usize]) {
            self.plan(self.now, happening);
        }
    }

    fn comes_back(&mut self, id: u32) {
        self.held[id as usize].clear();
        let node = &mut self.nodes[id as usize];
        node.declared_lost = false;
        node.strip = None;
        self.plan_step(id);
        let up = self.up(id);
        self.plan(self.now + self.options.latency, Happening::Heard(up));
    }
}

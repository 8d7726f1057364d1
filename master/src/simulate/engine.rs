//! The clock of a simulation: what happens next, to which node, and what the scheduler says to it.

use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use crate::cpu::{cost_of_looking, thread_cpu};
use crate::schedule::{Action, Event, Job, LeaseId, NodeId, Scheduler, SlotId};
use td_protocol::rows::Rows;

use super::capacity::Capacity;
use super::dice::share_at;
use super::faults::{Fault, FaultPlan};
use super::happening::{Happening, Planned};
use super::node::Node;
use super::options::{OptionsError, SimulateOptions, Told};
use super::outcome::{SimEvent, SimEventKind, Summary};
use super::picture::Picture;
use super::settlement::Settlement;

/// A resting node is told to come back after this many seconds.
const REST: f64 = 30.0;
const NO_ROWS: Rows = Rows::new(0, 0);
/// A simulation that takes so many times its ideal is given up.
const TOO_LONG: f64 = 1000.0;

pub(super) struct Engine<'a> {
    pub(super) options: &'a SimulateOptions,
    pub(super) picture: Picture,
    pub(super) scheduler: Scheduler,
    pub(super) nodes: Vec<Node>,
    /// Messages that wait for a cable.
    pub(super) held: Vec<Vec<Happening>>,
    queue: BinaryHeap<Planned>,
    order: u64,
    pub(super) now: f64,
    pub(super) faults: FaultPlan,
    pub(super) capacity: Capacity,
    settlement: Settlement,
    /// What the master takes each slot to render.
    strips: Vec<Option<(LeaseId, Rows)>>,
    /// Who got each strip: its rows may be settled when the slot has long had another.
    slots: BTreeMap<LeaseId, SlotId>,
    last_settled: f64,
    over: bool,
    actions: Vec<Action>,
    events: u64,
    deciding: Duration,
    /// What measuring one decision adds to it.
    looking: Duration,
    heard: &'a mut dyn FnMut(SimEvent),
}

pub(super) fn run(options: &SimulateOptions, heard: &mut dyn FnMut(SimEvent)) -> Result<Summary, OptionsError> {
    let height = options.height();
    let job = Job {
        band_rows: options.band_rows,
        fine_rows: options.fine_rows,
        sharing: options.sharing,
        write: options.write,
        start_seconds: options.start,
        ..Job::banded(height)
    };
    let span = options.start + options.work;
    let mut engine = Engine {
        options,
        picture: Picture::new(options),
        scheduler: Scheduler::new(job, options.tuning)?,
        nodes: (0..options.nodes).map(|node| Node::new(options.speed(node))).collect(),
        held: (0..options.nodes).map(|_| Vec::new()).collect(),
        queue: BinaryHeap::new(),
        order: 0,
        now: 0.0,
        faults: options.faults.map_or_else(FaultPlan::none, |seed| FaultPlan::random(seed, options.nodes, span)),
        capacity: Capacity::default(),
        settlement: Settlement::new(height),
        strips: vec![None; options.nodes as usize],
        slots: BTreeMap::new(),
        last_settled: 0.0,
        over: false,
        actions: Vec::new(),
        events: 0,
        deciding: Duration::ZERO,
        looking: cost_of_looking(),
        heard,
    };
    engine.set_up();
    engine.play(span * TOO_LONG);
    Ok(engine.summary())
}

impl Engine<'_> {
    fn set_up(&mut self) {
        for (time, node, fault) in std::mem::take(&mut self.faults.faults) {
            self.plan(time, Happening::Fault { node, fault });
        }
        for change in &self.options.changes {
            let fault = if change.share { Fault::Share(change.factor) } else { Fault::Speed(change.factor) };
            self.plan(change.time, Happening::Fault { node: change.node, fault });
        }
        if self.options.kept_map {
            let map = self.picture.kept(self.options.probe_cells);
            self.decide(Event::CostMap(map));
        } else if let Some(time) = self.options.probe_after {
            // At 0 as a probe on the master that the first cut waited for.
            let expected = Event::Expected { seconds: self.picture.expected() };
            let map = Event::CostMap(self.picture.probe(self.options.probe_cells));
            let told = (self.options.told == Told::All).then_some(expected).into_iter().chain([map]);
            for event in told {
                if time > 0.0 {
                    self.plan(time, Happening::Heard(event));
                } else {
                    self.decide(event);
                }
            }
        }
        for node in 0..self.options.nodes {
            self.capacity.change(0.0, self.options.speed(node));
            self.decide(self.up(node));
        }
        self.decide(Event::Begin);
    }

    pub(super) fn up(&self, node: u32) -> Event {
        let error = self.options.speed_error * (2.0 * share_at(self.options.seed ^ 0x51, u64::from(node)) - 1.0);
        let speed = self.options.speed(node) * (1.0 + error);
        Event::SlotUp { slot: SlotId(node), node: NodeId(node), speed, start_seconds: Some(self.options.start) }
    }

    pub(super) fn plan(&mut self, time: f64, happening: Happening) {
        self.order += 1;
        self.queue.push(Planned { time, order: self.order, happening });
    }

    pub(super) fn tell(&mut self, slot: u32, kind: SimEventKind, rows: Rows) {
        (self.heard)(SimEvent { time: self.now, slot, kind, rows });
    }

    /// The slot's strip is over, if it is `lease`; whatever it is without one.
    fn tell_end(&mut self, slot: SlotId, kind: SimEventKind, lease: Option<LeaseId>) {
        let strip = self.strips.get_mut(slot.0 as usize);
        let ended = strip.and_then(|strip| strip.take_if(|(at_work, _)| lease.is_none_or(|lease| lease == *at_work)));
        self.tell(slot.0, kind, ended.map_or(NO_ROWS, |(_, rows)| rows));
    }

    fn play(&mut self, latest: f64) {
        while !self.over {
            // The scheduler's own timers need no place in the queue: only the first counts.
            let wake = self.scheduler.next_wake();
            let next = self.queue.peek().map(|planned| planned.time);
            match (wake, next) {
                (Some(wake), next) if next.is_none_or(|next| wake < next) => {
                    self.now = self.now.max(wake);
                    self.decide(Event::Tick);
                }
                (_, Some(_)) => {
                    let Some(planned) = self.queue.pop() else {
                        return;
                    };
                    self.now = self.now.max(planned.time);
                    self.happens(planned.happening);
                }
                _ => return,
            }
            if self.now > latest {
                return;
            }
        }
    }

    pub(super) fn decide(&mut self, event: Event) {
        let mut actions = std::mem::take(&mut self.actions);
        let begun = thread_cpu();
        self.scheduler.handle_into(self.now, event, &mut actions);
        self.deciding += thread_cpu().saturating_sub(begun).saturating_sub(self.looking);
        self.events += 1;
        for action in actions.drain(..) {
            self.act(action);
        }
        self.actions = actions;
    }

    fn act(&mut self, action: Action) {
        let arrives = self.now + self.options.latency;
        match action {
            Action::Start { slot, lease, rows, block_rows, copy } => {
                let kind = if copy { SimEventKind::Copied } else { SimEventKind::Started };
                self.tell(slot.0, kind, rows);
                if let Some(strip) = self.strips.get_mut(slot.0 as usize) {
                    *strip = Some((lease, rows));
                }
                self.slots.insert(lease, slot);
                self.plan(arrives, Happening::Start { slot, lease, rows, block: block_rows });
            }
            Action::Shrink { slot, lease, epoch, new_end } => {
                if !self.faults.dice.chance(self.faults.lost) {
                    self.plan(arrives, Happening::Shrink { slot, lease, epoch, new_end });
                }
            }
            Action::Settle { lease, rows } => {
                // Rows of a strip that nobody got are nowhere: they stay missing.
                let Some(&slot) = self.slots.get(&lease) else { return };
                for run in self.settlement.settle(rows) {
                    self.tell(slot.0, SimEventKind::Rows, run);
                    self.last_settled = self.now;
                }
            }
            Action::GiveUp { slot, lease, .. } => {
                self.tell_end(slot, SimEventKind::GivenUp, Some(lease));
                self.plan(arrives, Happening::GiveUp { slot, lease });
            }
            Action::Rest { node, .. } => {
                self.tell(node.0, SimEventKind::Rests, NO_ROWS);
                self.plan(self.now + REST, Happening::Heard(Event::NodeBack { node }));
            }
            Action::Finished => self.over = true,
            // Somebody comes back, or the queue runs empty.
            Action::Stuck { .. } => {}
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Heard(event) => self.master_hears(event),
            Happening::Step { node, plan } => self.step(node, plan),
            Happening::Look { node, lease } => self.look(node, lease),
            Happening::Fault { node, fault } => self.fault(node, fault),
            Happening::Declared { node } => self.declare_lost(node),
            Happening::Start { slot, .. } | Happening::Shrink { slot, .. } | Happening::GiveUp { slot, .. } => {
                let node = &self.nodes[slot.0 as usize];
                if node.dead {
                    return;
                }
                if node.cut {
                    self.held[slot.0 as usize].push(happening);
                } else {
                    self.agent_hears(slot.0, happening);
                }
            }
        }
    }

    pub(super) fn master_hears(&mut self, event: Event) {
        match event {
            Event::StripEnded { slot, lease } => self.tell_end(slot, SimEventKind::Ended, Some(lease)),
            Event::StripFailed { slot, lease, .. } => self.tell_end(slot, SimEventKind::Failed, Some(lease)),
            Event::SlotLost { slot } => self.tell_end(slot, SimEventKind::Lost, None),
            Event::SlotUp { slot, .. } => self.tell(slot.0, SimEventKind::Up, NO_ROWS),
            _ => {}
        }
        self.decide(event);
    }

    fn summary(self) -> Summary {
        let counts = self.scheduler.counts();
        let height = self.options.height();
        let cost = self.picture.cost(Rows::new(0, height));
        let ideal = self.capacity.time_for(cost, self.options.start);
        let finished = self.scheduler.finished() && self.settlement.settled == height;
        let rendered: u64 = self.nodes.iter().map(|node| node.rows_rendered).sum();
        Summary {
            nodes: self.options.nodes,
            rows: height,
            finished,
            makespan: self.last_settled,
            ideal,
            efficiency: if finished { ideal / self.last_settled } else { 0.0 },
            starts: counts.starts,
            start_bound: Some(self.scheduler.start_bound()),
            shrinks: counts.shrinks,
            copies: counts.copies,
            losses: counts.losses,
            failures: counts.failures,
            rows_twice: self.settlement.twice,
            rows_forgotten: counts.forgotten_rows,
            rendered_share: rendered as f64 / f64::from(height),
            events: self.events,
            decision_seconds: self.deciding.as_secs_f64(),
        }
    }
}

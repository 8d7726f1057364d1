//! The slots and nodes of a job, and who of them is idle.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{LeaseId, NodeId, SlotId};
use super::moment::Moment;
use super::pace::SlotPace;

/// Slots whose measured speeds differ by no more than this factor count as of one model.
const ONE_MODEL: f64 = 1.1;

/// What a slot does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotState {
    Idle,
    /// Promised the lower part of this lease; waits for the answer.
    Waiting(LeaseId),
    Busy(LeaseId),
    /// Told to give this lease up; not heard of since.
    Stopping(LeaseId),
    Lost,
}

#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub node: NodeId,
    pub pace: SlotPace,
    /// Measured, or told by the agent; else the job's.
    pub start_seconds: Option<f64>,
    pub state: SlotState,
    idle_key: Option<Moment>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    failures: u32,
    resting: bool,
    slots: Vec<SlotId>,
}

/// All slots that were ever up, and the idle ones by speed.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    slots: BTreeMap<SlotId, Slot>,
    nodes: BTreeMap<NodeId, Node>,
    /// Fastest first.
    idle: BTreeSet<(Moment, SlotId)>,
    /// Slots that are not lost and whose node does not rest.
    usable: usize,
    alive: usize,
}

impl Slots {
    pub fn get(&self, slot: SlotId) -> Option<&Slot> {
        self.slots.get(&slot)
    }

    pub fn get_mut(&mut self, slot: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(&slot)
    }

    /// How many slots there ever were.
    pub fn ever(&self) -> usize {
        self.slots.len()
    }

    pub fn usable(&self) -> usize {
        self.usable
    }

    pub fn alive(&self) -> usize {
        self.alive
    }

    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &Slot)> {
        self.slots.iter().map(|(&id, slot)| (id, slot))
    }

    /// A slot appears, or appears again; it is idle.
    pub fn up(&mut self, id: SlotId, node: NodeId, speed: f64, start_seconds: Option<f64>) {
        let start_seconds = start_seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        self.set_state(id, SlotState::Lost);
        if let Some(old) = self.slots.get(&id)
            && let Some(owner) = self.nodes.get_mut(&old.node)
        {
            owner.slots.retain(|&slot| slot != id);
        }
        self.nodes.entry(node).or_default().slots.push(id);
        let slot = Slot { node, pace: SlotPace::new(speed), start_seconds, state: SlotState::Lost, idle_key: None };
        self.slots.insert(id, slot);
        self.set_state(id, SlotState::Idle);
    }

    pub fn set_state(&mut self, id: SlotId, state: SlotState) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let resting = self.nodes.get(&slot.node).is_some_and(|node| node.resting);
        let was_alive = slot.state != SlotState::Lost;
        let is_alive = state != SlotState::Lost;
        slot.state = state;
        if was_alive != is_alive {
            let change = |count: usize| {
                if is_alive { count + 1 } else { count.saturating_sub(1) }
            };
            self.alive = change(self.alive);
            if !resting {
                self.usable = change(self.usable);
            }
        }
        if let Some(key) = slot.idle_key.take() {
            self.idle.remove(&(key, id));
        }
        if state == SlotState::Idle && !resting {
            let key = Moment(-slot.pace.speed_now());
            slot.idle_key = Some(key);
            self.idle.insert((key, id));
        }
    }

    /// See [`SlotPace::rely_on_it`].
    pub fn rely_on_speeds(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.pace.rely_on_it());
    }

    pub fn fastest_idle(&self) -> Option<SlotId> {
        self.idle.first().map(|&(_, slot)| slot)
    }

    pub fn idle_count(&self) -> usize {
        self.idle.len()
    }

    /// Idle slots, fastest first.
    pub fn idle(&self) -> impl Iterator<Item = SlotId> + '_ {
        self.idle.iter().map(|&(_, slot)| slot)
    }

    pub fn resting(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.resting)
    }

    pub fn slots_of(&self, node: NodeId) -> Vec<SlotId> {
        self.nodes.get(&node).map(|node| node.slots.clone()).unwrap_or_default()
    }

    pub fn strip_succeeded(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.failures = 0;
        }
    }

    /// Counts a failed strip; returns how many there were in a row.
    pub fn strip_failed(&mut self, node: NodeId) -> u32 {
        let node = self.nodes.entry(node).or_default();
        node.failures = node.failures.saturating_add(1);
        node.failures
    }

    /// Lets a node rest, or ends its rest.
    pub fn set_resting(&mut self, id: NodeId, resting: bool) {
        let node = self.nodes.entry(id).or_default();
        if !resting {
            node.failures = 0;
        }
        if node.resting == resting {
            return;
        }
        node.resting = resting;
        for id in node.slots.clone() {
            let Some(slot) = self.slots.get(&id) else {
                continue;
            };
            let state = slot.state;
            if state != SlotState::Lost {
                self.usable = if resting { self.usable.saturating_sub(1) } else { self.usable + 1 };
            }
            self.set_state(id, state);
        }
    }

    /// Whether all slots measured about one speed, as machines of one model do. Between models the speeds that were measured
    /// compare less well: one is better at one scene, one at another.
    pub fn of_one_model(&self) -> bool {
        let speeds = || self.slots.values().map(|slot| slot.pace.speed);
        let slowest = speeds().fold(f64::INFINITY, f64::min);
        speeds().all(|speed| speed <= ONE_MODEL * slowest)
    }

    /// Sum of the speeds of all usable slots, as now believed.
    pub fn total_speed(&self) -> f64 {
        self.slots
            .values()
            .filter(|slot| slot.state != SlotState::Lost && !self.resting(slot.node))
            .map(|slot| slot.pace.speed_now())
            .sum()
    }
}

//! What can happen in a simulation, in order of time.

use std::cmp::Ordering;

use td_protocol::rows::Rows;

use crate::schedule::{Event, LeaseId, SlotId};

use super::faults::Fault;

#[derive(Debug)]
pub(super) enum Happening {
    /// Reaches the master.
    Heard(Event),
    /// Reaches the agent.
    Start {
        slot: SlotId,
        lease: LeaseId,
        rows: Rows,
        block: u32,
    },
    Shrink {
        slot: SlotId,
        lease: LeaseId,
        epoch: u32,
        new_end: u32,
    },
    GiveUp {
        slot: SlotId,
        lease: LeaseId,
    },
    /// The step of a node that was planned under this number.
    Step {
        node: u32,
        plan: u64,
    },
    /// The agent tells of the block at work of this strip.
    Look {
        node: u32,
        lease: LeaseId,
    },
    Fault {
        node: u32,
        fault: Fault,
    },
    /// The master has heard nothing of the node for too long.
    Declared {
        node: u32,
    },
}

#[derive(Debug)]
pub(super) struct Planned {
    pub time: f64,
    pub order: u64,
    pub happening: Happening,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    /// The earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.time.total_cmp(&self.time).then(other.order.cmp(&self.order))
    }
}

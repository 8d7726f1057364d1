//! What the render loop hears.

use td_protocol::probe::ProbeReport;

use crate::fleet::client::AgentError;
use crate::render::strips::StripHeard;
use crate::schedule::{LeaseId, NodeId, SlotId};

/// One thing that happened outside of the loop.
#[derive(Debug)]
pub enum Heard {
    Strip {
        slot: SlotId,
        lease: LeaseId,
        what: StripHeard,
    },
    /// An agent's answer to a shrink; `None` when it gave none.
    Shrunk {
        lease: LeaseId,
        epoch: u32,
        end: Option<u32>,
    },
    Probe(Result<ProbeReport, ProbeProblem>),
    /// An agent did not answer for long.
    NodeSilent {
        node: NodeId,
        error: AgentError,
    },
    /// The user pressed Ctrl-C.
    Interrupted,
}

/// Why there is no probe.
#[derive(Debug)]
pub enum ProbeProblem {
    /// POV-Ray did not render it.
    Failed { failure: td_protocol::strip::Failure, message: String, povray: String },
    /// The agent is gone, or its answer is not to be trusted.
    Lost(AgentError),
}

//! What the render loop hears.

use td_protocol::health::Report;
use td_protocol::probe::{ProbeReport, ViewProgress};

use crate::compose::Maker;
use crate::fleet::client::AgentError;
use crate::render::failure::RenderError;
use crate::render::finished::Band;
use crate::render::recall::Returned;
use crate::render::strips::StripHeard;
use crate::render::verify::{NoTestimony, Testimony};
use crate::schedule::{LeaseId, NodeId, SlotId};

/// What a probe tells before it has ended; numbers as in its report.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyCosts {
    pub row_costs: Vec<f64>,
    pub start_cpu: f64,
    pub trace_cpu: f64,
}

/// What a probe tells before its report.
#[derive(Debug, Clone, PartialEq)]
pub enum Early {
    Progress(ViewProgress),
    Costs(EarlyCosts),
}

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
    /// How far the master's own view is.
    ViewProgress(ViewProgress),
    /// Where the cost lies, before the probe's report.
    Costs(EarlyCosts),
    /// The master cannot render the probe itself.
    NoOwnProbe(ProbeProblem),
    /// A node answered a heartbeat, so many seconds after it was asked.
    Beat {
        node: NodeId,
        round_trip: f64,
    },
    /// A heartbeat was not answered.
    BeatMissed {
        node: NodeId,
        reason: String,
    },
    /// What a node says of its health.
    Health {
        node: NodeId,
        report: Box<Report>,
    },
    /// An agent answered that it has nothing to do with this job.
    NodeLost {
        node: NodeId,
        error: AgentError,
    },
    /// What a node says of rows that it rendered again.
    Witness {
        look: u64,
        case: usize,
        witness: Maker,
        what: Result<Testimony, NoTestimony>,
    },
    /// A band that a node had finished before it joined or came back; or why it is not to be had.
    Band {
        node: NodeId,
        band: Result<Box<Band>, String>,
    },
    /// There is no further such band.
    BandsTaken {
        node: NodeId,
    },
    /// What came of calling a lost node back.
    Called {
        node: NodeId,
        result: Box<Result<Returned, RenderError>>,
    },
}

/// Why there is no probe.
#[derive(Debug)]
pub enum ProbeProblem {
    /// POV-Ray did not render it.
    Failed { failure: td_protocol::strip::Failure, message: String, povray: String },
    /// The agent is gone, or its answer is not to be trusted.
    Lost(AgentError),
}

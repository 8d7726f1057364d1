//! Rendering a strip, and what is heard of it while it renders.

use serde::{Deserialize, Serialize};

use crate::rows::Rows;
use crate::segment::SegmentMeta;

/// POV-Ray's working gamma, as far as its floats are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkingGamma {
    /// No gamma handling at all: scenes of version 3.6 and before that set no `assumed_gamma`.
    Off,
    /// `assumed_gamma` with a number; 1.0 where a 3.7 scene sets none.
    Power(f32),
    /// `assumed_gamma srgb`.
    Srgb,
}

/// How rows leave a strip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum Way {
    /// The probe has not told yet: trace, and hold the rows back.
    Undecided,
    /// From the state file, while the trace runs (way a).
    StateFile { working_gamma: WorkingGamma },
    /// By POV-Ray's own writer, after the trace (way b).
    Writer,
}

/// Body of `POST /jobs/ID/strips`; the answer is a stream of frames with [`StripEvent`] headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartStrip {
    /// The lease's number, chosen by the master, never used twice in a job.
    pub lease: u64,
    pub rows: Rows,
    /// Side of POV-Ray's blocks in pixels (`+BS`): 8, 16 or 32. The strip can be shrunk to multiples of it, counted
    /// from its first row.
    pub block_rows: u32,
    pub way: Way,
    /// Whether the agent may end the strip at any band where another job waits for the slot; it says so in
    /// [`StripEvent::Ended`].
    #[serde(default)]
    pub may_yield: bool,
}

/// Body of `POST /jobs/ID/way`: holds for all strips of the job, running and to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetWay {
    pub way: Way,
}

/// Body of `POST /jobs/ID/strips/LEASE/shrink`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shrink {
    /// Raised by the master with each wish; an agent ignores an epoch that is not newer than the last.
    pub epoch: u32,
    /// The first row that the master would like to take away.
    pub new_end: u32,
}

/// The agent's answer to a [`Shrink`]: it alone decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrunk {
    pub epoch: u32,
    /// The end that holds from now on: at least the end of the first unfinished band.
    pub end: u32,
}

/// Why a strip failed, as far as the master has to act differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// POV-Ray refused the scene: it would do so on every node.
    Scene,
    /// POV-Ray was ended by a signal that the agent did not send.
    Killed { signal: i32 },
    /// No progress for `stall_timeout`.
    Stalled,
    /// The scratch folder is full.
    ScratchFull,
    /// POV-Ray cannot be started on this node.
    Povray,
    /// Anything else that went wrong on the node.
    Node,
    /// The master asked for it, or was silent too long.
    Cancelled,
}

/// How far the row of blocks is that is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Working {
    /// The share of its blocks that are, 0 to 1.
    pub done: f64,
    /// CPU seconds that POV-Ray spent since rows were last finished.
    pub cpu: f64,
}

/// What is heard of a strip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum StripEvent {
    /// No rows are new; the agent lives. Sent when nothing else was for about a second.
    Alive {
        /// None before POV-Ray traces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        working: Option<Working>,
    },
    /// POV-Ray has parsed and begins to trace. Said again, before the first rows, where these tell that it set up the trace
    /// first: the start was so much longer.
    Tracing {
        /// Wall seconds that the start of POV-Ray took: also what of it was done before the strip was there, but not how long POV-Ray
        /// waited for that.
        seconds: f64,
        /// CPU seconds until then.
        cpu: f64,
    },
    /// Rows finished so far, from the strip's start, whether sent or not.
    Progress {
        rows: u32,
        /// CPU seconds that POV-Ray spent since rows were last finished.
        #[serde(default)]
        cpu: f64,
    },
    /// A finished segment; the frame's payload is its data.
    Rows {
        segment: SegmentMeta,
        /// CPU seconds that POV-Ray spent since the segment before, and the agent to convert and send its rows.
        cpu: f64,
        /// CPU seconds that POV-Ray has spent since the last of these rows was finished.
        #[serde(default)]
        ahead: f64,
    },
    /// All rows up to `end` were sent; POV-Ray has ended. Last frame.
    Ended {
        end: u32,
        /// CPU seconds of POV-Ray in all.
        cpu: f64,
        /// CPU seconds of the agent's own work on this strip.
        agent_cpu: f64,
        /// CPU seconds of POV-Ray from the end of the trace to its own end: what its writer cost. 0 where the rows left
        /// by the state file.
        write_cpu: f64,
        /// Whether all was read from the state file.
        from_state_file: bool,
        /// Whether it was ended early because another job waited for the slot.
        #[serde(default)]
        yielded: bool,
    },
    /// The strip ended early; what was sent stays good. Last frame.
    Failed {
        failure: Failure,
        /// A sentence for the user.
        message: String,
        /// The last part of what POV-Ray printed.
        povray: String,
    },
}

//! The probe: one small render of the whole view, before and beside the strips.

use serde::{Deserialize, Serialize};

use crate::strip::{Failure, Way, WorkingGamma};

/// Pixels of a small view at most: an agent refuses to render more, for it holds its floats in memory.
pub const MOST_PIXELS: u64 = 1 << 20;

/// POV-Ray's threads for a probe at most.
pub const MOST_THREADS: u32 = 64;

/// Body of `POST /jobs/ID/probe`; the answer is a stream of frames with [`ProbeEvent`] headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartProbe {
    /// Size of the small view, in pixels.
    pub width: u32,
    pub height: u32,
    /// What the scene's text names as `assumed_gamma`: tried first.
    pub gammas: Vec<WorkingGamma>,
    /// Also render the view in uneven strips and compare: is the scene exact when cut?
    pub cut: bool,
    /// POV-Ray's threads (`+WT`) for the view, but not for its strips: 1 to [`MOST_THREADS`].
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub threads: u32,
}

const fn one() -> u32 {
    1
}

// serde asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_one(threads: &u32) -> bool {
    *threads == 1
}

/// A PNG chunk before IDAT, as POV-Ray writes it for the job's options; the data is hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderChunk {
    /// Four letters, such as `gAMA`.
    pub kind: String,
    pub data: String,
}

/// What the probe found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Chunks between IHDR and IDAT, in order.
    pub chunks: Vec<HeaderChunk>,
    /// Way (a) with the working gamma that reproduced POV-Ray's file sample by sample, or way (b).
    pub way: Way,
    /// Why it is way (b); empty for (a).
    pub reason: String,
    /// CPU seconds of each run of rows of the small view, top down, all of equal height (but the last).
    pub row_costs: Vec<f64>,
    /// Rows of the small view that one entry of `row_costs` covers.
    pub rows_per_cost: u32,
    /// Wall seconds from the start of POV-Ray until it traced.
    pub start_seconds: f64,
    /// CPU seconds before it traced.
    pub start_cpu: f64,
    /// CPU seconds of the trace of the small view.
    pub trace_cpu: f64,
    /// Wall seconds of that.
    #[serde(default)]
    pub trace_seconds: f64,
    /// Samples that differ between the view in one go and in strips, when that was asked for.
    pub cut_differences: Option<u64>,
    /// Warnings that POV-Ray printed.
    pub warnings: String,
}

impl ProbeReport {
    #[must_use]
    pub fn working_gamma(&self) -> Option<WorkingGamma> {
        match self.way {
            Way::StateFile { working_gamma } => Some(working_gamma),
            Way::Undecided | Way::Writer => None,
        }
    }
}

/// How far a view is that POV-Ray traces.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ViewProgress {
    /// The part of its rows that are traced, 0 to 1.
    pub rows: f64,
    /// Wall seconds that they took.
    pub seconds: f64,
}

/// What is heard of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ProbeEvent {
    Alive {
        /// None where nothing is traced yet, and of older agents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<ViewProgress>,
    },
    /// All is traced, and POV-Ray has still to write: where the cost lies, before the report tells the rest.
    Costs {
        /// As [`ProbeReport::row_costs`].
        row_costs: Vec<f64>,
        /// As [`ProbeReport::start_cpu`]; 0 where it is not told.
        #[serde(default)]
        start_cpu: f64,
        /// As [`ProbeReport::trace_cpu`]; 0 where it is not told.
        #[serde(default)]
        trace_cpu: f64,
    },
    /// Last frame.
    Done(ProbeReport),
    /// Last frame.
    Failed { failure: Failure, message: String, povray: String },
}

/// Body of `POST /jobs/ID/first-pass`: a render of the whole view that only saves radiosity samples.
/// The answer is a stream of frames with [`FirstPassEvent`] headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartFirstPass {
    /// Size of the view, in pixels.
    pub width: u32,
    pub height: u32,
}

/// What is heard of a first pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FirstPassEvent {
    Alive,
    /// The next piece of the radiosity file, as the frame's payload.
    Piece,
    /// Last frame.
    Done {
        cpu: f64,
    },
    /// Last frame.
    Failed {
        failure: Failure,
        message: String,
        povray: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_tells_no_progress_and_who_knows_of_none_are_understood() {
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(tag = "event", rename_all = "snake_case")]
        enum Older {
            Alive,
        }
        let without = ProbeEvent::Alive { progress: None };
        assert_eq!(serde_json::to_string(&without).unwrap(), r#"{"event":"alive"}"#);
        assert_eq!(serde_json::from_str::<ProbeEvent>(r#"{"event":"alive"}"#).unwrap(), without);
        let with = ProbeEvent::Alive { progress: Some(ViewProgress { rows: 0.5, seconds: 1.5 }) };
        assert_eq!(serde_json::from_str::<Older>(&serde_json::to_string(&with).unwrap()).unwrap(), Older::Alive);
    }

    #[test]
    fn one_thread_is_not_said_and_is_what_is_meant_where_nothing_is_said() {
        let start = StartProbe { width: 64, height: 48, gammas: Vec::new(), cut: false, threads: 1 };
        let text = serde_json::to_string(&start).unwrap();
        assert!(!text.contains("threads"), "an older agent refuses what it does not know: {text}");
        assert_eq!(serde_json::from_str::<StartProbe>(&text).unwrap(), start);
        let two = StartProbe { threads: 2, ..start };
        assert_eq!(serde_json::from_str::<StartProbe>(&serde_json::to_string(&two).unwrap()).unwrap(), two);
    }
}

//! What a node says of its health. It says facts only: which of them are too high or too low is the master's to say, by the
//! inventory's thresholds.
//!
//! Each field is optional and none is ever taken away: what an older agent does not know to say, and what a node has no
//! means to find out, is absent, and a check that needs it says `unsupported`.

mod look;
pub mod metrics;
mod probed;
mod sample;

use serde::{Deserialize, Serialize};

pub use look::{Disk, Load, Look, Memory, Place};
pub use probed::{Fast, Firmware, Link, Probed, RenderTrial, ShareTrial, Slow};
pub use sample::{History, Sample};

use crate::hello::PovrayState;

/// The form's version. New fields do not raise it.
pub const VERSION: u32 = 1;

/// Answer to `GET /health`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// td's version of the agent.
    pub td: String,
    /// The node's name.
    pub name: String,
    /// The node's clock as it answered, seconds since 1970.
    pub clock: Option<f64>,
    pub slots: Option<u32>,
    /// Slots in which POV-Ray runs.
    pub busy: Option<u32>,
    /// None while the agent has not found out.
    pub povray: Option<PovrayState>,
    /// The end of the node's certificate, seconds since 1970. None without TLS.
    pub certificate_end: Option<f64>,
    /// What the agent sees by itself, without any rights.
    pub look: Look,
    /// Why `look` and `probed` say nothing this time, a sentence: the node could not look at itself in time. None where it
    /// could.
    pub look_problem: Option<String>,
    /// What `td-agent probe` saw as root, when it last ran.
    pub probed: Option<Probed>,
    /// Why there is nothing in `probed`: a sentence.
    pub unprobed: Option<String>,
    /// Whether the agent was told to stop before the boot before this one ended; `false`: the power went, or the kernel.
    /// None in the first boot that it sees.
    pub shut_down_in_order: Option<bool>,
    /// Bytes per second with which a file of some MB came onto the cache's disk; only where it was asked for (`deep`).
    pub write_rate: Option<f64>,
    /// Why there is no `write_rate` where it was asked for: a sentence.
    pub write_problem: Option<String>,
    /// Seconds since the two halves of `probed` were seen.
    pub fast_age: Option<f64>,
    pub slow_age: Option<f64>,
}

// The agent's texts are made and read here, and not by its own code: this crate is built for size, and what serde makes for
// so many fields is large.
impl Report {
    /// As JSON.
    #[must_use]
    #[inline(never)]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Probed {
    /// As JSON.
    #[must_use]
    #[inline(never)]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From JSON.
    ///
    /// # Errors
    /// When it is none, or not of this form.
    #[inline(never)]
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl History {
    /// As JSON.
    #[must_use]
    #[inline(never)]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

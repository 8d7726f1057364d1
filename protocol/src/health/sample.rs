//! A day of samples.

use serde::{Deserialize, Serialize};

/// Answer to `GET /health/history?since=SECONDS`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// [`super::VERSION`].
    pub version: u32,
    /// The node's clock as it answered, seconds since 1970.
    pub now: f64,
    /// Seconds from one sample to the next.
    pub every: f64,
    /// Oldest first. Gaps are times at which the agent did not run.
    pub samples: Vec<Sample>,
}

/// What is kept of a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Seconds since 1970.
    pub at: f64,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// Load of the last minute.
    pub load: Option<f64>,
    /// Bytes.
    pub memory_available: Option<u64>,
    pub swap_used: Option<u64>,
    /// Hz.
    pub arm_clock: Option<f64>,
    /// The firmware's bits, as [`super::Firmware::throttled`].
    pub throttled: Option<u32>,
    /// Slots in which POV-Ray ran.
    pub busy: Option<u32>,
    /// Bytes free for scratch files.
    pub scratch_free: Option<u64>,
}

//! What one run of the probe leaves for the next, in a file of its own that is gone with the boot.

use serde::{Deserialize, Serialize};
use td_protocol::health::ShareTrial;

use super::kernel_log::Told;
use crate::health::children::Left;

/// Beside the probe's file, for root alone.
pub const FILE: &str = "/run/td/probe-state.json";

/// Carried from run to run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// In which boot: another one's state is as none.
    pub boot_id: String,
    /// Children that hang.
    pub left: Vec<Left>,
    pub kernel_log: Told,
    /// What only a boot can change.
    pub gpu_mem: Option<u32>,
    pub arm_freq: Option<u32>,
    /// What was last found of the share, when (boot clock, seconds), and how often it failed by then, one after the other.
    pub share: Option<ShareTrial>,
    pub share_tried: f64,
    pub share_failures: u32,
    /// Since when (boot clock, seconds) it has not answered.
    pub share_silent: Option<f64>,
    /// What the slow half was last seen of, and when it was begun (boot clock, seconds).
    pub slow_of: String,
    pub slow_begun: f64,
}

impl State {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From JSON; none of what a killed probe or another version left.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

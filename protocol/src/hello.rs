//! An agent's first answer: who it is and what it can do.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::share::ShareRole;

/// Nodes may draw one exact picture together only when these are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint {
    /// POV-Ray's version without a packager's rebuild suffix, such as `3.7.0.10`.
    pub povray: String,
    /// Bits of a pointer in POV-Ray's binary: 32 and 64 draw other procedural textures.
    pub word_size: u32,
    /// Hash of the samples of a small scene of noise and trigonometry, as this node's POV-Ray drew it.
    pub picture: ContentHash,
}

/// The state of POV-Ray on a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PovrayState {
    /// It rendered the fingerprint scene.
    Ready {
        fingerprint: Fingerprint,
        /// Whether rows read from the state file equalled POV-Ray's own file on the fingerprint scene.
        state_file_proven: bool,
        /// Fingerprint scenes per CPU second: only good for comparing nodes.
        speed: f64,
    },
    /// There is no POV-Ray, or one that td does not know, or it does not run. The sentence says what to do.
    Unusable { message: String },
}

/// Answer to `GET /hello`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::version::PROTOCOL`] of the agent.
    pub protocol: u32,
    /// td's version of the agent.
    pub td: String,
    /// The node's name.
    pub name: String,
    pub slots: u32,
    pub povray: PovrayState,
    /// Free memory, bytes (`MemAvailable`).
    pub memory_available: u64,
    /// Free room for scratch files, bytes.
    pub scratch_available: u64,
    /// What it does with the cluster's share, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<ShareRole>,
}

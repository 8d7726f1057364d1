//! The cluster's share, an NFS folder: a job's contents go to the server's node once, and the others read them there.

use serde::{Deserialize, Serialize};

/// What an agent does with the share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareRole {
    /// Lays there what it was sent: the share's server.
    Publishes,
    /// Reads there what the server laid there.
    Reads,
}

/// Answer to `POST /jobs/ID/share`: what the agent laid there, or took from there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// Contents.
    pub files: u32,
    /// Their bytes.
    pub bytes: u64,
}

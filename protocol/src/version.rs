//! Versions of what is spoken.

/// The protocol's version. Raised when a master and an agent of different versions could misunderstand each other;
/// new optional fields do not raise it.
pub const PROTOCOL: u32 = 1;

/// The version of how pixels are encoded in segments. Raised when the same pixels would be encoded otherwise: kept bands
/// and the rows of unfinished jobs are then of another kind.
pub const ENCODER: u32 = 1;

/// td's own version, the same in all of its programs.
pub const TD: &str = env!("CARGO_PKG_VERSION");

/// One side is older than the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the agent {agent} speaks version {theirs} of td's protocol, this td speaks version {PROTOCOL}: update {} \
     (td here is {TD}, td-agent there is {their_td})",
    if *theirs < PROTOCOL { format!("td-agent on {agent}") } else { "td on this machine".to_owned() }
)]
pub struct VersionMismatch {
    pub agent: String,
    pub theirs: u32,
    pub their_td: String,
}

/// Checks the version in an agent's first answer.
///
/// # Errors
/// [`VersionMismatch`], a sentence that names both versions and says which side to update.
pub fn check(agent: &str, theirs: u32, their_td: &str) -> Result<(), VersionMismatch> {
    if theirs == PROTOCOL {
        return Ok(());
    }
    Err(VersionMismatch { agent: agent.to_owned(), theirs, their_td: their_td.to_owned() })
}

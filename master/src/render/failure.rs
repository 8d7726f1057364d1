//! Why a render did not come to its picture, and the exit code of each reason.

use std::path::PathBuf;

use td_inventory::credentials::CredentialsError;

use crate::compose::{ComposeError, FormatError, OutputError, SpoolError};
use crate::exit::ExitStatus;
use crate::fleet::client::AgentError;
use crate::fleet::cluster::ClusterError;
use crate::fleet::embedded::EmbeddedError;
use crate::options::OptionErrors;
use crate::render::policy::PolicyError;
use crate::scene::SceneError;

/// What the user is told when a render fails.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Options(#[from] OptionErrors),
    #[error(transparent)]
    Scene(#[from] SceneError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// POV-Ray refused the scene; already told in POV-Ray's own words.
    #[error("{0}")]
    Povray(String),
    #[error("{0}")]
    NoPovray(String),
    #[error("{what} and POV-Ray was stopped; a scene that needs longer is given it with --timeout SECONDS")]
    Stalled { what: String },
    #[error("{0}")]
    Nodes(String),
    #[error("no agent is left to render on: {0}")]
    AllLost(String),
    /// Nobody answered; a sentence for each.
    #[error("no agent can be reached:\n  {}", .0.join("\n  "))]
    Unreachable(Vec<String>),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error("cannot use {path}: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Verify(String),
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl RenderError {
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            // POV-Ray found out, in the middle of a render.
            Self::Scene(SceneError::Missing { .. }) => ExitStatus::Failed,
            Self::Usage(_)
            | Self::Options(_)
            | Self::Scene(_)
            | Self::Output(_)
            | Self::Format(_)
            | Self::Credentials(_)
            | Self::Cluster(ClusterError::Name(_))
            | Self::Policy(_) => ExitStatus::Refused,
            Self::AllLost(_) | Self::Unreachable(_) => ExitStatus::Unreachable,
            Self::Agent(AgentError::Unreachable { .. }) => ExitStatus::Unreachable,
            Self::Interrupted => ExitStatus::Interrupted,
            _ => ExitStatus::Failed,
        }
    }
}

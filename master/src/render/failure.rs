//! Why a render did not come to its picture, and the exit code of each reason.

use std::path::PathBuf;

use td_inventory::credentials::CredentialsError;

use crate::compose::{ComposeError, FormatError, OutputError, SpoolError};
use crate::exit::ExitStatus;
use crate::fleet::client::AgentError;
use crate::fleet::cluster::ClusterError;
use crate::fleet::embedded::EmbeddedError;
use crate::jobs::JobError;
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
    /// Rows could not be verified: nodes draw them differently and nobody there can tell who is right, or nobody could render them
    /// again. They are verified when the job goes on.
    #[error("{0}")]
    NotVerified(String),
    #[error("interrupted; nothing was written")]
    Interrupted,
    #[error(transparent)]
    Job(#[from] JobError),
    /// It ended, and can go on.
    #[error("{}", kept(source, id, *rows_done, *rows_total))]
    Kept { id: String, rows_done: u32, rows_total: u32, source: Box<RenderError> },
}

/// What an error means for the job's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Wrong use: nothing was rendered.
    Refused,
    /// The same scene would fail in the same way.
    ForGood,
    /// What failed lies outside of the scene, and the finished rows are good.
    MayGoOn,
    Interrupted,
}

fn kept(source: &RenderError, id: &str, rows_done: u32, rows_total: u32) -> String {
    let how = format!("td resume {id} goes on with it ({rows_done} of {rows_total} rows are finished)");
    match source {
        RenderError::Interrupted => format!("interrupted; {how}"),
        other => format!("{other}\n  {how}"),
    }
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
            Self::Job(error) if error.is_refusal() => ExitStatus::Refused,
            Self::Kept { source, .. } => source.exit_status(),
            _ => ExitStatus::Failed,
        }
    }

    /// What the job's record says of it.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match self {
            Self::Interrupted => Fate::Interrupted,
            Self::Povray(_) | Self::Stalled { .. } | Self::Scene(SceneError::Missing { .. }) => Fate::ForGood,
            _ if self.exit_status() == ExitStatus::Refused => Fate::Refused,
            _ => Fate::MayGoOn,
        }
    }

    /// The job that can go on, if one can.
    #[must_use]
    pub fn resumable(&self) -> Option<&str> {
        match self {
            Self::Kept { id, .. } => Some(id),
            _ => None,
        }
    }
}

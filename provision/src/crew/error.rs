//! Why nothing came of a node.

use td_build_agent::Target;
use td_protocol::converge::event::{Refused, RefusedReason};
use thiserror::Error;

use crate::agent::{BuildError, UploadError};
use crate::root::{RootError, ShellError};
use crate::ssh::ConnectError;

/// A node's failure; the caller puts the node's name in front.
#[derive(Debug, Clone, Error)]
pub enum NodeError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Not root.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The shell ended.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// No binary for it.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Its binary has to be built first; it is looked at again then.
    #[error("it needs td-agent for {}, which is not built yet", .0.name())]
    NotBuilt(Target),
    /// The binary did not arrive.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// td-agent refused.
    #[error("{}{}", .0.message, advice(.0.reason))]
    Refused(Refused),
    /// td-agent ended without saying how.
    #[error("td-agent ended in the middle ({0}); run the same command again")]
    Broken(String),
    /// The node and the inventory do not go together.
    #[error("{0}")]
    Unfit(String),
    /// Ctrl-C.
    #[error("interrupted; the same command again does the rest")]
    Interrupted,
}

fn advice(reason: RefusedReason) -> &'static str {
    match reason {
        RefusedReason::PlanChanged => "; nothing was changed. Run the command again to see the new plan",
        RefusedReason::Input | RefusedReason::NotRoot | RefusedReason::Locked => "",
    }
}

impl NodeError {
    /// Whether the node was not reached at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, NodeError::Connect(_))
    }

    /// Whether somebody answered all the same: the machine is on.
    pub fn is_answer(&self) -> bool {
        match self {
            NodeError::Connect(error) => !matches!(
                error,
                ConnectError::Resolve { .. }
                    | ConnectError::Refused { .. }
                    | ConnectError::Timeout { .. }
                    | ConnectError::Unreachable { .. }
                    | ConnectError::ThroughGate { .. }
                    | ConnectError::Gate { .. }
            ),
            _ => true,
        }
    }

    /// One word for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            NodeError::Connect(error) => error.kind(),
            NodeError::Root(_) => "sudo",
            NodeError::Shell(_) => "connection_lost",
            NodeError::Build(_) | NodeError::NotBuilt(_) => "no_build",
            NodeError::Upload(_) => "upload",
            NodeError::Refused(refused) => match refused.reason {
                RefusedReason::Locked => "locked",
                RefusedReason::PlanChanged => "plan_changed",
                RefusedReason::Input | RefusedReason::NotRoot => "refused",
            },
            NodeError::Broken(_) => "agent",
            NodeError::Unfit(_) => "unfit",
            NodeError::Interrupted => "interrupted",
        }
    }
}

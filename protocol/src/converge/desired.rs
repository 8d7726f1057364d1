//! The desired state: the document that `td-agent converge` reads.

use serde::{Deserialize, Serialize};

use super::check::{self, Flaw};
use super::kind::{Group, Kind};
use super::resource::Resource;
use crate::hash::ContentHash;
use crate::version;

/// The form's version. Raised when an agent and a master of different versions could misunderstand each other; new
/// kinds of resources and new fields do not raise it, because an agent refuses what it does not know.
pub const VERSION: u32 = 1;

/// Longest document, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// What a node is to be like, and what is wanted of this call besides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesiredState {
    /// [`VERSION`].
    pub version: u32,
    /// The node's name in the inventory, for messages.
    pub node: String,
    /// The node's hardware by the inventory, as `pi1b`; `None`, or `generic`: what the node's device tree says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The digest of the plan that was shown: an apply whose own digest differs refuses. `None`: whatever is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<ContentHash>,
    /// Whether a `facts` event is wanted first.
    #[serde(default)]
    pub facts: bool,
    /// Which proofs are wanted last. `--verify` runs all unless this says less.
    #[serde(default)]
    pub proofs: Proofs,
    /// `--remove` only: the packages go too.
    #[serde(default)]
    pub remove_packages: bool,
    /// The master's clock, seconds since 1970. A node whose own clock is before its agent's build, as after a boot without
    /// network, is set to it by an apply that has a [`super::resource::Clock`]; others do not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<f64>,
    /// A word that the mount's proof writes into the share; the other nodes' files with the same word are named in
    /// [`super::event::ProofDone::seen`]. Letters, digits and `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// In any order: an agent converges them in the order of [`Kind`].
    pub resources: Vec<Resource>,
}

/// How much is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proofs {
    /// Plan, apply, remove: none; verify: all.
    #[default]
    Default,
    /// What costs next to nothing: the mount, the firmware's values.
    Cheap,
    /// The programs and a test render too.
    All,
}

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the desired state is longer than {mib} MiB", mib = MAX_BYTES >> 20)]
    TooLong,
    #[error(
        "the desired state has version {theirs}, this td-agent ({td}) knows version {VERSION}: {advice}",
        td = version::TD,
        advice = if *theirs > u64::from(VERSION) { "update td-agent on this node" } else { "update td-provision" }
    )]
    Version { theirs: u64 },
    #[error(
        "this td-agent ({td}) does not know the kind of resource {kinds}: update td-agent on this node",
        td = version::TD,
        kinds = quoted(.0)
    )]
    UnknownKinds(Vec<String>),
    #[error("the desired state is not what this td-agent ({td}) expects: {0}", td = version::TD)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Flawed(#[from] Flaw),
}

fn quoted(kinds: &[String]) -> String {
    let quoted: Vec<String> = kinds.iter().map(|kind| format!("{kind:?}")).collect();
    quoted.join(", ")
}

/// What can be read of any version.
#[derive(Deserialize)]
struct Envelope {
    version: u64,
    #[serde(default)]
    resources: Vec<Tagged>,
}

#[derive(Deserialize)]
struct Tagged {
    kind: String,
}

impl DesiredState {
    /// A state without resources.
    #[must_use]
    pub fn new(node: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            node: node.into(),
            model: None,
            plan: None,
            facts: false,
            proofs: Proofs::Default,
            remove_packages: false,
            now: None,
            nonce: None,
            resources: Vec::new(),
        }
    }

    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`Unreadable`]: a sentence for whoever updates agents or writes the master. It shows no file's content.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.len() > MAX_BYTES {
            return Err(Unreadable::TooLong);
        }
        let envelope: Envelope = serde_json::from_slice(bytes)?;
        if envelope.version != u64::from(VERSION) {
            return Err(Unreadable::Version { theirs: envelope.version });
        }
        let known = |kind: &str| Kind::ALL.iter().any(|known| known.word() == kind);
        let mut unknown: Vec<String> =
            envelope.resources.into_iter().map(|tagged| tagged.kind).filter(|kind| !known(kind)).collect();
        if !unknown.is_empty() {
            unknown.sort_unstable();
            unknown.dedup();
            return Err(Unreadable::UnknownKinds(unknown));
        }
        let state: Self = serde_json::from_slice(bytes)?;
        check::check(&state)?;
        Ok(state)
    }

    /// The same state with only the resources of these groups.
    #[must_use]
    pub fn only(mut self, groups: &[Group]) -> Self {
        self.resources.retain(|resource| groups.contains(&resource.kind().group()));
        self
    }

    /// The resources in the order in which they are converged.
    #[must_use]
    pub fn in_order(&self) -> Vec<&Resource> {
        let mut resources: Vec<&Resource> = self.resources.iter().collect();
        resources.sort_by_key(|resource| resource.kind());
        resources
    }
}

//! What an agent tells while it plans, applies, verifies or removes: JSON lines, each with `"event"`.
//!
//! The order: `start`; `facts` when asked for; `progress` at any time; for a plan one `resource` per resource and one
//! `plan`; for an apply the `plan` first, then one `resource` per resource as it is done; `proof`s; `done`. A call that
//! touches nothing ends with `refused` instead.

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::kind::Kind;
use crate::hash::ContentHash;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Start(Start),
    Facts(Box<FactsTold>),
    Progress(Progress),
    Resource(ResourceDone),
    Plan(Plan),
    Proof(ProofDone),
    Refused(Refused),
    Done(Done),
}

/// The first line of every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The node's name, as the desired state has it.
    pub node: String,
    pub mode: Mode,
    /// td's version of the agent.
    pub td: String,
    /// The running td-agent's own file. The master sends its build when it has another.
    pub binary: ContentHash,
    /// Differs after each boot.
    pub boot_id: String,
}

/// What `td-agent converge` was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Plan,
    Apply,
    Verify,
    Remove,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FactsTold {
    pub facts: Facts,
}

/// Something that takes its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub kind: Kind,
    pub name: String,
    pub step: Step,
    /// What is going on, for people: `waiting for dpkg's lock, held by unattended-upgr (812), 40 s so far`.
    pub message: String,
    /// 0 to 1, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
}

/// What a progress is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Someone else holds apt's or dpkg's lock.
    WaitingForLock,
    UpdatingLists,
    Downloading,
    Installing,
    /// A call stalled or failed and is tried again.
    Retrying,
    /// A service starts, a mount is tried.
    Starting,
    /// A proof renders.
    Rendering,
}

/// What became of one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceDone {
    pub kind: Kind,
    pub name: String,
    pub outcome: Outcome,
    /// One sentence: what is so, what changes, what failed and what to do.
    pub message: String,
    /// What is or was different; empty when nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diffs: Vec<Diff>,
    /// What the reader should know though it is no failure: an earlier line that the new one overrules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What runs differs from what is set, until the next boot. Also set where the setting was there already.
    #[serde(default)]
    pub needs_reboot: bool,
    pub seconds: f64,
}

/// Of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was so already.
    Ok,
    /// Plan: it would be changed.
    Pending,
    Changed,
    Failed,
    /// Not tried, because something that it needs failed or the call was interrupted.
    Skipped,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Diff {
    /// A text file, as a unified diff with its `---` and `+++` lines.
    Text {
        path: String,
        unified: String,
    },
    /// A file whose content is not shown.
    Hidden {
        path: String,
    },
    Packages {
        packages: Vec<PackageChange>,
    },
    /// Anything with one value: an owner, a mode, a user's number, a service's state.
    Value {
        what: String,
        old: Option<String>,
        new: Option<String>,
    },
}

/// A package's version before and after; `None`: not installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChange {
    pub name: String,
    pub old: Option<String>,
    /// `None` in a plan too where apt's lists do not know the package yet.
    pub new: Option<String>,
}

/// After all resources were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What an apply is given to do exactly this: [`super::digest::of`].
    pub digest: ContentHash,
    pub pending: u32,
    /// Resources that cannot be converged as things are.
    pub failed: u32,
    /// Whether what is set, now or after an apply, needs a reboot.
    pub needs_reboot: bool,
}

/// One proof of what the node can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProofDone {
    pub proof: Proof,
    pub result: ProofResult,
    /// What was seen, and what was expected where that differs.
    pub message: String,
    /// Of [`Proof::Mount`]: the nodes whose file in the share holds the nonce of the desired state, this one included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    pub seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The memory split, as the firmware reports it.
    GpuMem,
    /// The ARM cores' clock, as the firmware reports it.
    ArmFreq,
    /// The share is mounted there and writable.
    Mount,
    /// POV-Ray 3.7.
    Povray,
    /// ImageMagick.
    Imagemagick,
    /// The service runs, from this binary and these settings.
    Service,
    /// A small render equals the reference of its kind of POV-Ray.
    Render,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofResult {
    Passed,
    Failed,
    /// It will hold after a reboot.
    AfterReboot,
    /// This machine cannot tell: no firmware to ask, no reference to compare with.
    Unsupported,
}

/// The last line of a call that did nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub reason: RefusedReason,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedReason {
    /// The desired state cannot be read; exit code 2.
    Input,
    NotRoot,
    /// Another apply runs on this node; the message says since when and which process.
    Locked,
    /// The node changed since the plan.
    PlanChanged,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub mode: Mode,
    pub ok: u32,
    pub pending: u32,
    pub changed: u32,
    pub failed: u32,
    pub skipped: u32,
    pub proofs_failed: u32,
    pub needs_reboot: bool,
    /// It was asked to stop, or the connection was lost: the rest was skipped, a second apply does it.
    pub interrupted: bool,
    pub seconds: f64,
}

impl Event {
    /// The event as one line without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Nothing in an event can fail to be JSON: no map with keys other than texts, and serde_json writes a number
        // that is not finite as null.
        serde_json::to_string(self).unwrap_or_default()
    }
}

//! The node that is converged, as the resources see it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use td_protocol::converge::desired::DesiredState;
use td_protocol::converge::event::Diff;
use td_protocol::converge::resource::Resource;
use td_protocol::hash::ContentHash;

use super::accounts::Accounts;
use super::boot::model::{self, Model};
use super::child;
use super::failure::Failure;
use super::report::Report;
use super::stop::Stop;

/// One node and one call of converge.
#[derive(Debug)]
pub struct Node {
    root: PathBuf,
    pub state: DesiredState,
    pub report: Report,
    pub stop: Stop,
}

impl Node {
    /// The machine that this program runs on.
    #[must_use]
    pub fn here(state: DesiredState, report: Report, stop: Stop) -> Self {
        Self::at("/", state, report, stop)
    }

    /// The machine that this program runs on, of which nothing is desired and nobody hears.
    #[must_use]
    pub fn bare() -> Self {
        let stop = Stop::default();
        Self::here(DesiredState::new("here"), Report::new(Box::new(std::io::sink()), stop), stop)
    }

    /// A tree of files that stands for a node: what is only in files can be converged there, and no program is started.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>, state: DesiredState, report: Report, stop: Stop) -> Self {
        Self { root: root.into(), state, report, stop }
    }

    /// Where an absolute path of the node lies.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Whether this is a machine and not only its files.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.root == Path::new("/")
    }

    /// A file's text; `None` when there is none or it cannot be read.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        std::fs::read(self.path(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// Runs a program that has to succeed; on a tree of files nothing is run.
    ///
    /// # Errors
    /// With the end of what it said.
    pub fn run(&self, command: &mut Command, deadline: Duration) -> Result<String, Failure> {
        if self.is_alive() { child::run_well(command, deadline) } else { Ok(String::new()) }
    }

    /// `systemctl` with these arguments.
    ///
    /// # Errors
    /// With the end of what it said.
    pub fn systemctl(&self, arguments: &[&str]) -> Result<String, Failure> {
        self.run(child::command("systemctl").arg("--no-ask-password").args(arguments), Duration::from_secs(90))
    }

    /// The number of a user: one that this desired state makes, or one that is there.
    ///
    /// # Errors
    /// When there is none.
    pub fn uid(&self, name: &str) -> Result<u32, Failure> {
        let planned = self.accounts().find(|account| account.name == name).map(|account| account.uid);
        planned.or_else(|| if name == "root" { Some(0) } else { Accounts::read(self).uid(name) }).ok_or_else(|| {
            Failure::new(format!(
                "there is no user {name} on this node, and the inventory's account is not among what is converged"
            ))
        })
    }

    /// The number of a group, likewise.
    ///
    /// # Errors
    /// When there is none.
    pub fn gid(&self, name: &str) -> Result<u32, Failure> {
        let planned = self.accounts().find(|account| account.name == name).map(|account| account.gid);
        planned
            .or_else(|| if name == "root" { Some(0) } else { Accounts::read(self).gid(name) })
            .ok_or_else(|| Failure::new(format!("there is no group {name} on this node")))
    }

    fn accounts(&self) -> impl Iterator<Item = &td_protocol::converge::resource::Account> {
        self.state.resources.iter().filter_map(|resource| match resource {
            Resource::Account(account) => Some(account),
            _ => None,
        })
    }

    /// The text of the device tree's model, on a machine that has one.
    #[must_use]
    pub fn device_tree_model(&self) -> Option<String> {
        device_tree(self, "model")
    }

    /// The hardware: by the inventory where it names a Raspberry Pi, else by the device tree.
    ///
    /// # Errors
    /// When this is none, or when the two contradict each other.
    pub fn model(&self) -> Result<&'static Model, Failure> {
        let text = self.device_tree_model();
        let found = text.as_deref().and_then(model::by_device_tree);
        match self.state.model.as_deref().filter(|id| *id != "generic") {
            Some(id) => {
                let named = model::by_id(id).ok_or_else(|| {
                    Failure::new(format!("this td-agent does not know the model {id}: update td-agent on this node"))
                })?;
                match (found, text) {
                    (Some(found), Some(text)) if found != named => Err(Failure::new(format!(
                        "the inventory says {id}, and this is a {text}: write `model: {}`",
                        found.id
                    ))),
                    _ => Ok(named),
                }
            }
            None => found.ok_or_else(|| {
                let what = text.unwrap_or_else(|| "a machine without a device tree".to_owned());
                Failure::new(format!("this is no Raspberry Pi that td knows but {what}: boot settings are for those"))
            }),
        }
    }
}

/// A property of the device tree's root.
#[must_use]
pub fn device_tree(node: &Node, property: &str) -> Option<String> {
    let folders = ["/proc/device-tree", "/sys/firmware/devicetree/base"];
    let text = folders.iter().find_map(|folder| node.text(&format!("{folder}/{property}")))?;
    let text = text.trim_matches(['\0', '\n', ' ']).to_owned();
    (!text.is_empty()).then_some(text)
}

/// What a resource is like now, against what it should be.
#[derive(Debug, Default)]
pub struct Check {
    /// What is different; empty when nothing is.
    pub diffs: Vec<Diff>,
    /// What is different and not in the diffs, for the plan's digest.
    pub hidden: Option<ContentHash>,
    pub notes: Vec<String>,
    pub needs_reboot: bool,
    /// What is so, or what would be done.
    pub message: String,
}

impl Check {
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.diffs.is_empty()
    }
}

/// What a change did.
#[derive(Debug, Default)]
pub struct Made {
    pub message: String,
    /// What was different, where more is known of it now than before.
    pub diffs: Option<Vec<Diff>>,
}

impl From<String> for Made {
    fn from(message: String) -> Self {
        Self { message, diffs: None }
    }
}

/// What a removal did.
#[derive(Debug, Default)]
pub struct Removed {
    pub diffs: Vec<Diff>,
    pub message: String,
    pub needs_reboot: bool,
}

impl Removed {
    /// There was nothing, or it stays.
    #[must_use]
    pub fn nothing(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    #[must_use]
    pub fn did(diffs: Vec<Diff>, message: impl Into<String>) -> Self {
        Self { diffs, message: message.into(), needs_reboot: false }
    }
}

/// A resource that can be looked at, made so, and taken back.
pub trait Converge {
    /// Looks, and changes nothing.
    ///
    /// # Errors
    /// When it cannot be told, or cannot be made so as things are.
    fn check(&self, node: &Node) -> Result<Check, Failure>;

    /// Makes it so. Called only when a check a moment ago found a difference.
    ///
    /// # Errors
    /// With what is left undone.
    fn converge(&self, node: &Node, check: &Check) -> Result<Made, Failure>;

    /// Takes back what td put there.
    ///
    /// # Errors
    /// With what is left.
    fn remove(&self, node: &Node) -> Result<Removed, Failure>;
}

//! The inventory as the rest of td uses it: every node with its effective values.

use std::sync::Arc;

use thiserror::Error;

use crate::address::Address;
use crate::check;
use crate::cross;
use crate::encoding;
use crate::file::{self, Become, ClockFrom, File, Password};
use crate::finding::{Finding, Findings, InventoryErrors, Severity, Span};
use crate::health::Thresholds;
use crate::jump::Jump;
use crate::layout;
use crate::model::Model;
use crate::read::MAX_BYTES;
use crate::resolve;
use crate::yaml;

/// A cluster: read, checked, defaults merged.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub(crate) cluster: String,
    pub(crate) uid: u32,
    pub(crate) clock: ClockFrom,
    pub(crate) share: Option<Share>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) notes: Findings,
}

/// One machine of the cluster, with its effective values (its own, else those of `defaults`, else the stated default).
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name, which is its host name too. No other node has it, upper and lower case counted as one.
    pub name: String,
    /// Where it is reached.
    pub address: Address,
    /// Login name for SSH; `None` leaves it to ssh's own rules.
    pub user: Option<String>,
    /// The hardware.
    pub model: Model,
    /// POV-Ray processes at a time, 1 to 64; `None` leaves it to the agent (one per core, fewer where memory is short).
    pub slots: Option<u32>,
    /// Groups it is in, in the order of the file, none twice. None has a node's name.
    pub groups: Vec<String>,
    /// Boot settings: only those that its model takes.
    pub boot: Boot,
    /// Word size of its POV-Ray in bits, 32 or 64; `None` leaves it to its operating system.
    pub povray_word_size: Option<u32>,
    /// Debian packages besides those that td needs itself.
    pub packages: Vec<String>,
    /// URL of the proxy for td's calls of apt on the node, `http://host:port`; `None`: as the node has it.
    pub apt_proxy: Option<String>,
    /// Port of its SSH server; `None` leaves it to ssh's own rules (`Port` of ~/.ssh/config, else 22).
    pub ssh_port: Option<u16>,
    /// Port on which its agent listens; never `ssh_port`.
    pub agent_port: u16,
    /// Machines on the way to it; `None` leaves it to ssh's own rules (`ProxyJump` of ~/.ssh/config).
    pub jump: Option<Jump>,
    /// The private key for SSH, `~/` not expanded; `None` leaves it to ssh's own rules.
    pub identity_file: Option<String>,
    /// Where the password of its user comes from; `None`: asked for on the terminal where one is needed.
    pub password: Option<PasswordSource>,
    /// How its user becomes root.
    pub becomes: Become,
    /// Limits of `td health`.
    pub health: Thresholds,
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// An environment variable of the master.
    Env(String),
    /// A command for `sh` on the master; the first line of its output.
    Command(String),
}

impl PasswordSource {
    pub(crate) fn read(from: Password) -> Option<PasswordSource> {
        match (from.env, from.command) {
            (Some(name), None) => Some(PasswordSource::Env(name)),
            (None, Some(command)) => Some(PasswordSource::Command(command)),
            _ => None,
        }
    }

    pub(crate) fn written(&self) -> Password {
        match self {
            PasswordSource::Env(name) => Password { env: Some(name.clone()), command: None },
            PasswordSource::Command(command) => Password { env: None, command: Some(command.clone()) },
        }
    }
}

/// Settings in config.txt of a Raspberry Pi; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Boot {
    /// Memory for the GPU in MB.
    pub gpu_mem: Option<u32>,
    /// Clock of the ARM cores in MHz.
    pub arm_freq: Option<u32>,
}

/// The NFS folder that the nodes have in common. Both folders are absolute, without `.` and `..`, and do not lie in each
/// other; their characters need no quotes in /etc/fstab or /etc/exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Who serves it.
    pub server: ServerPlace,
    /// The folder on the server.
    pub export: String,
    /// Where the nodes mount it.
    pub mount: String,
}

/// Who serves the share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerPlace {
    /// The node of this name; it is in [`Inventory::nodes`].
    Node(String),
    /// A machine outside the cluster, which td does not provision.
    Outside(Address),
}

/// The effective inventory could not be written as YAML.
#[derive(Debug, Error)]
#[error("writing the inventory as YAML: {0}")]
pub struct EmitError(#[from] serde_yaml::Error);

impl Inventory {
    /// Reads an inventory. `name` is the file's name for messages; `bytes` are at most [`MAX_BYTES`], UTF-8, one YAML
    /// document.
    ///
    /// # Errors
    /// All that is wrong. Only what leaves no tree (wrong encoding, a tab in the indentation, broken YAML) hides further
    /// errors behind it.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Inventory, InventoryErrors> {
        let shown = String::from_utf8_lossy(bytes.get(..MAX_BYTES).unwrap_or(bytes));
        let text: Arc<str> = shown.strip_prefix('\u{FEFF}').unwrap_or(&shown).into();
        let refuse = |findings| {
            let text = Arc::clone(&text);
            InventoryErrors(Findings::new(name, text, Severity::Error, findings))
        };
        let (file, notes) = read(bytes).map_err(refuse)?;
        let notes = Findings::new(name, Arc::clone(&text), Severity::Note, notes);
        resolve::resolve(file, notes).map_err(|finding| refuse(vec![finding]))
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Number of the user and the group `td` on every node.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Where the nodes have the time from.
    pub fn clock(&self) -> ClockFrom {
        self.clock
    }

    /// The share, if the cluster has one.
    pub fn share(&self) -> Option<&Share> {
        self.share.as_ref()
    }

    /// All nodes in the order of the file; at least one.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of this name (upper and lower case count as one).
    pub fn node(&self, name: &str) -> Option<&Node> {
        let mut nodes = self.nodes.iter();
        nodes.find(|node| node.name.eq_ignore_ascii_case(name))
    }

    /// The nodes of a group in the order of the file; none for a group that nobody is in.
    pub fn group<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> + 'a {
        let member = move |node: &&Node| node.groups.iter().any(|group| group == name);
        self.nodes.iter().filter(member)
    }

    /// What is no error but worth a word: defaults that some nodes cannot use.
    pub fn notes(&self) -> &Findings {
        &self.notes
    }

    /// The inventory as YAML with every effective value written out and no defaults. Reading it gives the same nodes.
    ///
    /// # Errors
    /// Only if `serde_yaml` refuses to write, which nothing in an inventory makes it do.
    pub fn to_yaml(&self) -> Result<String, EmitError> {
        Ok(serde_yaml::to_string(&resolve::written_out(self))?)
    }
}

/// Bytes to a checked file and its notes, or all errors.
fn read(bytes: &[u8]) -> Result<(File, Vec<Finding>), Vec<Finding>> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file is larger than {MAX_BYTES} bytes, so it is no inventory");
        return Err(vec![Finding::new(Span::START, "", message)]);
    }
    let text = encoding::decode(bytes).map_err(|finding| vec![finding])?;
    let layout = layout::inspect(text);
    let mut errors = layout.findings;
    if layout.hopeless {
        return Err(errors);
    }
    let (root, findings) = yaml::compose(text);
    let Some(root) = root else {
        // A tab is often why the YAML is broken; then the parser's words about it only distract.
        if errors.is_empty() {
            errors = findings;
        }
        return Err(errors);
    };
    errors.extend(findings);
    errors.extend(check::file(&root));
    let crossed = cross::inspect(&root);
    errors.extend(crossed.errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    match file::typed(&root) {
        Ok(file) => Ok((file, crossed.notes)),
        Err(error) => {
            Err(vec![Finding::new(root.span, "", format!("a bug in td: the checks passed, the types say: {error}"))])
        }
    }
}

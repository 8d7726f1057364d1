//! The resources: one struct per kind of desired state.
//!
//! Fields are refused when unknown: an older agent says so rather than leave something of a newer master undone.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::values::{Content, Mode};

/// One piece of a node's desired state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resource {
    Hostname(Hostname),
    Hosts(Hosts),
    Account(Account),
    Directory(Directory),
    Packages(Packages),
    File(File),
    NfsExport(NfsExport),
    NfsMount(NfsMount),
    Clock(Clock),
    Boot(Boot),
    Service(Service),
}

/// The host name, kept through reboots: also where cloud-init would set it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostname {
    /// Without a domain.
    pub name: String,
}

/// A managed block in /etc/hosts, kept through reboots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    pub entries: Vec<HostEntry>,
}

/// One line of /etc/hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostEntry {
    pub address: IpAddr,
    /// At least one.
    pub names: Vec<String>,
}

/// A system user with a group of the same name, both with fixed numbers, no login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    /// Further groups it is in, where these exist on the node: `video` may ask the firmware.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// A directory with its owner and mode. What lies in it is nobody's business here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    pub path: String,
    pub owner: String,
    pub group: String,
    pub mode: Mode,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub path: String,
    pub content: Content,
    /// The content is in no diff.
    #[serde(default)]
    pub secret: bool,
    pub owner: String,
    pub group: String,
    pub mode: Mode,
}

/// Debian packages that are installed, in one transaction, without recommended ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    pub names: Vec<String>,
    /// Bits of POV-Ray: 32 on a node of 64 brings the package of its machine's 32-bit architecture. `None`: as the node is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub povray_word_size: Option<u32>,
    /// An HTTP proxy for td's own calls of apt alone, as `http://192.0.2.1:3142`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Seconds to wait for a lock that someone else's apt or dpkg holds.
    #[serde(default = "Packages::default_lock_deadline")]
    pub lock_deadline: u32,
    /// Seconds without any progress after which a call of apt is given up and tried again.
    #[serde(default = "Packages::default_stall_deadline")]
    pub stall_deadline: u32,
    /// How often a call that stalled or failed for the network's sake is tried again.
    #[serde(default = "Packages::default_retries")]
    pub retries: u32,
}

impl Packages {
    /// Packages without a proxy and with the default deadlines.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self {
            names,
            povray_word_size: None,
            proxy: None,
            lock_deadline: Self::default_lock_deadline(),
            stall_deadline: Self::default_stall_deadline(),
            retries: Self::default_retries(),
        }
    }

    /// Ten minutes: unattended upgrades on a Pi 1 take that long.
    const fn default_lock_deadline() -> u32 {
        600
    }

    /// Two minutes: longer than any package of ours takes to unpack on a Pi 1 without a word.
    const fn default_stall_deadline() -> u32 {
        120
    }

    const fn default_retries() -> u32 {
        3
    }
}

/// A folder that this node serves by NFS to these machines and to no others, with `root_squash`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NfsExport {
    pub path: String,
    /// Addresses, no names: a name that does not resolve would break the export.
    pub clients: Vec<IpAddr>,
    /// Who owns the folder.
    pub owner: String,
    pub group: String,
}

/// The share as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NfsMount {
    pub path: String,
    pub source: MountSource,
}

/// Where the share comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum MountSource {
    /// A server on the network: mounted when it is first used, so that a dead one blocks no boot.
    Nfs { server: IpAddr, export: String },
    /// A folder of this machine, bound to the place: how the server itself sees the share.
    Local { export: String },
}

/// Where the time comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    pub source: ClockSource,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClockSource {
    /// Any time synchronisation that the system has and that is on; else systemd-timesyncd.
    System,
    /// chrony, which serves its own clock to these machines even when it has no source itself.
    ChronyServer { clients: Vec<IpAddr> },
    /// chrony, with this machine as its source beside those it has.
    ChronyClient { server: IpAddr },
}

/// Settings in config.txt of a Raspberry Pi; `None` leaves one as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// Memory for the GPU in MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_mem: Option<u32>,
    /// Clock of the ARM cores in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm_freq: Option<u32>,
}

/// The agent as a service that systemd keeps running. The unit's text is the agent's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The node's name in the inventory: the agent's name in messages.
    pub name: String,
    /// The account it runs as.
    pub user: String,
    /// Port on which it listens, on all addresses.
    pub port: u16,
    /// POV-Ray processes at a time; `None`: one per core, fewer where memory is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Folder with `ca.pem`, `agent.pem` and `agent.key`.
    pub tls: String,
    /// Folder for scenes, finished bands and scratch files.
    pub cache: String,
    /// Further folders that it may write to: the share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write_paths: Vec<String>,
    /// Further arguments of `td-agent serve`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// `None`: td looks at nothing as root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// `td-agent probe`, which a timer starts as root each minute: what it is to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The place of the share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// Whether this node is the share's server.
    #[serde(default)]
    pub serves_share: bool,
}

impl Probe {
    /// The unit that runs for a moment, and the one that starts it.
    pub const UNIT: &str = "td-probe.service";
    pub const TIMER: &str = "td-probe.timer";
}

impl Service {
    /// The unit's name.
    pub const UNIT: &str = "td-agent.service";
    /// Where the binary lies.
    pub const BINARY: &str = "/usr/local/bin/td-agent";
}

impl Resource {
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hostname(_) => Kind::Hostname,
            Self::Hosts(_) => Kind::Hosts,
            Self::Account(_) => Kind::Account,
            Self::Directory(_) => Kind::Directory,
            Self::Packages(_) => Kind::Packages,
            Self::File(_) => Kind::File,
            Self::NfsExport(_) => Kind::NfsExport,
            Self::NfsMount(_) => Kind::NfsMount,
            Self::Clock(_) => Kind::Clock,
            Self::Boot(_) => Kind::Boot,
            Self::Service(_) => Kind::Service,
        }
    }

    /// What it is called in events; with the kind it is unique within a desired state.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Hostname(_) => "/etc/hostname",
            Self::Hosts(_) => "/etc/hosts",
            Self::Account(account) => &account.name,
            Self::Directory(directory) => &directory.path,
            Self::Packages(_) => "apt",
            Self::File(file) => &file.path,
            Self::NfsExport(export) => &export.path,
            Self::NfsMount(mount) => &mount.path,
            Self::Clock(_) => "time",
            Self::Boot(_) => "config.txt",
            Self::Service(_) => Service::UNIT,
        }
    }
}

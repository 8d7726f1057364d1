//! The one table of keys. The reader, the JSON Schema and the table in docs/inventory.md are made from it, so none of the
//! three can know a key that another does not.

use std::ops::RangeInclusive;

use crate::health::{self, Limit};
use crate::names::Text;

/// Port on which an agent listens unless `agent_port` says otherwise.
pub const DEFAULT_AGENT_PORT: u16 = 7979;
/// Port of a node's SSH server unless `ssh_port` says otherwise.
pub const DEFAULT_SSH_PORT: u16 = 22;
/// Folder that the share's server exports unless `share.export` says otherwise.
pub const DEFAULT_EXPORT: &str = "/srv/td";
/// Folder where the nodes mount the share unless `share.mount` says otherwise.
pub const DEFAULT_MOUNT: &str = "/mnt/td";
/// Number of user and group `td` on every node unless `uid` says otherwise: above what people's accounts get one by one,
/// below what Debian and systemd keep for themselves.
pub const DEFAULT_UID: u32 = 7979;
/// The cluster's name unless `cluster` says otherwise.
pub(crate) const DEFAULT_CLUSTER: &str = "cluster";

/// Values of `boot.gpu_mem` in MB that some model takes.
pub(crate) const GPU_MEM: RangeInclusive<u32> = 16..=512;
/// Values of `boot.arm_freq` in MHz that some model takes.
pub(crate) const ARM_FREQ: RangeInclusive<u32> = 700..=3200;

/// Values of `povray_word_size` in bits.
pub(crate) const WORD_SIZES: [u32; 2] = [32, 64];

/// One key.
pub(crate) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub fallback: Fallback,
    pub about: &'static str,
}

/// What holds where a key is missing.
pub(crate) enum Fallback {
    /// Nothing.
    None,
    Number(u32),
    Text(&'static str),
    /// Said in words.
    Said(&'static str),
}

/// What a value has to be.
pub(crate) enum Kind {
    Text(Text),
    /// Whole, within the range; with its unit, "" for none.
    Whole(RangeInclusive<u32>, &'static str),
    /// One of these numbers, with its unit.
    OneOf(&'static [u32], &'static str),
    /// The id of a [`crate::Model`].
    Model,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Texts of one kind, none twice.
    List(Text),
    /// These keys and no other.
    Keys(&'static [Key]),
    /// Exactly one of these keys, which say where a secret comes from: a text in its place might be the secret.
    Source(&'static [Key]),
    /// Limits of a check of `td health`: `{ warn: .., fail: .. }`.
    Limit(&'static Limit),
    /// Names of this kind, each with these keys; at least one.
    Named(Text, &'static [Key]),
}

const fn optional(name: &'static str, kind: Kind, fallback: Fallback, about: &'static str) -> Key {
    Key { name, kind, required: false, fallback, about }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: true, fallback: Fallback::None, about }
}

/// The file.
pub(crate) static TOP: [Key; 7] = [
    optional(
        "cluster",
        Kind::Text(Text::Label),
        Fallback::Text(DEFAULT_CLUSTER),
        "The cluster's name, for people and for its certificates.",
    ),
    optional(
        "uid",
        Kind::Whole(100..=59999, ""),
        Fallback::Number(DEFAULT_UID),
        "Number of the user and the group `td` on every node: one for all, since NFS sees numbers only.",
    ),
    optional(
        "clock",
        Kind::Choice(&["system", "server"]),
        Fallback::Text("system"),
        "Where the nodes have the time from: each its own time synchronisation, or all from the share's server (by chrony), \
         for a cluster without internet.",
    ),
    optional("defaults", Kind::Keys(&DEFAULTS), Fallback::None, "Values for every node that does not have its own."),
    optional(
        "share",
        Kind::Keys(&SHARE),
        Fallback::Said("no share: assets are sent to each node"),
        "The NFS folder that the nodes have in common.",
    ),
    optional(
        "groups",
        Kind::Named(Text::Label, &GROUP),
        Fallback::None,
        "Values for the nodes of a group, by its name. They count more than `defaults`, and a node's own more than they.",
    ),
    required("nodes", Kind::Named(Text::HostName, &NODE), "The nodes by name. A name becomes the node's host name."),
];

/// What a group can hold.
static GROUP: [Key; 1] = [HEALTH];

static SHARE: [Key; 3] = [
    required(
        "server",
        Kind::Text(Text::Address),
        "Who serves the share: a node's name, or the address of a machine outside the cluster.",
    ),
    optional("export", Kind::Text(Text::Folder), Fallback::Text(DEFAULT_EXPORT), "The folder on the server."),
    optional("mount", Kind::Text(Text::Folder), Fallback::Text(DEFAULT_MOUNT), "Where the nodes mount it."),
];

/// What `defaults` can hold: everything of a node but its address.
static DEFAULTS: [Key; 15] = [
    USER,
    MODEL,
    SLOTS,
    GROUPS,
    BOOT,
    POVRAY_WORD_SIZE,
    PACKAGES,
    APT_PROXY,
    SSH_PORT,
    AGENT_PORT,
    JUMP,
    IDENTITY_FILE,
    PASSWORD,
    BECOME,
    HEALTH,
];

static NODE: [Key; 16] = [
    required(
        "address",
        Kind::Text(Text::Address),
        "Where the node is reached: IPv4, IPv6 or a host name that the master resolves.",
    ),
    USER,
    MODEL,
    SLOTS,
    GROUPS,
    BOOT,
    POVRAY_WORD_SIZE,
    PACKAGES,
    APT_PROXY,
    SSH_PORT,
    AGENT_PORT,
    JUMP,
    IDENTITY_FILE,
    PASSWORD,
    BECOME,
    HEALTH,
];

const USER: Key = optional(
    "user",
    Kind::Text(Text::User),
    Fallback::Said("as ssh: `User` of ~/.ssh/config, else your own name"),
    "Login name for SSH.",
);

const MODEL: Key = optional(
    "model",
    Kind::Model,
    Fallback::Text("generic"),
    "The hardware. `generic` is any machine with Linux; it has no boot settings.",
);

const SLOTS: Key = optional(
    "slots",
    Kind::Whole(1..=64, ""),
    Fallback::Said("one per core, fewer where memory is short"),
    "POV-Ray processes at a time.",
);

const GROUPS: Key = optional(
    "groups",
    Kind::List(Text::Label),
    Fallback::Said("none"),
    "Groups that the node is in. No group has a node's name.",
);

const BOOT: Key = optional("boot", Kind::Keys(&BOOT_KEYS), Fallback::None, "Settings in config.txt of a Raspberry Pi.");

static BOOT_KEYS: [Key; 2] = [
    optional(
        "gpu_mem",
        Kind::Whole(GPU_MEM, "MB"),
        Fallback::Said("left as it is"),
        "Memory for the GPU; 16 leaves most to POV-Ray. Each model has its own largest value.",
    ),
    optional(
        "arm_freq",
        Kind::Whole(ARM_FREQ, "MHz"),
        Fallback::Said("left as it is"),
        "Clock of the ARM cores. Each model has its own range, from the clock it has without the setting.",
    ),
];

/// POV-Rays of 32 and of 64 bit draw procedural textures differently; nodes work together that have the same.
const POVRAY_WORD_SIZE: Key = optional(
    "povray_word_size",
    Kind::OneOf(&WORD_SIZES, "bit"),
    Fallback::Said("that of the node's operating system"),
    "Word size of the node's POV-Ray. 32 on a 64-bit node lets it render beside a Raspberry Pi 1.",
);

const SSH_PORT: Key = optional(
    "ssh_port",
    Kind::Whole(1..=65535, ""),
    Fallback::Said("as ssh: `Port` of ~/.ssh/config, else 22"),
    "Port of the SSH server.",
);

/// Below 1024 only root may listen, and the agent is not root.
const AGENT_PORT: Key = optional(
    "agent_port",
    Kind::Whole(1024..=65535, ""),
    Fallback::Number(DEFAULT_AGENT_PORT as u32),
    "Port on which td-agent listens.",
);

const PACKAGES: Key = optional(
    "packages",
    Kind::List(Text::Package),
    Fallback::Said("none"),
    "Debian packages besides those that td needs itself.",
);

const APT_PROXY: Key = optional(
    "apt_proxy",
    Kind::Text(Text::Proxy),
    Fallback::Said("as the node has it"),
    "Proxy that apt asks on the node, `http://192.0.2.1:3142`, in td's own calls; `none` undoes a default.",
);

const JUMP: Key = optional(
    "jump",
    Kind::Text(Text::Jump),
    Fallback::Said("as ssh: `ProxyJump` of ~/.ssh/config, else none"),
    "Machines on the way to the node, `user@gate.example:22`, several with commas; `none`: straight.",
);

const IDENTITY_FILE: Key = optional(
    "identity_file",
    Kind::Text(Text::File),
    Fallback::Said("as ssh: the ssh-agent's keys, `IdentityFile` of ~/.ssh/config, else ~/.ssh/id_*"),
    "The private key for SSH; `~/` is your home.",
);

const PASSWORD: Key = optional(
    "password",
    Kind::Source(&PASSWORD_KEYS),
    Fallback::Said("asked for on the terminal where one is needed"),
    "Where the password of `user` comes from, for SSH and for sudo. Never the password itself.",
);

static PASSWORD_KEYS: [Key; 2] = [
    optional("env", Kind::Text(Text::Variable), Fallback::None, "An environment variable that holds it."),
    optional(
        "command",
        Kind::Text(Text::Command),
        Fallback::None,
        "A command for `sh` on the master; the first line that it prints is it.",
    ),
];

const BECOME: Key = optional(
    "become",
    Kind::Choice(&["sudo", "none"]),
    Fallback::Text("sudo"),
    "How `user` becomes root: by `sudo`, or `none` where it is root already.",
);

const HEALTH: Key = optional(
    "health",
    Kind::Keys(&HEALTH_KEYS),
    Fallback::None,
    "Limits of `td health` (docs/health.md): from which number on a check warns, and from which on it fails.",
);

/// All that [`health::LIMITS`] has; a test compares.
static HEALTH_KEYS: [Key; 20] = [
    limit(&health::TEMPERATURE),
    limit(&health::ARM_CLOCK),
    limit(&health::MEMORY),
    limit(&health::SWAP),
    limit(&health::LOAD),
    limit(&health::OOM_KILLS),
    limit(&health::DISK),
    limit(&health::INODES),
    limit(&health::CARD_ERRORS),
    limit(&health::CARD_SPEED),
    limit(&health::SHARE),
    limit(&health::SHARE_CLOCK),
    limit(&health::CLOCK),
    limit(&health::NETWORK),
    limit(&health::LINK_ERRORS),
    limit(&health::CERTIFICATE),
    limit(&health::REBOOT),
    limit(&health::FAILED_UNITS),
    limit(&health::SCRATCH),
    limit(&health::PROBE),
];

const fn limit(limit: &'static Limit) -> Key {
    optional(limit.check, Kind::Limit(limit), Fallback::None, limit.about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_a_key() {
        let keys: Vec<_> = HEALTH_KEYS.iter().map(|key| key.name).collect();
        let limits: Vec<_> = health::LIMITS.iter().map(|limit| limit.check).collect();
        assert_eq!(keys, limits);
    }
}

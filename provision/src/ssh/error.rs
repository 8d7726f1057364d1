//! Why there is no connection: for each cause its own sentence, naming the machine and what to do.

use std::path::PathBuf;

use thiserror::Error;

use super::known_hosts::Place;
use crate::secret::SourceError;

/// No connection to a machine. The sentences name address and port; the caller puts the node's name in front.
#[derive(Debug, Clone, Error)]
pub enum ConnectError {
    /// The way cannot be gone.
    #[error(transparent)]
    Way(#[from] super::target::WayError),
    /// The name has no address.
    #[error("the host name {host} has no address ({why}); {hint}")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's words.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// Nobody listens.
    #[error(
        "{host} refuses connections on port {port}: no SSH server listens there. Switch SSH on (on Raspberry Pi OS: an empty file `ssh` in the card's boot folder, or raspi-config), or set `ssh_port`"
    )]
    Refused {
        /// Where.
        host: String,
        /// Port.
        port: u16,
    },
    /// Nobody answers.
    #[error(
        "{host} does not answer on port {port} within {seconds} s: is it switched on, on the network, and is the address right?"
    )]
    Timeout {
        /// Where.
        host: String,
        /// Port.
        port: u16,
        /// The deadline in seconds.
        seconds: u64,
    },
    /// No way in the network.
    #[error("no way to {host} port {port} ({why}): is it switched on, and is the address right?")]
    Unreachable {
        /// Where.
        host: String,
        /// Port.
        port: u16,
        /// The system's words.
        why: String,
    },
    /// The jump host cannot reach it.
    #[error(
        "the jump host {gate} gets no connection to {host} port {port} ({why}): is the node on, and does the jump host allow forwarding (AllowTcpForwarding)?"
    )]
    ThroughGate {
        /// The jump host.
        gate: String,
        /// Where to.
        host: String,
        /// Port.
        port: u16,
        /// The jump host's words.
        why: String,
    },
    /// The jump host itself has no connection.
    #[error("no connection to the jump host {gate}: {error}")]
    Gate {
        /// The jump host.
        gate: String,
        /// Why not.
        error: Box<ConnectError>,
    },
    /// Connected, but the handshake failed.
    #[error("{host} port {port} answered, but no SSH connection came about: {why}")]
    Handshake {
        /// Where.
        host: String,
        /// Port.
        port: u16,
        /// What happened.
        why: String,
    },
    /// The server has only kinds of host key that td does not check.
    #[error(
        "{host} offers no host key that td-provision checks (it has {theirs}; taken are ed25519 and ecdsa). On the node, as root: ssh-keygen -A, then restart ssh"
    )]
    NoHostKey {
        /// Where.
        host: String,
        /// What it offers.
        theirs: String,
    },
    /// The known key is another one.
    #[error("THE HOST KEY OF {name} HAS CHANGED: it shows {shown}, but {}:{} has another. Somebody may stand between, or the card was written anew. Only if you know why: ssh-keygen -f {} -R '{name}', then try again", .place.file.display(), .place.line, .place.file.display())]
    KeyChanged {
        /// As in known_hosts.
        name: String,
        /// The key's type and fingerprint.
        shown: String,
        /// The line that knows another.
        place: Place,
    },
    /// The key is marked `@revoked`.
    #[error("the host key of {name} ({shown}) is revoked by {}:{}; it is not taken from anybody", .place.file.display(), .place.line)]
    KeyRevoked {
        /// As in known_hosts.
        name: String,
        /// The key's type and fingerprint.
        shown: String,
        /// The line.
        place: Place,
    },
    /// Known by keys of another type only, and nobody said yes.
    #[error("{name} shows {shown}, but {}:{} knows it by {types} only, which it did not show. Compare the fingerprint on the node (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then add it: {add}", .place.file.display(), .place.line)]
    KeyOfOtherType {
        /// As in known_hosts.
        name: String,
        /// The key's type and fingerprint.
        shown: String,
        /// The line.
        place: Box<Place>,
        /// The known types.
        types: String,
        /// The command that asks about it.
        add: String,
    },
    /// Nobody has said yes to this key.
    #[error("the host key of {name} is not known: {shown}{authority}. {todo}")]
    KeyUnknown {
        /// As in known_hosts.
        name: String,
        /// The key's type and fingerprint.
        shown: String,
        /// A word on `@cert-authority`.
        authority: &'static str,
        /// What to do.
        todo: &'static str,
    },
    /// known_hosts cannot be read or written.
    #[error("{}: {why}; without it no host key can be checked", .file.display())]
    KnownHosts {
        /// The file.
        file: PathBuf,
        /// The system's words.
        why: String,
    },
    /// No key and no password was taken.
    #[error("{user}@{host} refuses the login: {tried}. {takes}{todo}")]
    Login {
        /// Login name.
        user: String,
        /// Where.
        host: String,
        /// What was tried.
        tried: String,
        /// A sentence about the methods that the server names, or nothing.
        takes: String,
        /// What to do.
        todo: String,
    },
    /// The server ended the connection during the login.
    #[error("{user}@{host} ended the connection during the login{banner}: {why}")]
    CutAtLogin {
        /// Login name.
        user: String,
        /// Where.
        host: String,
        /// What the server printed before.
        banner: String,
        /// What happened.
        why: String,
    },
    /// Connected, and no answer during the login.
    #[error(
        "{user}@{host} said nothing for {seconds} s during the login: did it lose power or the network? If it is only slow, try again"
    )]
    SilentAtLogin {
        /// Login name.
        user: String,
        /// Where.
        host: String,
        /// The deadline in seconds.
        seconds: u64,
    },
    /// The inventory's password is not to be had.
    #[error(transparent)]
    Password(#[from] SourceError),
}

impl ConnectError {
    /// The kind, one word for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            ConnectError::Way(_) => "jump",
            ConnectError::Resolve { .. } => "name",
            ConnectError::Refused { .. } => "refused",
            ConnectError::Timeout { .. } | ConnectError::SilentAtLogin { .. } => "timeout",
            ConnectError::Unreachable { .. } => "network",
            ConnectError::ThroughGate { .. } | ConnectError::Gate { .. } => "jump",
            ConnectError::Handshake { .. } => "handshake",
            ConnectError::KeyChanged { .. } => "host_key_changed",
            ConnectError::NoHostKey { .. }
            | ConnectError::KeyRevoked { .. }
            | ConnectError::KeyOfOtherType { .. }
            | ConnectError::KeyUnknown { .. }
            | ConnectError::KnownHosts { .. } => "host_key",
            ConnectError::Login { .. } | ConnectError::CutAtLogin { .. } | ConnectError::Password(_) => "login",
        }
    }
}

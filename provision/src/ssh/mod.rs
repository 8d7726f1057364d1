//! SSH to the nodes, by russh.
//!
//! One connection per node, all nodes side by side, and on each connection one channel with one root shell
//! ([`crate::root`]): at a node with a fifth of a core it is the number of processes and of key exchanges that counts, so
//! nothing is connected, forked or asked twice.
//!
//! - `target`: the inventory's node and `~/.ssh/config` ([`config`]) together say what to connect to.
//! - `known_hosts`: who shows which host key. Nothing is taken that was not there before or that nobody said yes to.
//! - `connect`: TCP, jump hosts, handshake; the question about an unknown key is asked *between* two connections, because
//!   a server gives a login two minutes and a person may think longer.
//! - `login`: keys of the ssh-agent, key files ([`keys`], [`rsa`]), password ([`passwords`]), each step
//!   with a deadline that no person's answer counts against (`patience`).
//! - `error`: for each cause of failure its own sentence.

pub mod config;
mod connect;
mod error;
pub mod keys;
pub mod known_hosts;
mod login;
pub mod passwords;
mod patience;
mod pattern;
mod rsa;
pub mod target;

pub use connect::{Connection, Policy, Ssh};
pub use error::ConnectError;

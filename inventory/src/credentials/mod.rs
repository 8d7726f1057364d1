//! The cluster's certificates on the master: where they lie, how they are read, and the TLS that is made from them.
//!
//! Scenes are programs, so an agent takes work only from its own master, and a master gives work only to its own nodes.
//! Both sides show a certificate of the cluster's own CA (mutual TLS, version 1.3 and nothing older):
//!
//! - a **node's** certificate carries the node's name in the inventory and is good for serving only. The master connects
//!   to the node's address and asks for that name, so a node cannot pass for another one;
//! - the **master's** is good for being a client only. A node's certificate opens no other node.
//!
//! All of them lie in `$XDG_CONFIG_HOME/td/clusters/CLUSTER/` (else `~/.config/...`): `ca.pem ca.key master.pem master.key
//! nodes/NAME.pem nodes/NAME.key`. The folder is 0700, keys are 0600. `td-provision certs` makes them; this module finds
//! and reads them and trusts no other CA, whatever this machine's own store says.

mod client;
mod error;
mod folder;
mod read;
mod sessions;

pub use client::client_config;
pub use error::CredentialsError;
pub use folder::ClusterFolder;
pub use read::{certificate, key_file_is_private, private_key};
pub use rustls_pki_types::PrivatePkcs8KeyDer;

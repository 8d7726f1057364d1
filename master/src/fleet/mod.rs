//! The agents: one HTTP client for all of a cluster's nodes, one per local socket, and the agent that td starts itself.
//!
//! - [`cluster`]: the nodes of an inventory, over TLS;
//! - [`client`]: what can be asked of one agent, wherever it is;
//! - [`once`]: one question to one agent, with one deadline for everything;
//! - [`trouble`]: what an error of the network or of TLS means for the person who has to mend it;
//! - `words`: what agents say, made harmless for a terminal;
//! - [`embedded`]: an agent of td's own on this machine.

pub mod client;
pub mod cluster;
pub mod embedded;
pub mod once;
pub mod stream;
pub mod trouble;
pub(crate) mod words;

//! A root shell on a node, over one channel: one login, one sudo, and from then on commands one after the other.
//!
//! [`script`] is what the node's own `sh` runs; [`becoming`] follows what sudo says, without I/O; [`shell`] moves the bytes.

mod becoming;
mod script;
mod shell;

pub use becoming::RootError;
pub use script::quote;
pub use shell::{Command, Reply, RootShell, ShellError};

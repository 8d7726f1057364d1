//! Real nodes to provision and render on: containers with systemd, sshd, sudo and apt, on a LAN of their own.
//!
//! ```no_run
//! use td_tests::nodes::{Cluster, Fresh};
//!
//! let cluster = Cluster::start(2);                          // pi1 and pi2, just flashed
//! let strict = Cluster::with(1, |_| Fresh::new().sudo_asks()); // side by side with the other one
//! cluster.node(1).sh("uptime");
//! cluster.node(2).cut();
//! ```
//!
//! The scripts that make them are in `tests/nodes`, which also says what is not as on a Pi. A [`Cluster`] that is
//! dropped is gone with all its processes, namespaces and files. So it is when the test is killed: the script that
//! keeps the LAN waits for the end of a pipe from here, and does the rest.

mod cluster;
mod fresh;
mod node;
mod tree;

pub use cluster::Cluster;
pub use fresh::Fresh;
pub use node::Node;
pub use tree::{Tree, changes};

use crate::skip::{is_root, skip};

/// The user on each node, as on Raspberry Pi OS.
pub const USER: &str = "pi";
/// Its password.
pub const PASSWORD: &str = "raspberry";

/// Whether nodes can be had here; notes the skip when not.
///
/// The one reason is that the tests do not run as root. Anything else that is missing fails the test which needs it.
pub fn available() -> bool {
    if !is_root() {
        skip("nodes", "needs root, for namespaces, mounts and control groups");
        return false;
    }
    true
}

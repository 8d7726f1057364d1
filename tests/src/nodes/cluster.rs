//! Some nodes on a LAN of their own.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{Fresh, Node, USER};
use crate::programs;

/// Nodes pi1, pi2 ... on a LAN; gone with all that belongs to them when dropped.
#[derive(Debug)]
pub struct Cluster {
    lan: u8,
    nodes: Vec<Node>,
    keeper: Child,
    /// The keeper takes the LAN down when this ends.
    lifeline: Option<ChildStdin>,
}

impl Cluster {
    /// So many fresh nodes, up and ready.
    pub fn start(count: u8) -> Self {
        Self::with(count, |_| Fresh::new())
    }

    /// So many fresh nodes, the first called with 1, up and ready.
    ///
    /// # Panics
    /// When they do not come up; what the scripts said is on standard error.
    pub fn with(count: u8, fresh: impl Fn(u8) -> Fresh) -> Self {
        let mut keeper = Command::new(programs::workspace().join("tests/nodes/lan.sh"));
        // A group of its own: Ctrl-C at the terminal must not reach who cleans up.
        keeper.arg("hold").process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().expect("lan.sh starts");
        let lifeline = keeper.stdin.take();
        let mut line = String::new();
        let said = BufReader::new(keeper.stdout.take().expect("piped")).read_line(&mut line);
        let lan = line.strip_prefix("lan ").and_then(|number| number.trim().parse().ok());
        let Some(lan) = lan else {
            panic!("lan.sh gives no LAN ({said:?}, {line:?}); what it said is above");
        };
        let nodes = (1..=count).map(|number| Node::new(lan, number, fresh(number))).collect();
        let cluster = Self { lan, nodes, keeper, lifeline };
        cluster.nodes.iter().for_each(Node::start);
        cluster.nodes.iter().for_each(Node::wait_up);
        cluster
    }

    /// Its number among those on this machine; 10.78.LAN.0/24 are its addresses.
    pub fn lan(&self) -> u8 {
        self.lan
    }

    /// Node 1, 2 ...
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number - 1]
    }

    /// All of them.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Where the nodes find the apt proxy.
    pub fn proxy(&self) -> String {
        format!("http://10.78.{}.1:3142", self.lan)
    }

    /// The private key that the nodes' user lets in.
    pub fn key(&self) -> PathBuf {
        state().join("keys/id_ed25519")
    }

    /// Makes the apt mirror fail from now on: `gone`, `busy`, `stall` or `forbidden`; empty mends it.
    pub fn break_mirror(&self, fault: &str) {
        std::fs::write(state().join(format!("lan{}/proxy/fault", self.lan)), fault)
            .expect("the proxy's folder is there");
    }

    /// An inventory of all nodes. `more` is put above the nodes as it is, `defaults` below the key of that name.
    pub fn inventory(&self, defaults: &str, more: &str) -> String {
        let mut text = format!("cluster: test{}\ndefaults:\n  user: {USER}\n", self.lan);
        for line in defaults.lines() {
            let _ = writeln!(text, "  {line}");
        }
        text.push_str(more);
        text.push_str("nodes:\n");
        for node in &self.nodes {
            let _ = writeln!(text, "  {}: {{ address: {} }}", node.name(), node.address());
        }
        text
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.keeper.wait();
    }
}

/// Where the scripts keep everything.
fn state() -> PathBuf {
    std::env::var_os("TD_NODES").map_or_else(|| PathBuf::from("/var/tmp/td-nodes"), PathBuf::from)
}

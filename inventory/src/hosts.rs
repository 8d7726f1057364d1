//! Names, addresses and ports of all nodes against each other: no machine is there twice.

use std::collections::HashMap;

use crate::cross::NodeView;
use crate::finding::Finding;
use crate::keys::{DEFAULT_AGENT_PORT, DEFAULT_SSH_PORT};
use crate::quote;

pub(crate) fn inspect(nodes: &[NodeView]) -> Vec<Finding> {
    let mut errors = Vec::new();
    names(nodes, &mut errors);
    addresses(nodes, &mut errors);
    ports(nodes, &mut errors);
    errors
}

/// Host names do not know upper and lower case. (The very same name twice is a key twice, which the tree has found.)
fn names(nodes: &[NodeView], errors: &mut Vec<Finding>) {
    let mut seen: HashMap<String, &NodeView> = HashMap::new();
    for node in nodes {
        if let Some(first) = seen.get(&node.name().to_lowercase()) {
            errors.push(Finding::new(
                node.entry.key_span,
                node.path(),
                format!("is the same host name as {} in line {}", first.path(), first.entry.key_span.line),
            ));
        } else {
            seen.insert(node.name().to_lowercase(), node);
        }
    }
}

/// The port that a node has in effect, if its form is right.
fn port(node: &NodeView, key: &str, default: u16) -> Option<u64> {
    match node.effective(key) {
        None => Some(u64::from(default)),
        // Out of range: `check` has said it, and two errors at one value help nobody.
        Some(value) => value.whole().filter(|port| (1..=65535).contains(port)),
    }
}

/// Two nodes may share an address (machines behind one router) where both their ports differ. Where one port is the same,
/// it is one server, so one machine under two names.
fn addresses(nodes: &[NodeView], errors: &mut Vec<Finding>) {
    let mut seen = HashMap::new();
    for node in nodes {
        let (Some(address), Some(value)) = (node.address(), node.own("address")) else {
            continue;
        };
        let ports = [("ssh_port", DEFAULT_SSH_PORT), ("agent_port", DEFAULT_AGENT_PORT)];
        let mut first = None;
        for (key, default) in ports {
            let Some(port) = port(node, key, default) else {
                continue;
            };
            // Behind two gates one private address can be two machines.
            let jump = node.effective("jump").and_then(|jump| jump.text());
            let slot = seen.entry((address.clone(), key, port, jump));
            let other: &mut &NodeView = slot.or_insert(node);
            if !std::ptr::eq(*other, node) && first.is_none() {
                first = Some(*other);
            }
        }
        if let Some(first) = first {
            errors.push(Finding::new(
                value.span,
                format!("{}.address", node.path()),
                format!(
                    "{} is the address of {} in line {} already (one address for two nodes needs two ssh_port and two agent_port)",
                    quote::plain(&address.to_string()),
                    first.path(),
                    first.entry.key_span.line
                ),
            ));
        }
    }
}

/// One port cannot have two servers. Said where a node's own value makes it so, else at the default.
fn ports(nodes: &[NodeView], errors: &mut Vec<Finding>) {
    for node in nodes {
        let ssh = port(node, "ssh_port", DEFAULT_SSH_PORT);
        let agent = port(node, "agent_port", DEFAULT_AGENT_PORT);
        let (Some(ssh), Some(agent)) = (ssh, agent) else {
            continue;
        };
        let culprit = [("agent_port", node.own("agent_port")), ("ssh_port", node.own("ssh_port"))]
            .into_iter()
            .find_map(|(key, value)| Some((format!("{}.{key}", node.path()), value?)))
            .or_else(|| {
                ["agent_port", "ssh_port"]
                    .into_iter()
                    .find_map(|key| Some((format!("defaults.{key}"), node.effective(key)?)))
            });
        if ssh == agent
            && agent >= 1024
            && let Some((path, value)) = culprit
        {
            let message = format!("ssh_port and agent_port are both {ssh}");
            errors.push(Finding::new(value.span, path, message));
        }
    }
}

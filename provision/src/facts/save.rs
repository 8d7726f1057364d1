//! What differs from the inventory, as YAML to be copied into it.

use std::fmt::Write as _;

use td_inventory::{Model, Node};
use td_protocol::converge::facts::Facts;

use super::model::model_of;

/// The suggestion. It is a comment where there is nothing to suggest.
pub fn suggestion(nodes: &[(&Node, Facts)]) -> String {
    let mut out =
        String::from("# What `td-provision facts` saw and the inventory says otherwise. Copy what you like.\n");
    let mut any = false;
    for (node, facts) in nodes {
        let lines = differences(node, facts);
        if lines.is_empty() {
            continue;
        }
        if !any {
            out.push_str("nodes:\n");
            any = true;
        }
        let _ = writeln!(out, "  {}:\n    address: {:?}", node.name, node.address.to_string());
        for line in lines {
            let _ = writeln!(out, "    {line}");
        }
    }
    if !any {
        out.push_str("# Nothing: the nodes are as the inventory says.\n");
    }
    out
}

fn differences(node: &Node, facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    let seen = facts.model.as_deref().map(|text| (text, model_of(text)));
    match seen {
        Some((text, Some(model))) if model != node.model => {
            lines.push(format!("model: {model} # {}; the inventory says {}", comment(text), node.model));
        }
        Some((text, None)) if node.model != Model::Generic => {
            lines.push(format!(
                "model: generic # {} is not in the table; the inventory says {}",
                comment(text),
                node.model
            ));
        }
        None if node.model != Model::Generic => {
            lines.push(format!("model: generic # no device tree; the inventory says {}", node.model));
        }
        _ => {}
    }
    if let Some(slots) = node.slots
        && slots > facts.cores
    {
        lines.push(format!("slots: {} # cores; the inventory says {slots}", facts.cores.clamp(1, 64)));
    }
    lines
}

/// A text inside a comment: one line.
fn comment(text: &str) -> String {
    crate::words::one_line(text, 80)
}

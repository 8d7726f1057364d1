//! A plan for people and for scripts. No I/O.

use std::fmt::Write as _;

use serde_json::{Value, json};
use td_protocol::converge::event::{Diff, Outcome as Of, ResourceDone};

use super::look::Seen;
use crate::crew::BinaryChange;
use crate::words::{count, harmless, one_line};

/// A node's plan as a block of lines; with `verbose` what is fine already, too.
pub fn plan(node: &str, seen: &Seen, verbose: bool) -> String {
    let mut out = String::new();
    let pending = seen.pending();
    let failed = seen.failures().count();
    let reboot = if seen.plan().is_some_and(|plan| plan.needs_reboot) { ", and a reboot" } else { "" };
    let cannot = if failed > 0 { format!(", {failed} that cannot be made") } else { String::new() };
    let head = if pending + failed == 0 && reboot.is_empty() {
        "nothing to change".to_owned()
    } else {
        format!("{}{cannot}{reboot}", count(pending, "change"))
    };
    let _ = writeln!(out, "{node}: {head}");
    for note in &seen.notes {
        let _ = writeln!(out, "  note: {}", one_line(note, 500));
    }
    if let Some(change) = &seen.binary {
        let _ = writeln!(out, "  {}", binary(change));
    }
    for done in &seen.call.resources {
        let mark = match done.outcome {
            Of::Ok if !verbose && done.notes.is_empty() && !done.needs_reboot => continue,
            Of::Failed => "cannot be made: ",
            Of::Skipped => "skipped: ",
            _ => "",
        };
        let message = one_line(&done.message, 1000);
        let _ = writeln!(out, "  {} {}: {mark}{message}", done.kind, one_line(&done.name, 200));
        out.push_str(&diffs(done));
        for note in &done.notes {
            let _ = writeln!(out, "      note: {}", one_line(note, 1000));
        }
    }
    out
}

fn binary(change: &BinaryChange) -> String {
    let short = |hash: &dyn std::fmt::Display| hash.to_string().chars().take(12).collect::<String>();
    let old = change.old.as_ref().map_or("none".to_owned(), |hash| short(hash));
    #[expect(clippy::cast_precision_loss, reason = "a file's length in MiB, for people")]
    let mib = change.bytes as f64 / f64::from(1 << 20);
    format!("binary /usr/local/bin/td-agent: {mib:.1} MiB, {old} -> {}", short(&change.new))
}

/// The differences of a resource, indented.
pub fn diffs(done: &ResourceDone) -> String {
    let mut out = String::new();
    for diff in &done.diffs {
        match diff {
            Diff::Text { unified, .. } => {
                for line in harmless(unified).lines() {
                    let _ = writeln!(out, "      {line}");
                }
            }
            Diff::Hidden { path } => {
                let _ = writeln!(out, "      {}: the content differs and is not shown", one_line(path, 300));
            }
            Diff::Packages { packages } => {
                for package in packages {
                    let name = one_line(&package.name, 100);
                    let version = |version: &Option<String>| version.as_deref().map(|text| one_line(text, 100));
                    let _ = match (version(&package.old), version(&package.new)) {
                        (None, Some(new)) => writeln!(out, "      + {name} {new}"),
                        (Some(old), None) => writeln!(out, "      - {name} {old}"),
                        (Some(old), Some(new)) => writeln!(out, "      ~ {name} {old} -> {new}"),
                        (None, None) => writeln!(out, "      + {name}"),
                    };
                }
            }
            Diff::Value { what, old, new } => {
                let word =
                    |value: &Option<String>| value.as_deref().map_or("none".to_owned(), |text| one_line(text, 200));
                let _ = writeln!(out, "      {}: {} -> {}", one_line(what, 100), word(old), word(new));
            }
        }
    }
    out
}

/// A node's plan as events: one `change` per change, then `plan`.
pub fn events(node: &str, seen: &Seen) -> Vec<Value> {
    let mut events = Vec::new();
    for note in &seen.notes {
        events.push(json!({ "event": "note", "node": node, "message": note }));
    }
    if let Some(change) = &seen.binary {
        events.push(json!({
            "event": "change",
            "node": node,
            "kind": "binary",
            "name": "/usr/local/bin/td-agent",
            "message": "td-agent is sent",
            "old": change.old.map(|hash| hash.to_string()),
            "new": change.new.to_string(),
            "diffs": [],
        }));
    }
    for done in seen.call.resources.iter().filter(|done| matches!(done.outcome, Of::Pending | Of::Failed)) {
        events.push(json!({
            "event": if done.outcome == Of::Failed { "impossible" } else { "change" },
            "node": node,
            "kind": done.kind,
            "name": done.name,
            "message": done.message,
            "diffs": done.diffs,
            "notes": done.notes,
            "needs_reboot": done.needs_reboot,
        }));
    }
    events.push(json!({
        "event": "plan",
        "node": node,
        "pending": seen.pending(),
        "failed": seen.failures().count(),
        "needs_reboot": seen.plan().is_some_and(|plan| plan.needs_reboot),
        "digest": seen.plan().map(|plan| plan.digest),
    }));
    events
}

//! `td-provision check`: one inventory, read and shown.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use td_inventory::{Become, Findings, Inventory, Node, PasswordSource, ReadError, ServerPlace, Severity, Share};

use crate::output::{Color, Outcome};

/// For people: a summary on standard output, or all errors on standard error.
pub fn screen(file: &Path, color: Color) -> Result<Outcome> {
    let Some(inventory) = read_or_say(file, color)? else {
        return Ok(Outcome::Refused);
    };
    let mut out = io::stdout().lock();
    write!(out, "{}", summary(file, &inventory))?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The inventory with its defaults written out, as YAML.
pub fn effective(file: &Path, color: Color) -> Result<Outcome> {
    let Some(inventory) = read_or_say(file, color)? else {
        return Ok(Outcome::Refused);
    };
    let yaml = inventory.to_yaml()?;
    let mut out = io::stdout().lock();
    write!(out, "{yaml}")?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The inventory; or `None` after all errors were said. Notes go to standard error too.
pub fn read_or_say(file: &Path, color: Color) -> Result<Option<Inventory>> {
    let style = color.style();
    let mut err = io::stderr().lock();
    match Inventory::read(file) {
        Ok(inventory) => {
            write!(err, "{}", inventory.notes().render(style))?;
            Ok(Some(inventory))
        }
        Err(ReadError::Refused(errors)) => {
            write!(err, "{}", errors.render(style))?;
            let count = errors.findings().len();
            let plural = if count == 1 { "" } else { "s" };
            writeln!(err, "td-provision: {count} error{plural} in {}", file.display())?;
            Ok(None)
        }
        Err(error) => {
            writeln!(err, "td-provision: {error}")?;
            Ok(None)
        }
    }
}

fn summary(file: &Path, inventory: &Inventory) -> String {
    let nodes = inventory.nodes();
    let plural = if nodes.len() == 1 { "" } else { "s" };
    let mut out = format!(
        "{}: ok: cluster {}, {} node{plural}, {}\n\n",
        file.display(),
        inventory.cluster(),
        nodes.len(),
        inventory.share().map_or("no share".to_owned(), share_words)
    );
    let head = ["node", "address", "model", "slots", "boot", "groups"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(nodes.iter().map(row)).collect();
    let widths: [usize; 6] = std::array::from_fn(|i| rows.iter().map(|row| row[i].len()).max().unwrap_or(0));
    for row in &rows {
        let cells = row.iter().zip(widths);
        let line: Vec<_> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(line.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn share_words(share: &Share) -> String {
    let server = match &share.server {
        ServerPlace::Node(name) => name.clone(),
        ServerPlace::Outside(address) => format!("{address} (no node)"),
    };
    format!("share {} of {server} on {}", share.export, share.mount)
}

/// A node's line in the summary.
fn row(node: &Node) -> [String; 6] {
    let slots = node.slots.map_or("auto".to_owned(), |slots| slots.to_string());
    let boot: Vec<_> = [
        node.boot.gpu_mem.map(|mb| format!("gpu_mem {mb} MB")),
        node.boot.arm_freq.map(|mhz| format!("arm_freq {mhz} MHz")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let words = |list: &[String]| {
        if list.is_empty() { "-".to_owned() } else { list.join(", ") }
    };
    [node.name.clone(), node.address.to_string(), node.model.to_string(), slots, words(&boot), words(&node.groups)]
}

/// For scripts: JSON lines on standard output. One `node` event per node or one `error` event per error (`note` for notes),
/// and `done` last.
pub fn json(file: &Path) -> Result<Outcome> {
    let name = file.display().to_string();
    let mut events = Vec::new();
    let mut errors = 0;
    let mut nodes = 0;
    match Inventory::read(file) {
        Ok(inventory) => {
            events.extend(finding_events(inventory.notes()));
            events.extend(inventory.nodes().iter().map(node_event));
            nodes = inventory.nodes().len();
        }
        Err(ReadError::Refused(refused)) => {
            events.extend(finding_events(refused.findings()));
            errors = refused.findings().len();
        }
        Err(error) => {
            let message = error.to_string();
            events.push(json!({ "event": "error", "file": name, "message": message }));
            errors = 1;
        }
    }
    let ok = errors == 0;
    events.push(json!({ "event": "done", "file": name, "ok": ok, "errors": errors, "nodes": nodes }));
    let mut out = io::stdout().lock();
    for event in events {
        writeln!(out, "{event}")?;
    }
    out.flush()?;
    Ok(if ok { Outcome::Done } else { Outcome::Refused })
}

fn finding_events(findings: &Findings) -> impl Iterator<Item = Value> {
    let event = match findings.severity() {
        Severity::Error => "error",
        Severity::Note => "note",
    };
    findings.iter().map(move |finding| {
        json!({
            "event": event,
            "file": findings.file(),
            "line": finding.span.line,
            "column": finding.span.column,
            "path": finding.path,
            "message": finding.message,
        })
    })
}

fn node_event(node: &Node) -> Value {
    json!({
        "event": "node",
        "name": node.name,
        "address": node.address.to_string(),
        "user": node.user,
        "model": node.model.id(),
        "slots": node.slots,
        "groups": node.groups,
        "boot": { "gpu_mem": node.boot.gpu_mem, "arm_freq": node.boot.arm_freq },
        "povray_word_size": node.povray_word_size,
        "packages": node.packages,
        "apt_proxy": node.apt_proxy,
        "ssh_port": node.ssh_port,
        "agent_port": node.agent_port,
        "jump": node.jump.as_ref().map(ToString::to_string),
        "identity_file": node.identity_file,
        "password": node.password.as_ref().map(|source| match source {
            PasswordSource::Env(name) => json!({ "env": name }),
            PasswordSource::Command(command) => json!({ "command": command }),
        }),
        "become": match node.becomes {
            Become::Sudo => "sudo",
            Become::None => "none",
        },
        "health": node.health.changed().map(|(check, bounds)| {
            (check.to_owned(), json!({ "warn": bounds.warn, "fail": bounds.fail }))
        }).collect::<serde_json::Map<_, _>>(),
    })
}

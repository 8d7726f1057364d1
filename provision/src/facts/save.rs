//! What differs from the inventory, as YAML to be copied into it.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Result, anyhow};

use td_inventory::{Model, Node};
use td_protocol::converge::facts::Facts;

use super::model::model_of;
use crate::crew::Refused;

/// Refuses a file that is there, before any node is asked: it may be somebody's inventory.
///
/// # Errors
/// [`Refused`].
pub fn free(file: &Path) -> Result<()> {
    if fs::symlink_metadata(file).is_ok() { Err(taken(file).into()) } else { Ok(()) }
}

/// Writes a new file; one that has come to be there meanwhile stays as it is.
///
/// # Errors
/// [`Refused`], or what the system says.
pub fn write(file: &Path, text: &str) -> Result<()> {
    let mut new = match OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(new) => new,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(taken(file).into()),
        Err(error) => return Err(anyhow!("{}: {error}", file.display())),
    };
    new.write_all(text.as_bytes()).map_err(|error| {
        // Half of it would be taken for all.
        let _ = fs::remove_file(file);
        anyhow!("{}: {error}", file.display())
    })
}

fn taken(file: &Path) -> Refused {
    let file = file.display();
    Refused(format!("{file} is there already, and --save overwrites nothing: name a new file, or move that one away"))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("inventory.yaml");
        free(&file).expect("is free");
        write(&file, "one\n").expect("is written");
        for refused in [free(&file), write(&file, "two\n")] {
            let error = refused.expect_err("is there");
            assert!(error.is::<Refused>() && error.to_string().contains("is there already"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).expect("is read"), "one\n");
        // Nor what a link means.
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).expect("is made");
        assert!(free(&link).is_err() && write(&link, "x").is_err());
    }
}

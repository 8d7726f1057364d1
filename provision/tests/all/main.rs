//! The real `td-provision`, as a person and as a script meet it.

mod builds;
mod certs;
mod sessions;
mod ssh;
mod sshd;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use insta::assert_snapshot;
use tempfile::TempDir;

const GOOD: &str = include_str!("../../../inventory.yaml");
const BAD: &str = "\
cluster: paper
defaults: { modle: pi1b }
nodes:
  pi110: { address: 192.0.2.110, slots: 0 }
  pi111: { address: 192.0.2.110 }
";
const MIXED: &str = "\
defaults: { model: pi1b, boot: { gpu_mem: 16, arm_freq: 800 } }
share: { server: nas.local }
nodes:
  pi110: { address: 192.0.2.110, slots: 1, groups: [shelf, old] }
  four: { address: 2001:db8::4, model: pi4 }
  desk: { address: desk.local, model: generic, slots: 12 }
";

/// A folder with this inventory.yaml, if any.
fn folder(inventory: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if let Some(text) = inventory {
        fs::write(folder.path().join("inventory.yaml"), text).expect("written");
    }
    folder
}

/// Runs td-provision in `folder` and shows what came out.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_td-provision"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("TD_INVENTORY")
        .output()
        .expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("is UTF-8").replace('\x1b', "<ESC>");
    format!(
        "exit code {:?}\n--- stdout\n{}--- stderr\n{}",
        output.status.code(),
        text(output.stdout),
        text(output.stderr)
    )
}

#[test]
fn a_good_inventory() {
    assert_snapshot!(run(folder(Some(GOOD)).path(), &["check"]));
}

#[test]
fn a_mixed_one_with_notes() {
    assert_snapshot!(run(folder(Some(MIXED)).path(), &["check", "inventory.yaml"]));
    assert_snapshot!(run(folder(Some(MIXED)).path(), &["check", "--json"]));
    assert_snapshot!(run(folder(Some(MIXED)).path(), &["check", "--effective"]));
}

#[test]
fn a_refused_one() {
    let folder = folder(Some(BAD));
    assert_snapshot!(run(folder.path(), &["check"]));
    assert_snapshot!(run(folder.path(), &["check", "--color", "always"]));
    assert_snapshot!(run(folder.path(), &["check", "--json"]));
    assert_snapshot!(run(folder.path(), &["check", "--effective"]));
}

#[test]
fn files_that_cannot_be_read() {
    let folder = folder(None);
    assert_snapshot!(run(folder.path(), &["check"]));
    assert_snapshot!(run(folder.path(), &["check", "."]));
    assert_snapshot!(run(folder.path(), &["check", "nowhere.yaml", "--json"]));
}

#[test]
fn wrong_use() {
    let folder = folder(Some(GOOD));
    assert_snapshot!(run(folder.path(), &["chek"]));
    assert_snapshot!(run(folder.path(), &["check", "a", "b"]));
    assert_snapshot!(run(folder.path(), &["check", "--json", "--effective"]));
    assert!(run(folder.path(), &[]).starts_with("exit code Some(2)"));
}

#[test]
fn help() {
    let folder = folder(None);
    assert_snapshot!(run(folder.path(), &["--help"]));
    assert_snapshot!(run(folder.path(), &["check", "--help"]));
}

#[test]
fn the_inventory_of_the_environment() {
    let folder = folder(None);
    let file = folder.path().join("other.yaml");
    fs::write(&file, GOOD).expect("written");
    Command::new(env!("CARGO_BIN_EXE_td-provision"))
        .arg("check")
        .current_dir(folder.path())
        .env("TD_INVENTORY", &file)
        .assert()
        .success();
}

#[test]
fn the_schema_is_json_of_this_draft() {
    let output = Command::new(env!("CARGO_BIN_EXE_td-provision")).arg("schema").output().expect("runs");
    assert!(output.status.success());
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

/// `td-provision schema | head -0` is no failure and no panic.
#[test]
fn a_reader_that_goes_away() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_td-provision"))
        .arg("schema")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
}

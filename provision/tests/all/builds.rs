//! `plan` and `apply` build the agents that the nodes need, with a cross and an engine made of small scripts, before they
//! connect to a node, which is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

const INVENTORY: &str = "nodes:\n  four: { address: 127.0.0.1, ssh_port: 1, user: pi, model: pi4 }\n";
const TRIPLE: &str = "aarch64-unknown-linux-musl";

/// A checkout with the least that one needs, and the tools of the cross way.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().expect("a folder") };
        machine.write("td/Cargo.toml", "[workspace.package]\nrust-version = \"1.89\"\n");
        machine.write("td/Cargo.lock", "");
        machine.write("td/agent/Cargo.toml", "[package]\nname = \"td-agent\"\n");
        machine.write("td/agent/src/main.rs", "");
        machine.write("td/protocol/src/lib.rs", "");
        machine.write("td/Cross.toml", format!("[target.{TRIPLE}]\nimage = \"localhost/td-cross:1\"\n"));
        machine.write("td/inventory.yaml", INVENTORY);
        machine.write("home/.keep", "");
        machine.write(format!("toolchain/lib/rustlib/{TRIPLE}/lib/libstd-0.rlib"), "");
        machine.write("program", program());
        let sysroot = machine.path("toolchain").display().to_string();
        let rustc =
            format!("case $1 in --print) echo {sysroot} ;; *) printf 'rustc 1.99.0\\nrelease: 1.99.0\\n' ;; esac");
        machine.script("toolchain/bin/rustc", &rustc);
        machine.script("toolchain/bin/cargo", "echo cargo");
        machine.script("bin/rustc", &rustc);
        machine.script("bin/rustup", "exit 1");
        machine.script("bin/docker", "case $1 in image) echo sha256:1234 ;; *) echo ok ;; esac");
        machine.works();
        machine
    }

    fn works(&self) {
        let build = format!(
            "[ \"$1\" = build ] || {{ echo cross 0.2.5; exit; }}\n\
             d=$CARGO_TARGET_DIR/{TRIPLE}/release; mkdir -p $d; cp {} $d/td-agent",
            self.path("program").display()
        );
        self.script("bin/cross", &build);
    }

    fn path(&self, below: impl AsRef<std::path::Path>) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, below: impl AsRef<std::path::Path>, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn script(&self, below: &str, text: &str) {
        self.write("draft", format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(self.path("draft"), fs::Permissions::from_mode(0o755)).expect("may be run");
        fs::create_dir_all(self.path(below).parent().expect("has one")).expect("made");
        // Written by another process: a file that this one has open for writing cannot be run.
        let copied = std::process::Command::new("cp").arg(self.path("draft")).arg(self.path(below)).status();
        assert!(copied.expect("cp runs").success());
    }

    /// The exit code and all events.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_td-provision"))
            .args(arguments)
            .arg("--json")
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .current_dir(self.path("td"))
            .output()
            .expect("runs");
        let lines = String::from_utf8(output.stdout).expect("is UTF-8");
        let events = lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")));
        (output.status.code(), events.collect())
    }
}

/// The least that passes for a static, stripped program for ARM64.
fn program() -> Vec<u8> {
    let mut bytes = vec![0_u8; 64];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16] = 2;
    bytes[18] = 183;
    bytes
}

fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

#[test]
fn agents_are_built_of_the_sources_before_anything_is_connected_to() {
    let machine = Machine::new();
    let (code, events) = machine.run(&["apply", "--yes"]);
    assert_eq!(code, Some(4), "{events:?}");
    let built = of(&events, "built");
    assert_eq!(built.len(), 1, "{events:?}");
    assert_eq!(
        (&built[0]["target"], &built[0]["built"], &built[0]["with"]),
        (&TRIPLE.into(), &true.into(), &"cross".into())
    );
    assert_eq!(fs::read(built[0]["path"].as_str().expect("a path")).expect("is there"), program());
    let place = |kind: &str| events.iter().position(|event| event["event"] == kind);
    assert!(place("build") < place("stage") && place("built") < place("unreachable"), "{events:?}");

    // What was built of these sources is not built again, whatever the tools are by now.
    machine.script("bin/cross", "exit 1");
    machine.script("bin/rustc", "exit 1");
    for command in [&["apply", "--yes"][..], &["plan"]] {
        let (_, events) = machine.run(command);
        assert!(of(&events, "build").is_empty() && of(&events, "note").is_empty(), "{events:?}");
    }

    // Other sources, and no way to build: what is there is taken, and that it may be old is said.
    machine.write("td/agent/src/main.rs", "fn main() {}");
    let (code, events) = machine.run(&["plan", "--no-build"]);
    assert_eq!((code, of(&events, "build").len()), (Some(4), 0), "{events:?}");
    machine.script("bin/cross", "[ \"$1\" = build ] || { echo cross 0.2.5; exit; }; echo 'it broke' >&2; exit 101");
    machine.script("bin/rustc", &fs::read_to_string(machine.path("toolchain/bin/rustc")).expect("is there"));
    let (code, events) = machine.run(&["plan"]);
    assert_eq!(code, Some(4), "the node's, not the build's: {events:?}");
    let notes = of(&events, "note");
    let said = notes[0]["message"].as_str().expect("a sentence");
    assert!(said.contains("ARM64") && said.contains("it broke") && said.contains("older than td's sources"), "{said}");
    machine.works();
    let (_, events) = machine.run(&["plan"]);
    assert_eq!(of(&events, "built").len(), 1, "{events:?}");
}

/// Agents from elsewhere are not built.
#[test]
fn a_folder_of_agents_takes_the_place_of_building() {
    let machine = Machine::new();
    let (code, events) = machine.run(&["apply", "--yes", "--agents", "none"]);
    assert_eq!((code, of(&events, "build").len()), (Some(4), 0), "{events:?}");
    assert!(!machine.path("td/target").exists());
}

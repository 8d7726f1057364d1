//! What is missing is said in one sentence, with the command that helps, and exit code 2; nothing has been touched then.

use crate::machine::{Machine, shown};

fn refused(machine: &Machine, arguments: &[&str], words: &[&str]) {
    let (code, out, said) = machine.run(arguments);
    assert_eq!((code, out.as_str()), (2, ""), "{said}");
    for word in words {
        assert!(said.contains(word), "lacks {word:?}: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(machine.builds(), 0);
}

#[test]
fn an_unknown_target() {
    refused(&Machine::bare(), &["--target", "riscv64"], &["riscv64", "armv6", "aarch64-unknown-linux-musl"]);
}

#[test]
fn no_sources() {
    let machine = Machine::bare();
    let mut command = machine.command(&["--source", "/usr"]);
    let (code, _, said) = shown(&command.output().expect("runs"));
    assert_eq!(code, 2);
    assert!(said.contains("--source") && said.contains("/usr"), "{said}");
}

#[test]
fn no_cross() {
    refused(&Machine::bare(), &["--with", "cross"], &["cargo install cross --version 0.2.5"]);
}

#[test]
fn another_cross() {
    let machine = Machine::with_cross();
    for version in ["0.1.16", "0.2.5 (8c1a8aa 2026-01-13)"] {
        machine.script("cross", &format!("echo 'cross {version}'"));
        let words = [format!("cross {version},"), "cargo install cross --version 0.2.5".to_owned()];
        refused(&machine, &["--with", "cross"], &words.each_ref().map(String::as_str));
    }
}

#[test]
fn no_engine_that_answers() {
    let machine = Machine::with_cross();
    machine.script("docker", "echo 'Cannot connect to the Docker daemon at unix:///run/docker.sock.' >&2; exit 1");
    machine.script("podman", "echo 'Cannot connect to Podman.' >&2; exit 125");
    // Each has its own sentence: which of the two is to be mended is the user's to say.
    let words = ["sudo systemctl start docker", "docker.sock", "`podman info` shows", "Cannot connect to Podman"];
    refused(&machine, &["--with", "cross"], &words);
}

#[test]
fn an_engine_without_permission() {
    let machine = Machine::with_cross();
    for engine in ["docker", "podman"] {
        machine.script(engine, "echo 'permission denied while trying to connect to the socket' >&2; exit 1");
    }
    refused(&machine, &["--with", "cross"], &["usermod -aG docker", "log in again", "permission denied"]);
}

#[test]
fn an_image_that_is_not_there() {
    let machine = Machine::with_cross();
    machine.script("docker", "[ \"$1\" != image ] || { echo 'No such image' >&2; exit 1; }; echo ok");
    refused(
        &machine,
        &["--with", "cross"],
        &["docker build -t localhost/td-cross:1 -f", "cross/Containerfile", "--with zig"],
    );
}

#[test]
fn a_target_without_an_image() {
    let machine = Machine::with_cross();
    let (code, _, said) = machine.run(&["--with", "cross", "--target", "arm64"]);
    assert_eq!(code, 1);
    assert!(said.contains("Cross.toml") && said.contains("aarch64-unknown-linux-musl"), "{said}");
}

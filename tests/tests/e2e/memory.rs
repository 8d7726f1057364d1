//! Slots follow free memory: a real agent that the kernel tells of little.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use td_tests::process::{self, Outcome, Running};
use td_tests::sandbox::Sandbox;
use td_tests::skip::{is_root, skip};
use td_tests::{events, programs};

use crate::faults::cluster::shown;
use crate::no_room::may_mount;
use crate::scenes::SMALL;

const LIMIT: Duration = Duration::from_secs(120);
/// A picture whose buffer takes 38 MB.
const SIZE: [&str; 2] = ["+W1600", "+H1200"];

/// An agent of four slots whose machine has so many kilobytes of free memory.
fn agent(sandbox: &Sandbox, kilobytes: u32) -> (Running, PathBuf) {
    let meminfo = sandbox.write("meminfo", format!("MemTotal: 1000000 kB\nMemAvailable: {kilobytes} kB\n"));
    let socket = sandbox.path().join("agent.sock");
    let mut command = sandbox.command("unshare");
    let script = "set -eu; mount --make-rprivate /; mount --bind \"$0\" /proc/meminfo; exec \"$@\"";
    command.args(["--mount", "sh", "-c", script]).arg(meminfo).arg(programs::binary("td-agent"));
    command.args(["serve", "--name", "pi2", "--slots", "4", "--cache", "cache", "--socket"]).arg(&socket);
    let mut running = process::start(&mut command);
    while !socket.exists() {
        assert!(!running.has_ended(), "no agent: {}", running.err_so_far());
        std::thread::sleep(Duration::from_millis(20));
    }
    (running, socket)
}

fn td(sandbox: &Sandbox, typed: &[&str], socket: &Path) -> Command {
    let mut command = sandbox.td(typed);
    command.args(SIZE).arg("scene.pov").arg("--agent").arg(socket);
    command
}

#[test]
fn three_of_four_slots_where_memory_is_short() {
    if !is_root() || !may_mount() {
        return skip("little_memory", "needs root and a mount namespace");
    }
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let (agent, socket) = agent(&sandbox, 220_000);
    let words = ["225 MB of free memory", "about 56 MB", "3 of its 4 slots are used"];

    let told = |outcome: &Outcome| {
        outcome.code(0);
        assert!(words.iter().all(|word| outcome.out().contains(word)), "{words:?}\n{}", outcome.transcript());
    };
    told(&process::run(&mut td(&sandbox, &["plan"], &socket), LIMIT));
    let outcome = process::run(&mut td(&sandbox, &["render", "--json", "-o", "out.png"], &socket), LIMIT);
    told(&outcome);
    shown("little_memory", &outcome, &["MB of free memory"]);
    let done = events::last(&outcome).unwrap();
    let nodes = done["nodes"].as_object().unwrap();
    assert_eq!(nodes.values().next().unwrap()["busy"].as_array().unwrap().len(), 3, "{done:?}");

    agent.signal(Signal::TERM);
    let _ = agent.wait(LIMIT);
    sandbox.nothing_left_behind();
}

//! Nodes that die, freeze and come back while a picture is rendered over TLS. The picture is always the one.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use td_tests::cluster::Cluster;
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome, Running};
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, events};

use crate::faults::cluster::{shown, shown_with_reason};
use crate::scenes::SLOW;

pub const LIMIT: Duration = Duration::from_secs(400);
pub const NAMES: [&str; 3] = ["one", "two", "three"];
const SWITCHES: [&str; 4] = ["+W161", "+H257", "+A0.9", "+AM2"];

fn scene() -> String {
    SLOW.to_owned()
}

/// A render on all nodes of which each has sent rows.
pub fn under_way(cluster: &Cluster<'_>) -> Running {
    let mut running = process::start(&mut command(cluster));
    until_under_way(&mut running);
    running
}

/// A render on all nodes.
pub fn command(cluster: &Cluster<'_>) -> Command {
    cluster.sandbox.write("slow.pov", scene());
    let mut command = cluster.sandbox.td(["render", "slow.pov", "-i", "inventory.yaml", "-o", "out.png", "--json"]);
    command.args(SWITCHES);
    command
}

/// Waits until each node has sent rows.
pub fn until_under_way(running: &mut Running) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let at_work = |said: &str| {
        let mut progress = said.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let last = progress.find(|event| event["event"] == "progress");
        last.is_some_and(|event| NAMES.iter().all(|name| event["nodes"][name]["busy"] == 1) && event["rows_done"] != 0)
    };
    while !at_work(&running.out_so_far()) {
        let ended = running.has_ended();
        let said = format!("{}\n{}", running.out_so_far(), running.err_so_far());
        assert!(!ended && Instant::now() < deadline, "not all nodes are at work; td said:\n{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until td has told a note with these words.
#[track_caller]
pub fn wait_for(running: &mut Running, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !running.out_so_far().contains(words) {
        let said = running.out_so_far();
        assert!(!running.has_ended() && Instant::now() < deadline, "td does not say {words:?}, but:\n{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The render ends well, and its picture is the one that plain POV-Ray makes.
#[track_caller]
pub fn ends_exact(cluster: &Cluster<'_>, running: Running) -> events::Event {
    events::last(&told_and_exact(cluster, running)).unwrap()
}

/// The same, and all that td said.
#[track_caller]
pub fn told_and_exact(cluster: &Cluster<'_>, running: Running) -> Outcome {
    let outcome = running.wait(LIMIT);
    outcome.code(0).speaks_to_a_person();
    is_exact(cluster);
    outcome
}

/// The picture is the one that plain POV-Ray makes.
#[track_caller]
pub fn is_exact(cluster: &Cluster<'_>) {
    let alone = Sandbox::new();
    alone.write("slow.pov", scene());
    let folder = alone.work();
    let switches = SWITCHES.map(str::to_owned);
    let wanted = Reference { root: &folder, folder: &folder, scene: "slow.pov", switches: &switches }.picture();
    let out = cluster.sandbox.work().join("out.png");
    compare::same(&wanted.unwrap(), &Picture::read(&out).unwrap()).unwrap();
}

#[test]
fn a_node_is_killed_in_the_middle() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::start(&sandbox, &NAMES);
    let mut running = under_way(&cluster);
    cluster.end_node(1, Signal::KILL);
    wait_for(&mut running, "two was lost");
    ends_exact(&cluster, running);
    // An agent clears away at its start what a killed one left.
    cluster.start_node(1);
    cluster.end();
}

/// It freezes for longer than any patience; the others do not wait for it.
#[test]
fn a_node_freezes_in_the_middle() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &NAMES);
    let mut running = under_way(&cluster);
    cluster.running(1).signal(Signal::STOP);
    wait_for(&mut running, "nothing heard for");
    let outcome = told_and_exact(&cluster, running);
    shown_with_reason("node_frozen", &outcome, &["two was lost", "nothing heard for"]);
    cluster.running(1).signal(Signal::CONT);
    cluster.end();
}

#[test]
fn a_node_that_thaws_is_used_again() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &NAMES);
    let mut running = under_way(&cluster);
    cluster.running(1).signal(Signal::STOP);
    wait_for(&mut running, "nothing heard for");
    cluster.running(1).signal(Signal::CONT);
    wait_for(&mut running, "two is back");
    ends_exact(&cluster, running);
    cluster.end();
}

/// All nodes are gone for a while, and then one of them is back.
#[test]
fn all_are_lost_and_one_comes_back() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::start(&sandbox, &NAMES);
    let mut running = under_way(&cluster);
    for number in 0..3 {
        cluster.end_node(number, Signal::KILL);
    }
    wait_for(&mut running, "no agent is left: waiting");
    cluster.start_node(2);
    wait_for(&mut running, "three is back");
    let outcome = told_and_exact(&cluster, running);
    shown("all_lost_for_a_while", &outcome, &["no agent is left: waiting"]);
    shown("back", &outcome, &["three is back"]);
    cluster.start_node(0);
    cluster.start_node(1);
    cluster.end();
}

#[test]
fn ctrl_c_does_not_wait_for_a_frozen_node() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &NAMES);
    let running = under_way(&cluster);
    cluster.running(1).signal(Signal::STOP);
    running.signal(Signal::INT);
    // Far less than any patience with a node that does not answer.
    running.wait(Duration::from_secs(10)).code(130);
    assert!(!sandbox.work().join("out.png").exists());
    cluster.running(1).signal(Signal::CONT);
    cluster.end();
}

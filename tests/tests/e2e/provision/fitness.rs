//! Nodes that an apply has set up and that are not well: what a render makes of what their probes and agents see.

use std::time::Duration;

use td_tests::nodes::{self, Cluster};
use td_tests::picture::Picture;
use td_tests::{compare, events, process, programs};

use super::health::PROBE;
use super::{Master, SHARE, usual};
use crate::faults::cluster::{LIMIT, SCENE, notes, until};

/// Long enough that a node is asked for its health again before the other one has done it all.
const SIZE: [&str; 2] = ["+W241", "+H1600"];

#[test]
#[ignore = "two nodes, and minutes of rendering: make e2e"]
fn who_is_throttled_counts_for_less_and_who_has_no_room_comes_back_with_it() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(2);
    let master = Master::with(&cluster, &usual(&cluster), SHARE);
    assert!(master.apply() > 10);
    let sandbox = &master.sandbox;
    sandbox.write("scene.pov", SCENE);
    for node in cluster.nodes() {
        // What a minute's timer does at any moment must not come between a cause and its effect.
        node.sh("systemctl stop td-probe.timer");
    }
    cluster.node(1).sh(&format!("echo 0x40004 >/run/firmware/throttled; {PROBE}"));
    cluster.node(2).sh(
        "systemctl stop td-agent; mount -t tmpfs -o size=400m,mode=700,uid=$(id -u td),gid=$(id -g td) tmpfs /var/lib/td/cache
         systemctl start td-agent; head -c 390000000 /dev/zero >/var/lib/td/cache/fill",
    );

    let mut render = sandbox.td(["render", "scene.pov", "-i", "inventory.yaml", "--json", "-o", "out.png"]);
    let mut running = process::start(render.args(SIZE));
    until(&mut running, "pi2 gets no strips: scratch: ");
    until(&mut running, "pi1 is reckoned with 50 % of its speed: throttled: ");
    cluster.node(2).sh("rm /var/lib/td/cache/fill");
    until(&mut running, "pi2 is fit again");
    cluster.node(1).sh(&format!("rm /run/firmware/throttled; {PROBE}"));
    until(&mut running, "pi1 is fit again");
    let outcome = running.wait(LIMIT * 3);
    outcome.code(0);
    let slowed = |note: &String| note.contains("pi1 was slowed down during the job: throttled: ");
    assert!(notes(&outcome).iter().any(slowed), "{}", outcome.transcript());
    let done = events::last(&outcome).unwrap();
    for node in ["pi1", "pi2"] {
        assert!(done["nodes"][node]["rows"].as_u64().unwrap() > 0, "{node}: {done:?}");
    }

    let mut povray = sandbox.command(programs::povray());
    povray.args(["+Iscene.pov", "+Oplain.png", "-D", "+FN8", "+WT2"]).args(SIZE);
    process::run(&mut povray, Duration::from_secs(900)).code(0);
    let read = |name: &str| Picture::read(&sandbox.work().join(name)).unwrap();
    compare::same(&read("plain.png"), &read("out.png")).unwrap_or_else(|e| panic!("{e}\n{}", outcome.transcript()));

    // The cards are written to only when that is asked for, and the past is there.
    let health = |more: &[&str]| {
        let mut command = sandbox.td(["health", "-i", "inventory.yaml"]);
        process::run(command.args(more), Duration::from_secs(60))
    };
    let state = |more: &[&str], check: &str| {
        let outcome = health(more);
        let survey: serde_json::Value = serde_json::from_str(&outcome.out()).unwrap();
        let checks = survey["nodes"][1]["checks"].as_array().unwrap().clone();
        checks.iter().find(|one| one["name"] == check).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&["--json"], "card-speed"), "unsupported");
    assert_ne!(state(&["--json", "--deep"], "card-speed"), "unsupported");
    let past = health(&["pi1", "--since", "1h"]).code(0).out();
    assert!(["pi1, the last 60 min", "rendering", "scratch free"].iter().all(|words| past.contains(words)), "{past}");
}

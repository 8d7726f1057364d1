//! The master's own small view of the picture, for which nodes that are much slower than the master wait.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use td_tests::process;

use crate::faults::cluster::{Cluster, LIMIT, SWITCHES};

/// Two agents whose POV-Rays are told to be a hundredth as fast as they are.
fn slow_nodes() -> Cluster {
    let mut cluster = Cluster::new(2);
    let sockets: Vec<_> = cluster.agents.iter().map(|agent| agent.socket.clone()).collect();
    let mut asks = cluster.sandbox.td(["plan", "scene.pov"]);
    asks.args(SWITCHES).args(sockets.iter().flat_map(|socket| ["--agent".as_ref(), socket.as_os_str()]));
    // An agent measures its POV-Ray when somebody asks.
    process::run(&mut asks, LIMIT).code(0);
    for agent in &mut cluster.agents {
        agent.kill();
        let file = agent.cache.join("fingerprint.json");
        let mut kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let speed = kept["found"]["speed"].as_f64().expect("a measured speed");
        kept["found"]["speed"] = (speed / 100.0).into();
        fs::write(&file, kept.to_string()).unwrap();
        agent.start(&cluster.sandbox);
    }
    cluster
}

/// How far the view is reaches those that wait for it, so that they wait a bit longer where it is about to end.
#[test]
fn how_far_the_view_is_is_heard_before_the_first_cut() {
    let cluster = slow_nodes();
    let mut command = cluster.sandbox.td(["render", "scene.pov", "-o", "out.png", "--json"]);
    command.args(SWITCHES).env("TD_LOG", "td=debug");
    for agent in &cluster.agents {
        command.arg("--agent").arg(&agent.socket);
    }
    let mut running = process::start(&mut command);
    let deadline = Instant::now() + LIMIT;
    // The first strip follows the first cut.
    while !running.out_so_far().contains("\"event\":\"strip\"") {
        assert!(!running.has_ended() && Instant::now() < deadline, "no strip: {}", running.err_so_far());
        std::thread::sleep(Duration::from_millis(10));
    }
    let said = running.err_so_far();
    assert!(said.contains("% of the view is traced"), "{said}");
    running.wait(LIMIT).code(0);
    cluster.ends();
}

//! What nodes say of their health: the probe that an apply sets up, and the server that passes on what it saw.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use td_tests::nodes::{self, Cluster, Node};
use td_tests::process::{self, Outcome};

use super::apply::{trees, unchanged};
use super::{LIMIT, Master};

/// Runs the probe as its timer does, which never comes near systemd's bound on starts; a test does.
pub const PROBE: &str = "systemctl reset-failed td-probe.service; systemctl start td-probe.service";

/// Asks a node's agent, as the master that it trusts.
fn ask(master: &Master<'_>, node: &Node, path: &str) -> Outcome {
    let folder = master.credentials();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--tlsv1.3"]);
    for (option, file) in [("--cacert", "ca.pem"), ("--cert", "master.pem"), ("--key", "master.key")] {
        curl.arg(option).arg(folder.join(file));
    }
    curl.arg("--resolve").arg(format!("{}:7979:{}", node.name(), node.address()));
    process::run(curl.arg(format!("https://{}:7979{path}", node.name())), Duration::from_secs(60))
}

#[track_caller]
fn report(master: &Master<'_>, node: &Node) -> Value {
    let outcome = ask(master, node, "/health");
    serde_json::from_str(&outcome.code(0).out()).unwrap_or_else(|e| panic!("{e}\n{}", outcome.transcript()))
}

/// Runs the probe as its timer does, and asks.
#[track_caller]
fn probed(master: &Master<'_>, node: &Node) -> Value {
    node.sh(PROBE);
    report(master, node)
}

/// Asks again and again, probing each time, until `is` holds.
#[track_caller]
fn until(master: &Master<'_>, node: &Node, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + LIMIT;
    loop {
        let said = probed(master, node);
        if is(&said) {
            return said;
        }
        assert!(Instant::now() < end, "{}: {what}: {said:#}", node.name());
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn probes(node: &Node) -> usize {
    // Not the shell that asks.
    node.sh("pgrep -fc 'exe [p]robe-child' || true").trim().parse().unwrap()
}

#[test]
fn a_nodes_health_is_told_whatever_becomes_of_the_share() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(2);
    let master = Master::new(&cluster);
    assert!(master.apply() > 10);
    let (server, client) = (cluster.node(1), cluster.node(2));

    // The timer runs by itself, and what it found is there for everybody to read, and for root to write.
    let by_itself = Instant::now() + LIMIT;
    while !client.run(&["test", "-e", "/run/td/probe.json"]).status.success() {
        assert!(Instant::now() < by_itself, "the timer does not start the probe");
        std::thread::sleep(Duration::from_millis(200));
    }
    client.sh("stat -c '%U %a' /run/td/probe.json | grep -x 'root 644'; systemctl is-enabled td-probe.timer");
    let said =
        until(&master, client, "the slow half comes in the second run", |said| !said["probed"]["slow"].is_null());
    let slow = &said["probed"]["slow"];
    assert!(slow["povray"].as_str().is_some_and(|version| version.starts_with("3.7")), "{said:#}");
    assert_eq!(slow["render"]["passed"], true, "{said:#}");
    assert!(slow["imagemagick"].is_string() && slow["packages_known"] == true, "{said:#}");
    assert_eq!(slow["pending_reboot"], serde_json::json!([]), "{said:#}");
    assert!(said["fast_age"].is_number() && said["slow_age"].is_number(), "{said:#}");
    assert!(said["certificate_end"].as_f64().is_some_and(|end| end > 1.8e9), "{said:#}");
    assert!(
        said["look"]["memory"]["total"].as_u64() > Some(0) && !said["look"]["disks"].as_array().unwrap().is_empty()
    );
    let root = &said["look"]["disks"][0];
    assert!(root["place"] == "root" && root["read_only"] == false, "the unit's own view is read-only: {said:#}");
    let share = &said["probed"]["fast"]["share"];
    assert!(share["mounted"] == true && share["answered"].is_number() && share["problem"].is_null(), "{said:#}");
    assert!(share["clock_ahead"].is_number(), "{said:#}");
    let said =
        until(&master, server, "its own share works", |said| said["probed"]["fast"]["share"]["answered"].is_number());
    assert_eq!(said["probed"]["fast"]["share"]["is_server"], true, "{said:#}");
    server.sh("if ls -A /srv/td | grep td-health; then exit 1; fi");

    // The firmware's bits, and its settings in effect.
    client.sh("echo 0x50005 >/run/firmware/throttled; echo 81.0 >/run/firmware/temp");
    let said = probed(&master, client);
    let firmware = &said["probed"]["fast"]["firmware"];
    assert_eq!(
        (&firmware["throttled"], &firmware["temperature"]),
        (&Value::from(0x5_0005), &Value::from(81.0)),
        "{said:#}"
    );
    assert_eq!((&firmware["gpu_mem"], &firmware["arm_freq"]), (&Value::from(16), &Value::from(800)), "{said:#}");
    let metrics = ask(&master, client, "/metrics");
    metrics.code(0);
    for line in [
        "td_throttled{condition=\"under_voltage\",when=\"now\"} 1",
        "td_throttled{condition=\"frequency_capped\",when=\"now\"} 0",
        "td_throttled{condition=\"throttled\",when=\"since_boot\"} 1",
        "td_temperature_celsius{source=\"firmware\"} 81",
        "td_share_works{path=\"/mnt/td\"} 1",
    ] {
        assert!(metrics.out().lines().any(|said| said == line), "{line}\n{}", metrics.out());
    }
    client.sh("td-agent probe --textfile /tmp; grep -qx 'td_share_works{path=\"/mnt/td\"} 1' /tmp/td.prom");
    let history = ask(&master, client, "/health/history?since=3600");
    let history: Value = serde_json::from_str(&history.code(0).out()).unwrap();
    assert!(!history["samples"].as_array().unwrap().is_empty(), "{history:#}");

    client.run(&["systemd-run", "--unit=broken", "--wait", "--quiet", "false"]);
    let said = probed(&master, client);
    assert_eq!(said["probed"]["fast"]["failed_units"], serde_json::json!(["broken.service"]), "{said:#}");
    client.sh("systemctl reset-failed broken.service");
    let journal = client.sh("journalctl --quiet --output=cat --unit=td-probe.service");
    assert_eq!(journal, "", "its starts are nothing to write about");

    // Nothing of this is a change; a timer that was stopped is one.
    let before = trees(&cluster);
    assert_eq!(master.apply(), 0, "a second apply changes nothing");
    unchanged(&cluster, &before);
    let agent = client.sh("systemctl show -p MainPID --value td-agent");
    client.sh("systemctl stop td-probe.timer");
    assert_eq!(master.apply(), 1, "the timer is started again");
    client.sh("systemctl is-active td-probe.timer");
    assert_eq!(client.sh("systemctl show -p MainPID --value td-agent"), agent, "the agent is left alone for that");

    // The share's server stops. The client goes on answering, and nothing piles up there.
    server.sh("systemctl stop nfs-server");
    let silent = |said: &Value| {
        let share = &said["probed"]["fast"]["share"];
        share["answered"].is_null() && (share["hangs"].is_number() || share["problem"].is_string())
    };
    until(&master, client, "the share is gone", silent);
    for _ in 0..100 {
        report(&master, client);
    }
    for _ in 0..4 {
        let said = probed(&master, client);
        assert!(silent(&said) && said["fast_age"].is_number(), "{said:#}");
    }
    assert!(probes(client) <= 1, "{}", client.sh("ps -ef"));
    let threads = client.sh("ls /proc/$(systemctl show -p MainPID --value td-agent)/task | wc -l");
    assert!(threads.trim().parse::<u32>().unwrap() < 20, "{threads}");
    server.sh("systemctl start nfs-server");
    until(&master, client, "the share is back", |said| said["probed"]["fast"]["share"]["answered"].is_number());
    assert_eq!(probes(client), 0, "{}", client.sh("ps -ef"));
}

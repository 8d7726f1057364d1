//! Nodes with a kernel of their own: real NFS on both sides, a real FAT for the boot folder, a clock that can be wrong.

use std::time::Duration;

use serde_json::Value;
use td_tests::nodes::{self, Cluster, Fresh};
use td_tests::process;

use super::apply::{renders, trees, unchanged};
use super::{Master, causes, changed};

/// User Mode Linux takes minutes for packages.
const LONG: Duration = Duration::from_secs(2400);

#[test]
#[ignore = "User Mode Linux, some ten minutes: make e2e"]
fn a_real_share() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(2, |_| Fresh::new().own_kernel());
    let (server, client) = (cluster.node(1), cluster.node(2));
    let master = Master::new(&cluster);
    // 1970: neither archives' signatures nor certificates hold then.
    client.sh("timedatectl set-ntp false || true; date -s '1970-01-02 03:04:05' >/dev/null; date +%Y | grep -x 1970");
    let apply = || {
        let outcome = process::run(master.command(&["apply", "--yes", "--json"]).arg("--accept-new"), LONG);
        outcome.code(0).speaks_to_a_person();
        changed(&outcome)
    };
    assert!(apply() > 20);
    client.sh("test $(date +%Y) -ge 2024");
    // The kernel's own, over the network and locally bound.
    client.sh("ls /mnt/td; grep ' /mnt/td nfs4 ' /proc/mounts");
    server.sh("grep ' /mnt/td ext4 ' /proc/mounts; exportfs | grep -q /srv/td; cat /proc/fs/nfsd/versions");
    // td's account writes, root does not (root_squash), and what it writes is td's on the server.
    client
        .sh("cd /; su -s /bin/sh td -c 'echo hello >/mnt/td/own'; if touch /mnt/td/roots 2>/dev/null; then exit 1; fi");
    server.sh("stat -c '%U %s' /srv/td/own | grep -x 'td 6'; rm /srv/td/own");
    for node in cluster.nodes() {
        node.sh("grep ' /boot/firmware vfat ' /proc/mounts; tail -n 5 /boot/firmware/config.txt | grep -x gpu_mem=16");
    }
    renders(&master);
    let before = trees(&cluster);
    assert_eq!(apply(), 0, "a second apply changes nothing");
    unchanged(&cluster, &before);
    process::run(&mut master.command(&["verify"]), LONG).code(0);

    // The server's power is cut: the client's checks end with a sentence, and it boots without it.
    server.kill();
    let outcome = process::run(&mut master.command(&["verify", "--limit", "pi2"]), LONG);
    insta::assert_snapshot!("real_share_server_off", master.plain(&format!("{}{}", outcome.out(), outcome.err())));
    outcome.code(1).speaks_to_a_person();
    client.reboot();
    server.start();
    server.wait_up();
    process::run(&mut master.command(&["verify"]), LONG).code(0);
    // Containers' agents see the boot of the machine below them; these have their own.
    let mut health = master.sandbox.td(["health", "-i", "inventory.yaml", "--json", "--timeout", "60"]);
    let health: Value = serde_json::from_str(&process::run(&mut health, LONG).out()).unwrap();
    for (node, is_unexpected) in [(0, true), (1, false)] {
        let checks = health["nodes"][node]["checks"].as_array().unwrap();
        let reboot = checks.iter().find(|check| check["name"] == "reboot").unwrap();
        let state = if is_unexpected { "warn" } else { "ok" };
        assert!(reboot["facts"]["unexpected"] == is_unexpected && reboot["state"] == state, "{reboot:#}");
        println!("seen: {}", reboot["sentence"]);
    }
    assert_eq!(apply(), 0);
    unchanged(&cluster, &before);
}

#[test]
#[ignore = "User Mode Linux, some twelve minutes: make e2e"]
fn causes_and_their_tables() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(2, |_| Fresh::new().own_kernel());
    let master = Master::new(&cluster);
    process::run(master.command(&["apply", "--yes"]).arg("--accept-new"), LONG).code(0);
    insta::assert_snapshot!("causes", causes::of_own_kernels(&master));
}

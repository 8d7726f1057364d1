//! From fresh nodes to a picture, and that a second apply changes nothing.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use td_tests::nodes::{self, Cluster, Fresh, Tree, changes};
use td_tests::picture::Picture;
use td_tests::{compare, events, process, programs};

use super::{Master, SHARE};
use crate::scenes::{SIZE, SMALL};

pub fn trees(cluster: &Cluster) -> Vec<Tree> {
    cluster.nodes().iter().map(nodes::Node::tree).collect()
}

#[track_caller]
pub fn unchanged(cluster: &Cluster, before: &[Tree]) {
    for ((node, before), after) in cluster.nodes().iter().zip(before).zip(trees(cluster)) {
        let said = changes(before, &after);
        assert!(said.is_empty(), "{}: {said:#?}", node.name());
    }
}

/// Renders over TLS on the nodes, and compares with plain POV-Ray here. The scene, new each time, goes to the share's server
/// alone.
#[track_caller]
pub fn renders(master: &Master<'_>) {
    static RENDERS: AtomicU32 = AtomicU32::new(0);
    let sandbox = &master.sandbox;
    sandbox.write("scene.pov", format!("{SMALL}\n// {}\n", RENDERS.fetch_add(1, Ordering::Relaxed)));
    let mut povray = sandbox.command(programs::povray());
    povray.args(["+Iscene.pov", "+Oplain.png", "-D", "+FN8", "+WT1"]).args(SIZE);
    process::run(&mut povray, Duration::from_secs(60)).code(0);
    let args = ["render", "scene.pov", "-i", "inventory.yaml", "--json", "-o", "out.png", SIZE[0], SIZE[1]];
    let outcome = process::run(&mut sandbox.td(args), Duration::from_secs(120));
    outcome.code(0);
    let opened: Vec<_> =
        events::all(&outcome).unwrap().into_iter().filter(|event| event["event"] == "opened").collect();
    assert!(opened.len() > 1, "{}", outcome.transcript());
    for node in opened {
        let (sent, read) = if node["node"] == "pi1" { (1, 0) } else { (0, 1) };
        assert!(node["sent"] == sent && node["from_share"] == read, "{node:?}\n{}", outcome.transcript());
    }
    let read = |name: &str| Picture::read(&sandbox.work().join(name)).unwrap();
    compare::same(&read("plain.png"), &read("out.png")).unwrap_or_else(|e| panic!("{e}\n{}", outcome.transcript()));
    sandbox.nothing_left_behind();
}

#[test]
fn from_fresh_nodes_to_a_picture() {
    if !nodes::available() {
        return;
    }
    // No proxy on the nodes: the inventory's is what brings the packages.
    let cluster = Cluster::with(2, |_| Fresh::new().no_proxy());
    let master = Master::new(&cluster);
    assert!(master.apply() > 10, "there was a lot to do");
    for node in cluster.nodes() {
        assert_eq!(node.sh("hostname").trim(), node.name());
        assert_eq!(node.sh("vcgencmd get_mem gpu; vcgencmd measure_clock arm"), "gpu=16M\nfrequency(48)=800000000\n");
        node.sh("systemctl is-active td-agent; systemctl is-enabled td-agent; povray --version; convert --version");
        // The program runs as a user that may do nothing, and nobody else may read its key.
        node.sh("test $(stat -c %U /proc/$(systemctl show -p MainPID --value td-agent)) = td");
        node.sh("su pi -c '! cat /etc/td/agent.key 2>/dev/null'");
    }
    cluster.node(1).sh("grep -q /srv/td /etc/exports /etc/exports.d/* 2>/dev/null; exportfs | grep -q /srv/td");
    cluster.node(2).sh("ls /mnt/td >/dev/null; mount | grep ' on /mnt/td type fuse.nfs'");
    renders(&master);

    let before = trees(&cluster);
    assert_eq!(master.apply(), 0, "a second apply changes nothing");
    unchanged(&cluster, &before);
    master.run(&["plan"]).code(0);

    cluster.nodes().iter().for_each(nodes::Node::reboot);
    assert_eq!(master.apply(), 0, "nor does one after a reboot");
    unchanged(&cluster, &before);
    renders(&master);
    master.run(&["verify"]).code(0);
    cluster.node(1).sh("if ls -A /srv/td | grep td-proof; then exit 1; fi");
    unchanged(&cluster, &before);

    // The share has gone from the inventory since: what td put there goes all the same, td-agent last.
    let path = master.sandbox.work().join("inventory.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(SHARE), "{text}");
    fs::write(&path, text.replace(SHARE, "")).unwrap();
    let outcome = master.run(&["remove", "--yes"]);
    outcome.code(0);
    assert!(outcome.err().contains("its config.txt is without td's block"), "{}", outcome.transcript());
    for node in cluster.nodes() {
        node.sh("test ! -e /usr/local/bin/td-agent; test ! -e /etc/exports.d/td.exports; test ! -e /mnt/td");
        node.sh("test ! -e /etc/systemd/system/td-probe.timer; test ! -e /run/td; ! systemctl cat td-probe.service 2>/dev/null");
        node.sh("if grep -r '# td: begin' /etc/fstab /etc/hosts /boot/firmware/config.txt; then exit 1; fi");
        node.sh("if mount | grep ' /mnt/td '; then exit 1; fi; if id td 2>/dev/null; then exit 1; fi");
    }
    // Scenes that were rendered stay in the folder that was exported.
    master.run(&["remove", "--yes"]).code(0);
}

/// The firmware lists settings that are set; the memory's split it tells in any case.
#[test]
fn gpu_mem_alone_is_set_and_proven() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(1);
    let node = cluster.node(1);
    assert_eq!(node.sh("vcgencmd get_mem gpu"), "gpu=64M\n");
    let master = Master::with(&cluster, "model: pi1b\nboot: { gpu_mem: 16 }\n", "");
    let outcome = master.run(&["apply", "--yes", "--json", "--only", "boot"]);
    outcome.code(0);
    let events = events::all(&outcome).unwrap();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    assert_eq!(of("rebooted").len(), 1, "{}", outcome.transcript());
    let proofs = of("proof");
    assert_eq!(proofs.len(), 1, "{}", outcome.transcript());
    assert_eq!(proofs[0]["proof"], "gpu_mem");
    assert_eq!(proofs[0]["result"], "passed", "{}", outcome.transcript());
    assert_eq!(node.sh("vcgencmd get_mem gpu"), "gpu=16M\n");
    master.run(&["plan", "--only", "boot"]).code(0);
    let facts = master.run(&["facts"]);
    facts.code(0);
    assert!(facts.out().contains("gpu 16 MB, arm 700 MHz"), "{}", facts.transcript());
}

//! From fresh nodes to a picture, and that a second apply changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
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

/// What it builds with is a script here, in a checkout with the least that one needs.
#[test]
fn a_node_of_another_architecture_gets_its_agent_built() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(1);
    // A Raspberry Pi with a 64-bit system, which nobody has told the inventory.
    cluster.node(1).sh("printf '#!/bin/sh\\necho aarch64\\n' >/usr/local/bin/uname; chmod +x /usr/local/bin/uname");
    let master = Master::with(&cluster, "", "");
    let sandbox = &master.sandbox;
    sandbox.write("Cargo.toml", "[workspace.package]\nrust-version = \"1.89\"\n");
    sandbox.write("agent/Cargo.toml", "[package]\nname = \"td-agent\"\n");
    for file in ["Cargo.lock", "agent/src/main.rs", "protocol/src/lib.rs"] {
        sandbox.write(file, "");
    }
    sandbox.write("Cross.toml", "[target.aarch64-unknown-linux-musl]\nimage = \"localhost/td-cross:1\"\n");
    sandbox.write("toolchain/lib/rustlib/aarch64-unknown-linux-musl/lib/libstd-0.rlib", "");
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(64, 0);
    (program[16], program[18]) = (2, 183);
    sandbox.write("program", &program);
    let work = sandbox.work().display().to_string();
    let rustc = format!("case $1 in --print) echo {work}/toolchain ;; *) echo 'release: 1.99.0' ;; esac");
    let cross = format!(
        "[ \"$1\" = build ] || {{ echo cross 0.2.5; exit; }}\n\
         d=$CARGO_TARGET_DIR/aarch64-unknown-linux-musl/release; mkdir -p $d; cp {work}/program $d/td-agent"
    );
    for (name, text) in [
        ("toolchain/bin/rustc", rustc.as_str()),
        ("toolchain/bin/cargo", "echo cargo"),
        ("bin/rustc", &rustc),
        ("bin/rustup", "exit 1"),
        ("bin/docker", "case $1 in image) echo sha256:1234 ;; *) echo ok ;; esac"),
        ("bin/cross", &cross),
    ] {
        let path = sandbox.write(name, format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = || {
        let mut command = master.command(&["plan", "--json", "--accept-new"]);
        command.env_remove("TD_NO_BUILD").env("PATH", format!("{work}/bin:/usr/bin:/bin"));
        process::run(&mut command, Duration::from_secs(120))
    };
    let outcome = run();
    let told = events::all(&outcome).unwrap();
    let place = |kind: &str| told.iter().position(|event| event["event"] == kind);
    let built = &told[place("built").unwrap_or_else(|| panic!("{}", outcome.transcript()))];
    assert_eq!(built["target"], "aarch64-unknown-linux-musl");
    // What came out is sent, and is no program for what the node is in truth.
    outcome.code(1).speaks_to_a_person();
    assert!(place("built") < place("failed"), "{}", outcome.transcript());
    // The other way round nothing is built: beside td-provision lies what its machine's own nodes take.
    cluster.node(1).sh("rm /usr/local/bin/uname");
    let outcome = run();
    let told = events::all(&outcome).unwrap();
    assert!(!told.iter().any(|event| event["event"] == "build"), "{}", outcome.transcript());
    outcome.code(3);
}

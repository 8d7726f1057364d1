//! The way to the node: login, host key, power, cable, td-agent's own way there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread::sleep;
use std::time::Duration;

use td_tests::nodes::{self, Cluster, Fresh, Node, changes};
use td_tests::process;

use super::super::{LIMIT, Master, SHARE, usual};
use super::failures;

#[test]
fn of_the_way_in() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(3, |number| if number == 3 { Fresh::new().no_key() } else { Fresh::new() });
    let master = Master::new(&cluster);
    let before: Vec<_> = cluster.nodes().iter().map(Node::tree).collect();

    // Node 3 knows no key, and there is no terminal to ask for a password on.
    let outcome = master.run(&["facts"]);
    insta::assert_snapshot!("no_key", failures(&master, &outcome, "pi3"));
    outcome.code(4);

    // A wrong password, then the right one.
    let password = format!("{}password: {{ env: TD_TEST_PASSWORD }}\n", usual(&cluster));
    master.sandbox.write("inventory.yaml", cluster.inventory(&password, SHARE));
    let with = |password: &str| {
        let mut command = master.command(&["facts", "--accept-new"]);
        process::run(command.env("TD_TEST_PASSWORD", password), LIMIT)
    };
    let outcome = with("Wrong-4711");
    insta::assert_snapshot!("wrong_password", failures(&master, &outcome, "pi3"));
    outcome.code(4);
    assert!(!outcome.transcript().contains("Wrong-4711"));
    let outcome = with(nodes::PASSWORD);
    outcome.code(0);

    // Another host key, as after the card was written anew, or worse.
    master.sandbox.write("inventory.yaml", cluster.inventory(&usual(&cluster), SHARE));
    cluster.node(1).sh("rm /etc/ssh/ssh_host_ed25519_key*; systemctl restart regenerate_ssh_host_keys ssh");
    let outcome = master.run(&["facts", "--limit", "pi1,pi2"]);
    insta::assert_snapshot!("host_key_changed", failures(&master, &outcome, "pi1"));
    outcome.code(4).says(&["has changed", "ssh-keygen"]);
    assert!(outcome.out().contains("Raspberry Pi"), "pi2 answers all the same\n{}", outcome.transcript());

    // Off, and nobody listening.
    cluster.node(1).kill();
    cluster.node(2).sh("systemctl stop ssh.socket ssh");
    let outcome = master.run(&["facts", "--limit", "pi1,pi2"]);
    insta::assert_snapshot!("dead", failures(&master, &outcome, "pi1"));
    insta::assert_snapshot!("refused", failures(&master, &outcome, "pi2"));
    outcome.code(4);

    // A key that nobody can read.
    cluster.node(2).sh("systemctl start ssh");
    let key = master.sandbox.home().join(".ssh/id_ed25519");
    fs::write(&key, "not a key\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = master.run(&["facts", "--limit", "pi2"]);
    insta::assert_snapshot!("unreadable_key", failures(&master, &outcome, "pi2"));
    outcome.code(4);

    let left = changes(&before[1], &cluster.node(2).tree());
    assert!(left.is_empty(), "nothing was changed: {left:#?}");
}

#[test]
#[ignore = "waits for a pulled cable: make e2e"]
fn of_the_agents_way_to_the_node() {
    if !nodes::available() {
        return;
    }
    // Slow enough to be cut while td-agent is on its way.
    let cluster = Cluster::with(1, |_| Fresh::new().network(4));
    let node = cluster.node(1);
    let master = Master::with(&cluster, &usual(&cluster), "");
    let before = node.tree();

    // A program for another machine: 20 bytes tell.
    let folder = "agents/x86_64-unknown-linux-musl/td-agent";
    let mut elf = b"\x7fELF\x01\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend([2, 0, 40, 0]);
    elf.resize(4096, 0);
    master.sandbox.write(folder, elf);
    let outcome = master.run(&["plan", "--agents", "agents"]);
    insta::assert_snapshot!("wrong_architecture", failures(&master, &outcome, "pi1"));
    outcome.code(1);

    // Half of it gets lost on the way: what arrived is compared before it may start.
    node.sh("mv /usr/bin/head /usr/bin/head.whole");
    node.sh("printf '#!/bin/sh\nhead.whole \"$@\" | { head.whole -c 1000000; cat >/dev/null; }\n' >/usr/bin/head; chmod +x /usr/bin/head");
    let outcome = master.run(&["apply", "--yes", "--only", "agent"]);
    insta::assert_snapshot!("cut_short", failures(&master, &outcome, "pi1"));
    outcome.code(1);
    node.sh("mv /usr/bin/head.whole /usr/bin/head");
    let left = changes(&before, &node.tree());
    assert!(left.is_empty(), "nothing of it stays: {left:#?}");

    // The cable is pulled while the program is on its way.
    let running = master.start(&["apply", "--yes", "-v", "--only", "hostname"]);
    sleep(Duration::from_secs(4));
    node.cut();
    let outcome = running.wait(LIMIT);
    assert!(matches!(outcome.status.code(), Some(1 | 4)), "{}", outcome.transcript());
    outcome.speaks_to_a_person();
    node.join();
    let left = changes(&before, &node.tree());
    assert!(
        left.iter().all(|line| !line.contains("/usr/local/bin/td-agent:")),
        "no half program is in place: {left:#?}"
    );
    assert_eq!(node.sh("hostname").trim(), "raspberrypi");

    // A disk without room for it.
    node.sh("mount -t tmpfs -o size=64k tmpfs /usr/local/bin; mount -t tmpfs -o size=64k tmpfs /tmp");
    let outcome = master.run(&["apply", "--yes", "--only", "agent"]);
    insta::assert_snapshot!("no_room", failures(&master, &outcome, "pi1"));
    outcome.code(1);
    node.sh("umount /usr/local/bin /tmp");
}

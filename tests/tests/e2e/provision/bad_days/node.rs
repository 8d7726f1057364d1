//! What the node is, and what is in the way there.

use std::fs;

use td_tests::nodes::{self, Cluster, Fresh, changes};

use super::super::{Master, usual};
use super::{failures, said};

#[test]
fn of_what_the_node_is() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(2, |number| if number == 2 { Fresh::new().model("") } else { Fresh::new() });
    let one = cluster.node(1);
    let no_share = Master::with(&cluster, &usual(&cluster), "");
    let plan = |name: &str, node: &str, code: i32| {
        let outcome = no_share.run(&["plan", "--only", "boot", "--limit", node]);
        insta::assert_snapshot!(name, said(&no_share, &outcome));
        outcome.code(code);
    };
    plan("not_a_pi", "pi2", 1);

    // config.txt with the line ends of Windows keeps them, and its other lines.
    one.sh("printf 'dtparam=audio=on\\r\\ngpu_mem=128\\r\\n' >/boot/firmware/config.txt");
    plan("config_with_crlf", "pi1", 3);
    one.sh("rm /boot/firmware/config.txt");
    plan("config_missing", "pi1", 1);
    one.sh("umount /boot/firmware");
    plan("firmware_not_mounted", "pi1", 1);

    // The same machine twice under two names.
    let lan = one.address().octets()[2];
    one.sh(&format!("ip address add 10.78.{lan}.201/24 dev host0"));
    let twice = no_share.sandbox.work().join("inventory.yaml");
    let text = fs::read_to_string(&twice).unwrap();
    fs::write(&twice, format!("{text}  twin: {{ address: 10.78.{lan}.201 }}\n")).unwrap();
    let outcome = no_share.run(&["plan", "--only", "hostname", "--limit", "pi1,twin"]);
    insta::assert_snapshot!(
        "same_machine_twice",
        said(&no_share, &outcome).replace(&format!("10.78.{lan}.201"), "[twin]")
    );
    outcome.code(1);
}

#[test]
fn of_a_share_in_the_way() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(2);
    let master = Master::new(&cluster);
    cluster.node(2).sh("mkdir /mnt/td; mount -t tmpfs mine /mnt/td");
    let outcome = master.run(&["plan", "--only", "nfs", "--limit", "pi2"]);
    insta::assert_snapshot!("mount_occupied", said(&master, &outcome));
    outcome.code(1);
    cluster.node(2).sh("mount | grep 'mine on /mnt/td'");
}

#[test]
fn of_its_card() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(1);
    let node = cluster.node(1);
    let master = Master::with(&cluster, &usual(&cluster), "");

    // A config.txt of 64 KB keeps every line.
    node.sh("for n in $(seq 1200); do echo \"# a line that somebody wrote and wants to keep, number $n\"; done >/boot/firmware/config.txt; cp /boot/firmware/config.txt /root/was");
    assert!(node.sh("stat -c %s /boot/firmware/config.txt").trim().parse::<u32>().unwrap() > 64_000);
    master.run(&["apply", "--yes", "--no-reboot", "--only", "boot"]).code(0);
    node.sh("head -c $(stat -c %s /root/was) /boot/firmware/config.txt | cmp - /root/was; tail -n 5 /boot/firmware/config.txt | grep -qx gpu_mem=16");

    // No room for packages: said before apt begins.
    node.sh("mount -t tmpfs -o size=8m full /var/cache/apt");
    let outcome = master.run(&["apply", "--yes", "--no-reboot", "--only", "packages"]);
    insta::assert_snapshot!("disk_full", failures(&master, &outcome, "pi1"));
    outcome.code(1);
    node.sh("umount /var/cache/apt");

    // A card that turned read-only. The root of a test node cannot; its folders can.
    let before = node.tree();
    node.sh(
        "for d in /etc /var; do mount --bind $d $d; mount -o remount,bind,ro $d $d; done; ! touch /etc/x 2>/dev/null",
    );
    let outcome = master.run(&["apply", "--yes", "--no-reboot", "--only", "hostname,packages"]);
    insta::assert_snapshot!("read_only", failures(&master, &outcome, "pi1"));
    outcome.code(1);
    node.sh("umount -l /etc; umount -l /var");
    let left = changes(&before, &node.tree());
    assert!(left.is_empty(), "nothing was changed: {left:#?}");
}

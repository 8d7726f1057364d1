//! A whole shelf: eight nodes, none like the other, from the box to the picture and back.

use std::fs;
use std::time::Duration;

use td_tests::nodes::{self, Cluster, Fresh, Tree};
use td_tests::{events, process};

use super::apply::{renders, trees, unchanged};
use super::bad_days::secrets::{Watch, nowhere_on, set_password};
use super::{Master, changed};

const SECRET: &str = "Geheim-0815-Wort";
/// All of it on two cores beside other tests.
const LONG: Duration = Duration::from_secs(1500);

/// What an imager writes to a card that starts with cloud-init.
const SEED: &str = "
apt-get -qq update
apt-get -qq -y --no-install-recommends install cloud-init >/dev/null 2>&1
mkdir -p /var/lib/cloud/seed/nocloud
echo 'instance-id: one' >/var/lib/cloud/seed/nocloud/meta-data
printf '#cloud-config\\nhostname: fromimager\\nmanage_etc_hosts: true\\n' >/var/lib/cloud/seed/nocloud/user-data
";

#[test]
#[ignore = "eight nodes with packages: make e2e"]
fn eight_nodes_from_the_box_to_the_picture() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(8, |number| match number {
        3 => Fresh::new().sudo_asks(),
        5 => Fresh::new().model("Raspberry Pi 4 Model B Rev 1.4"),
        _ => Fresh::new(),
    });
    let master = Master::new(&cluster);
    // Node 3's sudo asks.
    let secret = master.sandbox.write("secret", format!("{SECRET}\n"));
    set_password(cluster.node(3), &secret);
    master.add("pi3", "password: { command: cat secret }");
    // Node 4 starts with cloud-init, which has the last word on host name and /etc/hosts at each boot.
    cluster.node(4).sh(SEED);
    cluster.node(4).reboot();
    cluster.node(4).sh("test -e /run/cloud-init/enabled; hostname | grep -x fromimager");
    // Node 5 is another model.
    master.add("pi5", "model: pi4, boot: { arm_freq: 1500 }");
    // Node 6 answers SSH from other nodes only.
    let lan = cluster.lan();
    cluster.node(6).sh(&format!("echo 'sshd: 10.78.{lan}.1' >/etc/hosts.deny"));
    master.add("pi6", "jump: pi1");

    let fresh = trees(&cluster);
    let outcome = master.run(&["plan", "--limit", "pi1,pi4"]);
    insta::assert_snapshot!("plan", whole(&master, &outcome.out()));
    outcome.code(3);
    unchanged(&cluster, &fresh);

    let watch = Watch::for_secret(SECRET);
    let apply = || {
        let mut command = master.command(&["apply", "--yes", "--json", "--accept-new"]);
        let outcome = process::run(&mut command, LONG);
        outcome.code(0).speaks_to_a_person();
        assert!(!outcome.transcript().contains(SECRET) && !outcome.transcript().contains("PRIVATE KEY"));
        outcome
    };
    let outcome = apply();
    assert!(changed(&outcome) > 8 * 10, "{}", outcome.transcript());
    let recaps = events::all(&outcome).unwrap().into_iter().filter(|event| event["event"] == "recap");
    assert_eq!(recaps.count(), 8);
    renders(&master);
    let before = trees(&cluster);
    assert_eq!(changed(&apply()), 0, "a second apply changes nothing");
    unchanged(&cluster, &before);
    let seen = watch.end();
    assert!(seen.is_empty(), "the password is in argument lists or environments: {seen:#?}");
    cluster.nodes().iter().for_each(|node| nowhere_on(node, SECRET));
    let state = master.sandbox.home().join(".config");
    let files = td_tests::sandbox::files_below(&state);
    let holds = |path: &std::path::PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains(SECRET));
    assert!(!files.is_empty() && !files.iter().any(holds));

    // All of them at once by td's own command; the server last. cloud-init has not undone anything.
    let outcome = process::run(master.command(&["reboot", "--yes", "--json"]).arg("--accept-new"), LONG);
    outcome.code(0);
    let back: Vec<_> =
        events::all(&outcome).unwrap().into_iter().filter(|event| event["event"] == "rebooted").collect();
    assert_eq!(back.len(), 8, "{}", outcome.transcript());
    assert_eq!(back.last().unwrap()["node"], "pi1");
    cluster.node(4).sh("hostname | grep -x pi4; grep -w pi8 /etc/hosts");
    assert_eq!(changed(&apply()), 0, "nor does one after a reboot");
    unchanged(&cluster, &before);
    renders(&master);
    master.run(&["verify"]).code(0);

    // Back into the box. Packages and their settings stay, and so does the host name.
    master.run(&["remove", "--yes"]).code(0);
    for (node, fresh) in cluster.nodes().iter().zip(&fresh) {
        node.sh("test ! -e /usr/local/bin/td-agent; test ! -e /etc/systemd/system/td-agent.service; test ! -e /etc/td");
        node.sh("if id td 2>/dev/null; then exit 1; fi; if mount | grep ' /mnt/td '; then exit 1; fi");
        // cloud-init made node 4's anew when it booted, with the host name that stays.
        let hosts = if node.name() == "pi4" { "/etc/cloud/templates/hosts.debian.tmpl" } else { "/etc/hosts" };
        for file in ["/etc/fstab", hosts, "/boot/firmware/config.txt"] {
            assert!(of(fresh, file).is_some(), "{file} of {}", node.name());
            assert_eq!(of(fresh, file), of(&node.tree(), file), "{file} of {}", node.name());
        }
    }
    cluster.node(4).sh("if grep '# td' /etc/hosts; then exit 1; fi; grep '^127.0.1.1.*pi4' /etc/hosts");
    let outcome = master.run(&["poweroff", "--yes"]);
    outcome.code(0);
    assert!(cluster.nodes().iter().all(|node| !node.run(&["true"]).status.success()));
}

fn of<'a>(tree: &'a Tree, file: &str) -> Option<&'a String> {
    tree.get(file)
}

/// A plan as it is shown, line by line; what differs from run to run made equal.
fn whole(master: &Master<'_>, text: &str) -> String {
    let lines = text.lines().map(|line| {
        // A package and its version, which is another one after the next update of Debian.
        let package = line.strip_prefix("      + ").and_then(|rest| rest.split_once(' '));
        let shown = match (package, line.rsplit_once("=")) {
            (Some((name, _)), _) => format!("      + {name} ..."),
            (None, Some((key, value))) if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) => {
                format!("{key}=...")
            }
            _ => line.to_owned(),
        };
        // `plain` sorts lines; each alone it does not.
        master.plain(&shown)
    });
    lines.collect::<Vec<_>>().join("\n")
}

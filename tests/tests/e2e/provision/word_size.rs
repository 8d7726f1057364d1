//! POV-Ray of 32 bit on nodes of 64: what a Raspberry Pi 4 needs to render beside a Pi 1. Here it is i386 on amd64, by the same way.

use std::fs;
use std::time::Duration;

use td_tests::nodes::{self, Cluster, Fresh};
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome};
use td_tests::{compare, events, programs};

use super::Master;
use super::apply::{trees, unchanged};

/// Rows for all slots of both.
const SIZE: [&str; 2] = ["+W320", "+H240"];
const SETTING: &str = "povray_word_size: 32";

fn render(master: &Master<'_>, out: &str, more: &[&str]) -> Outcome {
    let mut command = master.sandbox.td(["render", "--json", "-i", "inventory.yaml", "-o", out]);
    command.arg(programs::own_scenes().join("word-size.pov")).args(SIZE).args(more);
    process::run(&mut command, Duration::from_secs(180))
}

/// The nodes that took part, and that the picture is one of the exact class.
#[track_caller]
fn took_part(outcome: &Outcome) -> Vec<String> {
    outcome.code(0);
    let done = events::last(outcome).unwrap_or_else(|error| panic!("{error}\n{}", outcome.transcript()));
    assert_eq!(done["exact"], true, "{}", outcome.transcript());
    done["nodes"].as_object().unwrap().keys().cloned().collect()
}

/// The word size of a node's POV-Ray by the class in its ELF header, and dpkg's word on its architecture.
fn povray(node: &nodes::Node) -> String {
    let class = "od -An -tu1 -j4 -N1 /usr/bin/povray | tr -d ' \\n'";
    node.sh(&format!("{class}; dpkg-query -W -f ' ${{Architecture}}\\n' povray | sort | tr -d '\\n'"))
}

/// Of a library that both architectures have, one version only can be installed, and a mirror may have the newest security
/// update of one of them and not yet of the other. This node takes the release as it came out.
const NO_UPDATES: &str = "
export DEBIAN_FRONTEND=noninteractive
sed -i '/-security/d; /-updates/d' /etc/apt/sources.list
printf 'Package: *\\nPin: release n=bookworm\\nPin-Priority: 1001\\n' >/etc/apt/preferences.d/release
apt-get -qq update
apt-get -qq -y --allow-downgrades dist-upgrade >/dev/null 2>&1
";

#[test]
#[ignore = "two nodes and the packages of two architectures: make e2e"]
fn nodes_of_64_bit_render_with_a_povray_of_32() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(2, |_| Fresh::new().model(""));
    let (one, two) = (cluster.node(1), cluster.node(2));
    cluster.nodes().iter().for_each(|node| drop(node.sh(NO_UPDATES)));
    let master = Master::with(&cluster, &format!("apt_proxy: {}\n", cluster.proxy()), "");
    master.add("pi2", SETTING);
    let plan = master.run(&["plan"]);
    plan.code(3);
    assert!(plan.out().contains("dpkg's architectures: amd64 -> amd64, i386"), "{}", plan.transcript());
    assert!(plan.out().contains("povray:i386"), "{}", plan.transcript());
    assert!(master.apply() > 10, "there was a lot to do");
    assert_eq!((povray(one).as_str(), povray(two).as_str()), ("2 amd64", "1 i386"));
    let before = trees(&cluster);
    assert_eq!(master.apply(), 0, "a second apply changes nothing");
    unchanged(&cluster, &before);
    let verified = master.run(&["verify", "--json"]);
    verified.code(0);
    assert!(verified.out().contains("(32 bits) at /usr/bin/povray"), "{}", verified.transcript());

    // What each of them draws in one go.
    let own = |node: &nodes::Node, name: &str| {
        let scene = fs::read_to_string(programs::own_scenes().join("word-size.pov")).unwrap();
        fs::write(node.card().join("home/pi/word-size.pov"), scene).unwrap();
        let size = SIZE.join(" ");
        node.sh(&format!("cd /home/pi && povray +Iword-size.pov +O{name} {size} +FN8 +WT1 -D -V 2>&1"));
        Picture::read(&node.card().join("home/pi").join(name)).unwrap()
    };
    let (of_64, of_32) = (own(one, "of-64.png"), own(two, "of-32.png"));
    assert!(compare::same_samples(&of_64, &of_32).is_err(), "the scene does not tell the two apart");
    let picture = |name: &str| Picture::read(&master.sandbox.work().join(name)).unwrap();
    assert_eq!(took_part(&render(&master, "a.png", &["--group", "32"])), ["pi2"]);
    compare::same_samples(&of_32, &picture("a.png")).unwrap();
    assert_eq!(took_part(&render(&master, "b.png", &["--group", "64"])), ["pi1"]);
    compare::same_samples(&of_64, &picture("b.png")).unwrap();

    // Both of 32 bit: the POV-Ray that is there makes way, the agent is started anew, and they render together.
    let inventory = master.sandbox.work().join("inventory.yaml");
    let mixed = fs::read_to_string(&inventory).unwrap();
    master.add("pi1", SETTING);
    assert!(master.apply() > 0);
    assert_eq!(povray(one), "1 i386");
    one.sh("command -v convert; povray --version 2>&1 | grep 'POV-Ray 3.7'");
    assert_eq!(took_part(&render(&master, "c.png", &["--fresh"])), ["pi1", "pi2"]);
    compare::same_samples(&of_32, &picture("c.png")).unwrap();
    assert_eq!(master.apply(), 0, "nor does a second apply change anything now");

    // And back.
    fs::write(&inventory, mixed).unwrap();
    assert!(master.apply() > 0);
    assert_eq!(povray(one), "2 amd64");
    assert_eq!(took_part(&render(&master, "d.png", &["--group", "64"])), ["pi1"]);
    compare::same_samples(&of_64, &picture("d.png")).unwrap();
}

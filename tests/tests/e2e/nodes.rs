//! The test nodes themselves: they do what the other tests rely on, and nothing of them stays.

use std::fs;
use std::process::Command;
use std::time::Duration;

use td_tests::nodes::{self, Cluster, Fresh, changes};
use td_tests::process;

fn reaches(node: &nodes::Node) -> bool {
    let address = format!("/dev/tcp/{}/22", node.address());
    let mut bash = Command::new("timeout");
    bash.args(["2", "bash", "-c", &format!("exec 3<>{address}")]);
    process::run(&mut bash, Duration::from_secs(10)).status.success()
}

#[test]
fn power_cable_and_card() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(2, |number| {
        let fresh = Fresh::new().name(&format!("box{number}"));
        if number == 2 { fresh.sudo_asks().no_key().model("") } else { fresh }
    });
    let (one, two) = (cluster.node(1), cluster.node(2));

    assert_eq!(one.sh("cat /etc/hostname"), "box1\n");
    one.sh("su pi -c 'sudo -n true'; test -s /home/pi/.ssh/authorized_keys; command -v vcgencmd; passwd -S root | grep ' L '");
    two.sh("! su pi -c 'sudo -n true' 2>/dev/null; test ! -e /home/pi/.ssh");
    assert!(one.sh("cat /sys/firmware/devicetree/base/model").starts_with("Raspberry Pi Model B"));
    assert!(!two.run(&["cat", "/sys/firmware/devicetree/base/model"]).status.success());
    for node in cluster.nodes() {
        assert_eq!(node.sh("systemctl is-system-running --wait || true; systemctl --failed --no-legend"), "running\n");
    }

    // The firmware reads config.txt at boot, not before; [pi4] is not this model's.
    one.sh("printf '[pi4]\\ngpu_mem=99\\n[all]\\ngpu_mem=16\\n' >>/boot/firmware/config.txt");
    assert_eq!(one.sh("vcgencmd get_mem gpu"), "gpu=64M\n");
    let before = one.tree();
    assert!(before.len() > 300, "{} files", before.len());
    one.sh("echo local >/usr/local/note; chmod 600 /boot/firmware/cmdline.txt; rm /etc/sudoers.d/010_pi-nopasswd");
    let said = changes(&before, &one.tree());
    assert_eq!(said.len(), 3, "{said:#?}");
    one.reboot();
    assert_eq!(one.sh("vcgencmd get_mem gpu"), "gpu=16M\n");

    // Power and cable.
    one.kill();
    assert!(!one.run(&["true"]).status.success());
    one.start();
    one.wait_up();
    assert_eq!(one.sh("cat /usr/local/note"), "local\n");
    two.cut();
    assert!(!reaches(two) && reaches(one));
    two.join();
    assert!(reaches(two));
    one.stop();
    two.sh("systemctl is-active ssh");

    let marks = [one.card(), format!("/run/netns/tn{}", one.address().octets()[2]).into()];
    assert!(marks.iter().all(|mark| mark.exists()), "{marks:?}");
    drop(cluster);
    assert!(!marks.iter().any(|mark| mark.exists()), "{marks:?}");
    assert!(!fs::read_to_string("/proc/mounts").unwrap().contains("/node1/"));
}

#[test]
fn the_mirror_fails_when_it_is_told_to() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(1);
    let node = cluster.node(1);
    cluster.break_mirror("busy");
    assert!(node.run(&["apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update"]).err().contains("503"));
    cluster.break_mirror("");
    node.sh("apt-get -qq update && apt-cache policy povray | grep -q 'Candidate: 1:3.7'");
}

//! In the middle: locks, interruptions, power, cable, mirrors.

use std::time::Duration;

use rustix::process::Signal;
use td_tests::nodes::{self, Cluster, Fresh};
use td_tests::process;

use super::super::{LIMIT, Master, usual};
use super::{failures, until, until_there};

/// Packages on slow nodes, and the longest wait for a lock.
const LONG: Duration = Duration::from_secs(1200);

#[test]
fn of_two_at_once_and_an_interruption() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(1);
    let node = cluster.node(1);
    let master = Master::with(&cluster, &usual(&cluster), "");
    cluster.break_mirror("stall");
    let first = master.start(&["apply", "--yes", "-v"]);
    until(&first, "packages apt");
    // The second one, from this machine and from another home, as from another machine.
    let outcome = process::run(master.command(&["apply", "--yes"]).arg("--accept-new"), LIMIT);
    insta::assert_snapshot!("two_at_once", failures(&master, &outcome, "pi1"));
    outcome.code(1).speaks_to_a_person();
    let other = Master::with(&cluster, &usual(&cluster), "");
    until_there(node, "pgrep -x apt-get", true);
    let outcome = other.run(&["apply", "--yes"]);
    insta::assert_snapshot!("two_at_once_from_two_machines", failures(&other, &outcome, "pi1"));
    outcome.code(1);
    first.signal_group(Signal::INT);
    let outcome = first.wait(LIMIT);
    outcome.code(130).speaks_to_a_person();
    master.sandbox.nothing_left_behind();
    until_there(node, "pgrep -f '^apt-get|^/usr/local/bin/td-agent converge'", false);
    // What was begun can be finished.
    cluster.break_mirror("");
    master.run(&["apply", "--yes", "--only", "hostname"]).code(0);
    assert_eq!(node.sh("hostname").trim(), "pi1");
}

#[test]
#[ignore = "installs packages: make e2e"]
fn of_apt() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(1);
    let node = cluster.node(1);
    let master = Master::with(&cluster, &usual(&cluster), "");
    // The sentence names the archive, and the agent is there all the same.
    cluster.break_mirror("gone");
    let outcome = master.run(&["apply", "--yes", "--no-reboot"]);
    insta::assert_snapshot!("mirror_gone", failures(&master, &outcome, "pi1"));
    outcome.code(1);
    cluster.break_mirror("");

    // Somebody else's dpkg, for 30 seconds: waited for, with progress.
    let holder = process::start(&mut node.command(&["python3", "-c", &lock(30)]));
    until(&holder, "held");
    let outcome = master.run(&["apply", "--yes", "--no-reboot", "-v"]);
    outcome.code(0);
    let all = format!("{}{}", outcome.out(), outcome.err()).to_lowercase();
    assert!(all.contains("lock") || all.contains("wait"), "{}", outcome.transcript());
    node.sh("povray --version");
}

#[test]
#[ignore = "installs packages: make e2e"]
fn of_power_and_cable() {
    if !nodes::available() {
        return;
    }
    // Slow enough to be hit in the middle of the installation.
    let cluster = Cluster::with(3, |_| Fresh::new().cores(0.4));
    let master = Master::new(&cluster);
    let running = master.start(&["apply", "--yes", "--no-reboot"]);
    let (one, two, three) = (cluster.node(1), cluster.node(2), cluster.node(3));
    let halfway = "grep -A1 '^Package: imagemagick-6-common$' /var/lib/dpkg/status | grep -q unpacked";
    until_there(two, halfway, true);
    two.kill();
    until_there(three, "pgrep -x dpkg", true);
    three.cut();
    let outcome = running.wait(LONG);
    assert!(matches!(outcome.status.code(), Some(1 | 4)), "{}", outcome.transcript());
    outcome.speaks_to_a_person();
    insta::assert_snapshot!("power_lost", failures(&master, &outcome, "pi2"));
    insta::assert_snapshot!("cable_lost", failures(&master, &outcome, "pi3"));
    one.sh("povray --version");

    // A second apply finishes, half-configured packages or not.
    three.join();
    two.start();
    two.wait_up();
    // What was begun behind the cut cable ends by itself.
    until_there(three, "pgrep -f '^/usr/local/bin/td-agent converge'", false);
    process::run(master.command(&["apply", "--yes"]).arg("--accept-new"), LONG).code(0);
    for node in cluster.nodes() {
        node.sh("povray --version; dpkg --audit | wc -l | grep -x 0; systemctl is-active td-agent");
    }
    assert_eq!(master.apply(), 0);

    // The share's server is off: nobody hangs, nothing is changed, and the others boot.
    one.kill();
    let outcome = master.run(&["verify", "--limit", "pi2,pi3"]);
    insta::assert_snapshot!("share_server_off", failures(&master, &outcome, "pi2"));
    outcome.code(1);
    two.kill();
    two.start();
    two.wait_up();
    // The server is back, and all is well by itself.
    one.start();
    one.wait_up();
    master.run(&["verify"]).code(0);
}

#[test]
#[ignore = "waits ten minutes: make e2e"]
fn of_a_lock_that_is_never_given_back() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(1);
    let master = Master::with(&cluster, &usual(&cluster), "");
    let holder = process::start(&mut cluster.node(1).command(&["python3", "-c", &lock(3600)]));
    until(&holder, "held");
    let outcome = process::run(master.command(&["apply", "--yes", "--only", "packages"]).arg("--accept-new"), LONG);
    insta::assert_snapshot!("lock_for_ever", failures(&master, &outcome, "pi1"));
    outcome.code(1);
}

/// Somebody else's dpkg.
fn lock(seconds: u32) -> String {
    format!(
        "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); \
         print('held', flush=True); time.sleep({seconds})"
    )
}

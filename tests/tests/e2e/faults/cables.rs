//! Cables that are pulled out: nodes in a network namespace of their own, a switch in another, TLS over the wire between.
//!
//! It is the switch's end that goes down. The master's own link stays up, so that nothing tells it: packets vanish.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use td_tests::cluster::Cluster;
use td_tests::process;
use td_tests::sandbox::Sandbox;
use td_tests::skip::{is_root, skip};

use super::cluster::{notes, seen, told, wait_for_strip_of, with_povrays_held};
use crate::cluster_faults::{LIMIT, NAMES, ends_exact, is_exact, told_and_exact, under_way, wait_for};

/// Cables made by this process.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A switch, and a machine behind it.
struct Cable {
    switch: String,
    machine: String,
    /// The machine's address.
    address: String,
}

impl Cable {
    /// `None` where this process may not lay any.
    fn new() -> Option<Self> {
        if !is_root() {
            return None;
        }
        let (pid, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let name = |what: &str| format!("td{what}{pid}-{number}");
        let (switch, machine, link) = (name("s"), name("m"), format!("t{}-{number}", pid % 1_000_000));
        let subnet = format!("10.79.{}", pid % 250);
        let [master, address] = [1, 2].map(|host| format!("{subnet}.{}", 4 * (number % 63) + host));
        let cable = Self { switch, machine, address };
        let (switch, machine, address) = (&cable.switch, &cable.machine, &cable.address);
        // The first tells whether there are namespaces here at all.
        let may = process::run(Command::new("ip").args(["netns", "add", switch]), LIMIT).status.success();
        if !may {
            return None;
        }
        ip(&format!("netns add {machine}"));
        ip(&format!("-n {switch} link add br0 type bridge"));
        ip(&format!("-n {switch} link set br0 up"));
        ip(&format!("link add {link} type veth peer name uplink netns {switch}"));
        ip(&format!("-n {switch} link add port type veth peer name eth0 netns {machine}"));
        ip(&format!("-n {switch} link set uplink master br0 up"));
        ip(&format!("-n {switch} link set port master br0 up"));
        ip(&format!("addr add {master}/30 dev {link}"));
        ip(&format!("link set {link} up"));
        ip(&format!("-n {machine} link set lo up"));
        ip(&format!("-n {machine} addr add {address}/30 dev eth0"));
        ip(&format!("-n {machine} link set eth0 up"));
        Some(cable)
    }

    fn pull_out(&self) {
        ip(&format!("-n {} link set port down", self.switch));
    }

    fn put_back(&self) {
        ip(&format!("-n {} link set port up", self.switch));
        // Until the machine is found again: for a moment there is no route to it. Nobody listens at that port.
        let at = SocketAddr::new(self.address.parse().expect("an address"), 9);
        let is_there = || match TcpStream::connect_timeout(&at, Duration::from_secs(1)) {
            Err(error) => error.kind() == ErrorKind::ConnectionRefused,
            Ok(_) => true,
        };
        let deadline = Instant::now() + LIMIT;
        while !is_there() {
            assert!(Instant::now() < deadline, "{} is not found again", self.address);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // The links go with the namespaces.
        for namespace in [&self.machine, &self.switch] {
            let _ = Command::new("ip").args(["netns", "del", namespace]).status();
        }
    }
}

fn ip(words: &str) {
    process::run(Command::new("ip").args(words.split(' ')), LIMIT).code(0);
}

/// A cluster whose nodes of these numbers are behind one cable.
fn cluster<'a>(sandbox: &'a Sandbox, cable: &Cable, behind: &[usize]) -> Cluster<'a> {
    let mut cluster = Cluster::prepare(sandbox, &NAMES);
    for &number in behind {
        cluster.nodes[number].around = ["ip", "netns", "exec", &cable.machine].map(str::to_owned).to_vec();
    }
    let is_behind = |name: &str| behind.iter().any(|&number| NAMES[number] == name);
    let address = |name: &str| if is_behind(name) { cable.address.clone() } else { "127.0.0.1".to_owned() };
    cluster.write_inventory(address, "");
    for number in 0..NAMES.len() {
        cluster.start_node(number);
    }
    cluster
}

const LOST: [&str; 2] = ["two was lost (nothing heard for ", "; its rows are free, and it is called again"];

/// Whether that is longer than a node's patience hangs on its round trips; it may be lost, and back.
#[test]
fn one_nodes_cable_is_out_for_two_seconds() {
    let Some(cable) = Cable::new() else { return skip("cables", "needs root and network namespaces") };
    let sandbox = Sandbox::new();
    let cluster = cluster(&sandbox, &cable, &[1]);
    let running = under_way(&cluster);
    cable.pull_out();
    std::thread::sleep(Duration::from_secs(2));
    cable.put_back();
    let outcome = told_and_exact(&cluster, running);
    seen("one cable out for 2 s", &outcome);
    for note in notes(&outcome) {
        let is_lost = LOST.iter().all(|words| note.contains(words));
        assert!(is_lost || note == "two is back", "{note}\n{}", outcome.transcript());
    }
    cluster.end();
}

/// The others are held for as long, so that the job is not over before the cable is back.
#[test]
#[ignore = "takes a minute: make e2e"]
fn one_nodes_cable_is_out_for_thirty_seconds() {
    let Some(cable) = Cable::new() else { return skip("cables", "needs root and network namespaces") };
    let sandbox = Sandbox::new();
    let cluster = cluster(&sandbox, &cable, &[1]);
    let mut running = under_way(&cluster);
    cable.pull_out();
    let others = [0, 2].map(|number| cluster.running(number).pid());
    with_povrays_held(&sandbox, &others, || {
        wait_for(&mut running, "two was lost");
        std::thread::sleep(Duration::from_secs(30));
        cable.put_back();
        wait_for(&mut running, "two is back");
        wait_for_strip_of(&mut running, "two", "two is back");
    });
    let outcome = told_and_exact(&cluster, running);
    seen("one cable out for 30 s", &outcome);
    told(&outcome, &LOST);
    cluster.end();
}

#[test]
fn one_nodes_cable_is_out_for_ever() {
    let Some(cable) = Cable::new() else { return skip("cables", "needs root and network namespaces") };
    let sandbox = Sandbox::new();
    let cluster = cluster(&sandbox, &cable, &[1]);
    let mut running = under_way(&cluster);
    cable.pull_out();
    wait_for(&mut running, "two was lost");
    let outcome = told_and_exact(&cluster, running);
    seen("one cable out for ever", &outcome);
    told(&outcome, &LOST);
    assert!(!notes(&outcome).iter().any(|note| note == "two is back"), "{}", outcome.transcript());
    cable.put_back();
    cluster.end();
}

/// The switch's own cable, as it were: nobody is left for a while, and then all are.
#[test]
#[ignore = "takes a minute: make e2e"]
fn all_nodes_cables_are_out_for_thirty_seconds() {
    let Some(cable) = Cable::new() else { return skip("cables", "needs root and network namespaces") };
    let sandbox = Sandbox::new();
    let cluster = cluster(&sandbox, &cable, &[0, 1, 2]);
    let mut running = under_way(&cluster);
    cable.pull_out();
    std::thread::sleep(Duration::from_secs(30));
    cable.put_back();
    wait_for(&mut running, "is back");
    ends_exact(&cluster, running);
    cluster.end();
}

/// td waits for a minute, ends with 4, and what is finished is kept.
#[test]
#[ignore = "takes two minutes: make e2e"]
fn all_nodes_cables_are_out_for_ever() {
    let Some(cable) = Cable::new() else { return skip("cables", "needs root and network namespaces") };
    let sandbox = Sandbox::new();
    let cluster = cluster(&sandbox, &cable, &[0, 1, 2]);
    let running = under_way(&cluster);
    cable.pull_out();
    let outcome = running.wait(LIMIT);
    seen("all cables out for ever", &outcome);
    outcome.code(4).speaks_to_a_person().says(&["no agent is left", "td resume", "rows are finished"]);
    assert!(!sandbox.work().join("out.png").exists());
    cable.put_back();
    let resumed = process::run(&mut sandbox.td(["resume", "--json"]), LIMIT);
    resumed.code(0);
    is_exact(&cluster);
    cluster.end();
}

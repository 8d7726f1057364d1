//! Nodes that do not answer: each with the reason that helps, and none holds up the others for longer than the deadline.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use td_tests::cluster::Cluster;
use td_tests::process::{self, Outcome};
use td_tests::sandbox::Sandbox;
use td_tests::skip::{is_root, skip};

const LIMIT: Duration = Duration::from_secs(60);

fn health(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    let mut command = sandbox.td(["health", "-i", "inventory.yaml"]);
    process::run(command.args(more), LIMIT)
}

/// What programs are told of a node.
#[track_caller]
fn why(outcome: &Outcome, name: &str) -> (String, String) {
    let document: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
    let nodes = document["nodes"].as_array().expect("nodes");
    let node = nodes.iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("{name}: {document:#}"));
    let text = |key: &str| node["unreachable"][key].as_str().unwrap_or("answered").to_owned();
    (text("why"), text("sentence"))
}

#[track_caller]
fn is_so(outcome: &Outcome, name: &str, wanted: &str, words: &str) {
    let (why, sentence) = why(outcome, name);
    assert!(why == wanted && sentence.contains(words), "{name}: {why}: {sentence}");
}

/// Off, frozen, unknown, another one, none of ours; and one that is well.
#[test]
fn each_kind_has_its_reason() {
    let sandbox = Sandbox::new();
    let names = ["well", "off", "frozen", "unknown", "another", "stranger"];
    let mut cluster = Cluster::prepare(&sandbox, &names);
    let ssh = TcpListener::bind("127.0.0.1:0").expect("a port");
    for number in [0, 2] {
        cluster.start_node(number);
    }
    // At its very first start an agent is busy with itself.
    health(&sandbox, &["well", "--timeout", "60"]);
    cluster.running(2).signal(Signal::STOP);
    // A node whose address is another node's, and one where something else listens.
    cluster.nodes[4].port = cluster.nodes[0].port;
    cluster.nodes[5].port = ssh.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        for mut stream in ssh.incoming().flatten() {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n");
        }
    });
    cluster.write_inventory(
        |name| match name {
            "unknown" => "nowhere.invalid".to_owned(),
            // Machines behind one address differ in their ports; these two do not.
            "another" => "127.0.0.2".to_owned(),
            _ => "127.0.0.1".to_owned(),
        },
        "",
    );
    let outcome = health(&sandbox, &["--json", "--timeout", "5"]);
    outcome.code(4).speaks_to_a_person();
    assert_eq!(why(&outcome, "well").0, "answered", "{}", outcome.transcript());
    is_so(&outcome, "off", "refused", "no agent listens there");
    is_so(&outcome, "frozen", "timeout", "it took the connection and said nothing in time");
    is_so(&outcome, "unknown", "name", "nowhere.invalid cannot be resolved");
    is_so(&outcome, "another", "tls", "wrong name: what listens there is well");
    is_so(&outcome, "stranger", "tls", "speaks no TLS");
    let table = health(&sandbox, &["--timeout", "5"]);
    table.code(4);
    assert!(table.out().contains("6 nodes: 1 ") && table.out().contains(", 5 unreachable"), "{}", table.out());
    assert!(table.out().lines().all(|line| line.chars().count() <= 80), "{}", table.out());
    // Whoever is asked for alone does not wait for the others.
    health(&sandbox, &["well"]).speaks_to_a_person();
    cluster.running(2).signal(Signal::CONT);
    cluster.end();
}

/// Certificates of another cluster.
#[test]
fn another_ca() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &["one"]);
    for step in ["init", "issue"] {
        let mut command = sandbox.command(td_tests::programs::binary("td-provision"));
        let force: &[&str] = if step == "init" { &["--force"] } else { &[] };
        process::run(command.args(["certs", step]).args(force), LIMIT).code(0);
    }
    let outcome = health(&sandbox, &["--json"]);
    outcome.code(4);
    is_so(&outcome, "one", "tls", "another CA");
    cluster.end();
}

/// A machine in a network namespace of its own that drops what it would answer, as a firewall does.
struct Walled {
    name: String,
    address: String,
    /// An address to which there is no way.
    nowhere: String,
}

impl Walled {
    fn new() -> Option<Self> {
        let pid = std::process::id();
        let (name, link) = (format!("tdhealth{pid}"), format!("th{}", pid % 1_000_000));
        let subnet = format!("10.78.{}", pid % 250);
        let may = is_root() && process::run(Command::new("ip").args(["netns", "add", &name]), LIMIT).status.success();
        if !may {
            return None;
        }
        let walled = Self { name, address: format!("{subnet}.2"), nowhere: format!("{subnet}.6") };
        let name = &walled.name;
        for words in [
            format!("link add {link} type veth peer name eth0 netns {name}"),
            format!("addr add {subnet}.1/30 dev {link}"),
            format!("link set {link} up"),
            format!("-n {name} link set lo up"),
            format!("-n {name} addr add {subnet}.2/30 dev eth0"),
            format!("-n {name} link set eth0 up"),
            // Whatever it wants to say to the master goes nowhere.
            format!("-n {name} route add blackhole {subnet}.1/32"),
            format!("route add unreachable {}/32", walled.nowhere),
        ] {
            process::run(Command::new("ip").args(words.split(' ')), LIMIT).code(0);
        }
        Some(walled)
    }
}

impl Drop for Walled {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
        let _ = Command::new("ip").args(["route", "del", "unreachable", &format!("{}/32", self.nowhere)]).status();
    }
}

#[test]
fn a_firewall_that_drops_and_no_way_at_all() {
    let Some(walled) = Walled::new() else { return skip("firewall", "needs root and network namespaces") };
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::prepare(&sandbox, &["well", "walled", "nowhere"]);
    cluster.nodes[1].around = ["ip", "netns", "exec", &walled.name].map(str::to_owned).to_vec();
    cluster.write_inventory(
        |name| match name {
            "walled" => walled.address.clone(),
            "nowhere" => walled.nowhere.clone(),
            _ => "127.0.0.1".to_owned(),
        },
        "",
    );
    cluster.start_node(0);
    cluster.start_node(1);
    health(&sandbox, &["well", "--timeout", "60"]);
    let outcome = health(&sandbox, &["--json", "--timeout", "5"]);
    outcome.code(4).speaks_to_a_person();
    assert_eq!(why(&outcome, "well").0, "answered", "{}", outcome.transcript());
    is_so(&outcome, "walled", "timeout", "no connection in time: it is switched off, frozen, or behind a firewall");
    is_so(&outcome, "nowhere", "no_route", "no route to it");
    cluster.end();
}

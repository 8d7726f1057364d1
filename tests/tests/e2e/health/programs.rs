//! What programs read: one JSON document, Nagios's line, Prometheus's text.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use td_tests::cluster::Cluster;
use td_tests::process::{self, Outcome};
use td_tests::programs;
use td_tests::sandbox::Sandbox;

use super::answers::{Answers, well, with};

const LIMIT: Duration = Duration::from_secs(60);

/// The one document on standard output, which the schema has to take.
#[track_caller]
fn document(outcome: &Outcome) -> Value {
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/health.schema.json")).expect("is JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("is a schema");
    let validator = jsonschema::draft202012::new(&schema).expect("is a schema");
    let document: Value = serde_json::from_slice(&outcome.stdout)
        .unwrap_or_else(|error| panic!("not one document: {error}\n{}", outcome.transcript()));
    let errors: Vec<String> = validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{}", outcome.transcript());
    assert_eq!(document["exit_code"], outcome.status.code().expect("no signal"));
    document
}

#[test]
fn the_document_of_a_survey() {
    let sandbox = Sandbox::new();
    let hot = with(&[("/look/temperature", json!(91)), ("/probed/fast/firmware/throttled", json!(0x5_0005))]);
    let _one = Answers::new(&sandbox, "one", &[("/health", well())]);
    let _two = Answers::new(&sandbox, "two", &[("/health", hot)]);
    let _none = Answers::new(&sandbox, "little", &[("/health", json!({}))]);
    let outcome = sandbox.run(["health", "--agent", "./one.sock", "--json"]);
    let all_ok = document(outcome.code(0));
    assert_eq!(all_ok["state"], "ok");
    let agents = ["--agent", "./one.sock", "--agent", "./two.sock", "--agent", "./little.sock"];
    let outcome = sandbox.run([&["health", "--json"], &agents[..]].concat());
    let mixed = document(outcome.code(1));
    assert_eq!(mixed["state"], "fail");
    assert_eq!(mixed["counts"], json!({ "nodes": 3, "ok": 2, "warn": 0, "fail": 1, "unreachable": 0 }));
    let checks = |node: usize| mixed["nodes"][node]["checks"].as_array().expect("checks");
    let check = |node: usize, name: &str| checks(node).iter().find(|check| check["name"] == name).expect(name).clone();
    assert_eq!(check(1, "temperature")["measured"], 91.0);
    assert_eq!(check(1, "throttled")["facts"], json!({ "now": true, "since_boot": true }));
    assert_eq!(check(1, "frequency-capped")["facts"], json!({ "now": false, "since_boot": false }));
    assert!(checks(2).iter().all(|check| check["state"] == "unsupported"), "nothing is guessed");
}

/// Nobody answers, no certificate is there yet, the inventory is refused: one document each time.
#[test]
fn the_document_of_no_answer() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::prepare(&sandbox, &["one", "two"]);
    let typed = ["health", "-i", "inventory.yaml", "--json"];
    let nobody = document(sandbox.run(typed).code(4));
    assert_eq!(nobody["nodes"][0]["unreachable"]["why"], "refused");
    fs::remove_dir_all(cluster.credentials()).expect("credentials");
    let outcome = sandbox.run(typed);
    let without = document(outcome.code(4));
    assert_eq!(without["counts"]["unreachable"], 2);
    let why = &without["nodes"][1]["unreachable"];
    assert_eq!(why["why"], "no_certificate");
    assert!(why["sentence"].as_str().is_some_and(|text| text.contains("td-provision certs init")), "{why}");
    sandbox.write("inventory.yaml", "nodes: []\n");
    let refused = document(sandbox.run(typed).code(2).says(&["inventory.yaml:1:8"]));
    assert!(refused["problem"].as_str().is_some_and(|text| text.contains("inventory.yaml:1:8")), "{refused}");
    document(sandbox.run(["health", "-i", "none.yaml", "--json"]).code(2));
    document(sandbox.run(["health", "--agent", "./none.sock", "--json"]).code(4));
    cluster.end();
}

/// As Nagios calls a plugin: a shell's command line, one line, its own exit codes.
#[test]
fn nagios() {
    let sandbox = Sandbox::new();
    let _one = Answers::new(&sandbox, "one", &[("/health", well())]);
    let _warm = Answers::new(&sandbox, "warm", &[("/health", with(&[("/look/temperature", json!(77.1))]))]);
    let _full = Answers::new(&sandbox, "full", &[("/health", with(&[("/look/disks/0/free", json!(1e6 as u64))]))]);
    let td = programs::binary("td");
    let plugin = |arguments: &str| {
        let mut command = sandbox.command("/bin/sh");
        command.args(["-c", &format!("'{}' health --nagios {arguments}", td.display())]);
        let outcome = process::run(&mut command, LIMIT);
        assert_eq!(outcome.out().lines().count(), 1, "{}", outcome.transcript());
        outcome
    };
    let line = |outcome: &Outcome, begins: &str| {
        assert!(outcome.out().starts_with(begins), "{}", outcome.transcript());
        let data = outcome.out().split_once(" | ").map(|(_, data)| data.trim().to_owned());
        for datum in data.iter().flat_map(|data| data.split(' ')) {
            let (name, value) = datum.split_once('=').unwrap_or_else(|| panic!("{datum}"));
            assert!(!name.is_empty() && value.starts_with(|c: char| c.is_ascii_digit()), "{datum}");
        }
        data
    };
    let ok = plugin("--agent ./one.sock");
    let data = line(ok.code(0), "TD OK - 1 node: 1 ok | ").expect("performance data");
    assert!(data.contains("'temperature'=52.4;75;82"), "{data}");
    assert!(data.contains("'disk'=62.5%;10:;3:"), "{data}");
    line(
        plugin("--agent ./warm.sock --agent ./one.sock").code(1),
        "TD WARNING - 2 nodes: 1 ok, 1 warn; ./warm.sock warn: temperature: ",
    );
    line(plugin("--agent ./full.sock").code(2), "TD CRITICAL - 1 node: 1 fail; ");
    line(plugin("--agent ./none.sock --agent ./one.sock").code(2), "TD CRITICAL - 2 nodes: 1 ok, 1 unreachable; ");
    line(plugin("-i none.yaml").code(3), "TD UNKNOWN - none.yaml: there is no such file");
    let wrong = process::run(sandbox.td(["health", "--nagios", "--no-such-option"]).env("LANG", "C"), LIMIT);
    wrong.code(3);
}

fn prometheus(sandbox: &Sandbox) -> Outcome {
    let hot =
        with(&[("/look/temperature", json!(91)), ("/look/disks/0/path", json!("/with \"quotes\" \\ and\nlines"))]);
    let _one = Answers::new(sandbox, "one", &[("/health", well())]);
    let _two = Answers::new(sandbox, "two", &[("/health", hot)]);
    let agents = ["--agent", "./one.sock", "--agent", "./two.sock", "--agent", "./none.sock"];
    sandbox.run([&["health", "--prometheus"], &agents[..]].concat())
}

#[test]
fn prometheus_text() {
    let sandbox = Sandbox::new();
    let outcome = prometheus(&sandbox);
    outcome.code(4);
    let text = outcome.out();
    assert!(text.contains("td_up{node=\"./one.sock\"} 1\n"), "{text}");
    assert!(text.contains("td_up{node=\"./none.sock\"} 0\n"), "{text}");
    assert!(text.contains("td_check_state{node=\"./two.sock\",check=\"temperature\"} 2\n"), "{text}");
}

/// Prometheus's own judge.
#[test]
#[ignore = "needs promtool: make e2e"]
fn promtool_takes_the_text() {
    let sandbox = Sandbox::new();
    let text = sandbox.write("metrics.prom", prometheus(&sandbox).code(4).stdout.as_slice());
    let promtool = programs::of_prometheus("promtool");
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("exec '{}' check metrics <'{}'", promtool.display(), text.display()));
    let outcome = process::run(&mut shell, LIMIT);
    outcome.code(0);
    assert_eq!(outcome.err() + &outcome.out(), "", "not even a remark");
}

/// node_exporter's textfile collector reads it and serves it again.
#[test]
#[ignore = "needs node_exporter: make e2e"]
fn the_textfile_collector_reads_the_text() {
    let sandbox = Sandbox::new();
    sandbox.write("collector/td.prom", prometheus(&sandbox).code(4).stdout.as_slice());
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let mut command = sandbox.command(programs::of_prometheus("prometheus-node-exporter"));
    command.args(["--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory=collector"]);
    let mut exporter = process::start(command.arg(format!("--web.listen-address=127.0.0.1:{port}")));
    let deadline = Instant::now() + LIMIT;
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) => {
                let ended = exporter.has_ended();
                assert!(!ended && Instant::now() < deadline, "no node_exporter: {error}\n{}", exporter.err_so_far());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    };
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("sent");
    let mut served = String::new();
    stream.read_to_string(&mut served).expect("served");
    exporter.signal(rustix::process::Signal::TERM);
    let _ = exporter.wait(LIMIT);
    assert!(served.contains("node_textfile_scrape_error 0"), "{served}");
    assert!(served.contains("td_check_state{check=\"temperature\",node=\"./two.sock\"} 2"), "{served}");
}

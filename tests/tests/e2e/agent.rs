//! The agent by itself: where it may listen, and that it holds still.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use td_tests::process::{self, Running, is_stopped};
use td_tests::programs;
use td_tests::sandbox::Sandbox;
use td_tests::skip::is_root;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn it_listens_nowhere_but_here() {
    let sandbox = Sandbox::new();
    for address in ["0.0.0.0:7000", "192.0.2.1:7000", "[::]:7000"] {
        let mut command = sandbox.command(programs::binary("td-agent"));
        command.args(["serve", "--cache", "cache", "--listen", address]);
        process::run(&mut command, LIMIT).code(2).speaks_to_a_person().says(&["TLS", "127.0.0.1"]);
    }
    sandbox.nothing_left_behind();
}

/// Idle it does nothing: no CPU beyond what a process costs that sleeps.
#[test]
fn idle_it_does_nothing() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(programs::binary("td-agent"));
    let running = process::start(command.args(["serve", "--cache", "cache", "--listen", "127.0.0.1:0"]));
    // Its start costs something: the fingerprint scene, and the POV-Rays that are ready for the next job. Then these are stopped.
    let spares = || sandbox.processes_called("povray");
    let end = Instant::now() + LIMIT * 2;
    while spares().is_empty() || !spares().into_iter().all(is_stopped) {
        assert!(Instant::now() < end, "POV-Ray runs with nothing to do: {:?}", sandbox.processes());
        std::thread::sleep(Duration::from_millis(50));
    }
    let own = running.pid().as_raw_nonzero().get();
    let ticks = || sandbox.processes_called("povray").into_iter().chain([own]).map(cpu_ticks).sum::<u64>();
    let before = ticks();
    std::thread::sleep(Duration::from_secs(3));
    let used = ticks() - before;
    assert!(used <= 1, "{used} ticks in 3 idle seconds");
    running.signal(Signal::TERM);
    running.wait(LIMIT).speaks_to_a_person();
    sandbox.nothing_left_behind();
}

/// Asks an agent on this machine that speaks without TLS. The answer's status, and its body.
fn ask(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn port_of(running: &Running) -> u16 {
    let end = Instant::now() + LIMIT;
    loop {
        let said = running.err_so_far();
        if let Some(port) = said.lines().find_map(|line| line.strip_prefix("td-agent listens on 127.0.0.1:")) {
            return port.trim().parse().unwrap();
        }
        assert!(Instant::now() < end, "it does not listen: {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Its health is told while POV-Ray is still being tried, and without a probe what only root sees is absent.
#[test]
fn health_waits_for_nobody() {
    let sandbox = Sandbox::new();
    let script = "#!/bin/sh\n[ $1 != --version ] || { echo POV-Ray 3.7.0.10; exit; }\nexec sleep 1000\n";
    let slow = sandbox.write("slow", script);
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o755)).unwrap();
    let node = sandbox.work().join("node");
    fs::create_dir(&node).unwrap();
    let mut command = sandbox.command(programs::binary("td-agent"));
    command.env("TD_POVRAY", &slow).args(["serve", "--cache", "cache", "--listen", "127.0.0.1:0", "--name", "pi1"]);
    let running = process::start(command.arg("--root").arg(&node));
    let port = port_of(&running);
    let health = |path: &str| {
        let (status, body) = ask(port, path);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let said = health("/health");
    assert_eq!((&said["name"], &said["povray"], &said["busy"]), (&"pi1".into(), &Value::Null, &0.into()), "{said:#}");
    assert!(said["probed"].is_null() && said["unprobed"].as_str().unwrap().contains("td-probe.timer"), "{said:#}");
    assert!(said["look"]["memory"].is_null() && said["certificate_end"].is_null(), "an empty node: {said:#}");
    assert!(said["write_rate"].is_null(), "{said:#}");

    // POV-Ray, here a stand-in that does not end, gives way to who answers.
    let end = Instant::now() + LIMIT;
    let povray = loop {
        match sandbox.processes_called("sleep").first() {
            Some(&pid) => break pid,
            None => assert!(Instant::now() < end, "the test scene is not rendered"),
        }
    };
    let agent = nice(running.pid().as_raw_nonzero().get());
    assert_eq!(nice(povray), (agent + 10).min(19));

    // What the probe leaves is passed on as it is, and asked for each time.
    let probe = |file: &str, text: &str| {
        let path = node.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    probe("proc/sys/kernel/random/boot_id", "b-1\n");
    probe("proc/loadavg", "0.50 0.25 0.10 1/1 1\n");
    probe("run/td/probe.json", r#"{"boot_id":"b-1","fast":{"at":1.0,"firmware":{"throttled":4}},"newer":1}"#);
    let said = health("/health?deep");
    assert_eq!(
        (&said["probed"]["fast"]["firmware"]["throttled"], &said["look"]["load"]["one"]),
        (&4.into(), &0.5.into())
    );
    assert!(said["fast_age"].as_f64() > Some(0.0) && said["slow_age"].is_null(), "{said:#}");
    assert!(said["write_rate"].as_f64() > Some(0.0), "{said:#}");
    assert!(!sandbox.work().join("cache/write-rate").exists());

    let (status, metrics) = ask(port, "/metrics");
    assert!(status == 200 && metrics.contains("\ntd_throttled{condition=\"throttled\",when=\"now\"} 1\n"), "{metrics}");
    assert!(!metrics.contains("td_povray_usable"), "that is not known yet: {metrics}");
    assert!(!health("/health/history")["samples"].as_array().unwrap().is_empty());
    assert_eq!(health("/health/history?since=0")["every"], 180.0);
    assert_eq!(ask(port, "/health/history?since=ever").0, 400);
    running.signal(Signal::TERM);
    running.wait(LIMIT).speaks_to_a_person();
    sandbox.nothing_left_behind();
}

/// How boots end is known in the next one, and the history goes on.
#[test]
fn a_boot_that_was_cut_short_is_told() {
    let sandbox = Sandbox::new();
    let node = sandbox.work().join("node");
    let begin = |boot: &str| {
        fs::create_dir_all(node.join("proc/sys/kernel/random")).unwrap();
        fs::write(node.join("proc/sys/kernel/random/boot_id"), boot).unwrap();
        let mut command = sandbox.command(programs::binary("td-agent"));
        command.args(["serve", "--cache", "cache", "--listen", "127.0.0.1:0"]).arg("--root").arg(&node);
        let running = process::start(&mut command);
        let (_, body) = ask(port_of(&running), "/health");
        (running, serde_json::from_str::<Value>(&body).unwrap()["shut_down_in_order"].clone())
    };
    let (first, in_order) = begin("a");
    assert_eq!(in_order, Value::Null);
    first.signal(Signal::TERM);
    first.wait(LIMIT);
    let (second, in_order) = begin("b");
    assert_eq!(in_order, true);
    second.signal(Signal::KILL);
    second.wait(LIMIT);
    let (third, in_order) = begin("c");
    assert_eq!(in_order, false, "the power went");
    third.signal(Signal::TERM);
    third.wait(LIMIT);
}

/// Where nobody is root, the probe says so; root's own run leaves the file, and says nothing.
#[test]
fn the_probe_is_for_root() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(programs::binary("td-agent"));
    let node = sandbox.work().join("node");
    process::run(command.args(["probe", "--root"]).arg(&node), LIMIT).code(0);
    let text = fs::read_to_string(node.join("run/td/probe.json")).unwrap();
    let said: Value = serde_json::from_str(&text).unwrap();
    assert!(said["version"] == 1 && said["fast"]["cpu"].as_f64() > Some(0.0) && said["slow"].is_null(), "{text}");
    if !is_root() {
        let mut command = sandbox.command(programs::binary("td-agent"));
        process::run(command.arg("probe"), LIMIT).code(2).speaks_to_a_person().says(&["root"]);
    }
}

/// The nice value of a process's first thread: field 19 of its stat.
fn nice(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    stat.rsplit(')').next().unwrap().split_whitespace().nth(16).unwrap().parse().unwrap()
}

/// User and system time of a process so far, in hundredths of a second.
fn cpu_ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the agent runs");
    let after_name = stat.rsplit(')').next().expect("a stat line");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

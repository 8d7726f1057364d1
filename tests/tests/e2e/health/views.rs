//! What people see: the table, one node, a check's page, the past.

use insta::assert_snapshot;
use serde_json::{Value, json};
use td_tests::process::Outcome;
use td_tests::sandbox::Sandbox;

use super::answers::{Answers, now, well, with};

/// `td health` of agents that say this.
fn health(agents: &[(&str, Value)], more: &[&str]) -> Outcome {
    let sandbox = Sandbox::new();
    let mut typed = vec!["health".to_owned()];
    let mut listening = Vec::new();
    for (name, report) in agents {
        listening.push(Answers::new(&sandbox, name, &[("/health", report.clone())]));
        typed.extend(["--agent".to_owned(), format!("./{name}.sock")]);
    }
    typed.extend(more.iter().map(|word| (*word).to_owned()));
    let outcome = sandbox.run(typed);
    outcome.speaks_to_a_person();
    assert!(outcome.out().lines().all(|line| line.chars().count() <= 80), "{}", outcome.transcript());
    outcome
}

#[test]
fn all_is_well() {
    let outcome = health(&[("pi1", well()), ("pi2", well()), ("pi3", well()), ("pi4", well())], &[]);
    outcome.code(0);
    assert_snapshot!("table_ok", outcome.out());
    assert_eq!(outcome.err(), "");
}

#[test]
fn warnings() {
    let warm = with(&[("/look/temperature", json!(77.1)), ("/probed/fast/firmware/throttled", json!(0x1_0000))]);
    let units = with(&[("/probed/fast/failed_units", json!(["nfs-server.service"]))]);
    let outcome = health(&[("pi1", well()), ("pi2", warm), ("pi3", units.clone()), ("pi4", units)], &[]);
    outcome.code(1);
    assert_snapshot!("table_warn", outcome.out());
}

#[test]
fn failures() {
    let full = with(&[("/look/disks/0/free", json!(12_000_000))]);
    let hangs = with(&[("/probed/fast/share/answered", Value::Null), ("/probed/fast/share/hangs", json!(312.0))]);
    let bare = with(&[
        (
            "/povray",
            json!({ "state": "unusable", "message": "POV-Ray is not installed on this node: install the packages povray and povray-includes" }),
        ),
        ("/probed/slow/povray", Value::Null),
        ("/probed/slow/render", json!({ "passed": false, "seconds": 0.0, "problem": "povray: not found" })),
        ("/probed/fast/root_read_only", json!(true)),
        ("/probed/fast/card_errors", json!(31)),
        ("/probed/fast/card_error", json!("mmc0: error -110 whilst initialising SD card")),
    ]);
    let outcome = health(&[("pi1", well()), ("pi2", full), ("pi3", hangs), ("pi4", bare)], &[]);
    outcome.code(1);
    assert_snapshot!("table_fail", outcome.out());
}

/// What an older agent does not say, and what a newer one says besides, is no reason to fail.
#[test]
fn agents_of_other_versions() {
    let sandbox = Sandbox::new();
    let hello = json!({
        "protocol": 1, "td": "0.0.9", "name": "pi", "slots": 1, "memory_available": 1, "scratch_available": 1,
        "povray": { "state": "unusable", "message": "there is no POV-Ray" },
    });
    let _oldest = Answers::new(&sandbox, "oldest", &[("/hello", hello)]);
    let _older =
        Answers::new(&sandbox, "older", &[("/health", json!({ "version": 1, "td": env!("CARGO_PKG_VERSION") }))]);
    let mut newer = with(&[("/look/disks/0/place", json!("moon")), ("/look/phase", json!({ "of": "moon" }))]);
    newer["version"] = json!(2);
    newer["tides"] = json!([1, 2, 3]);
    let _newer = Answers::new(&sandbox, "newer", &[("/health", newer)]);
    let typed = ["health", "--agent", "./older.sock", "--agent", "./newer.sock"];
    let outcome = sandbox.run(typed);
    outcome.code(0);
    assert_snapshot!("table_other_versions", outcome.out());
    let outcome = sandbox.run(["health", "--agent", "./oldest.sock"]);
    outcome.code(1);
    assert_snapshot!("table_oldest", outcome.out().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn answers_that_are_none() {
    let outcome = health(&[("pi1", json!({ "look": "no object" })), ("pi2", json!([1])), ("pi3", well())], &[]);
    outcome.code(4);
    assert!(outcome.out().contains("it answered what td does not understand"), "{}", outcome.out());
    assert!(outcome.out().contains("3 nodes: 1 ok, 2 unreachable"), "{}", outcome.out());
    // serde repeats a word that it does not know.
    let evil = format!("\u{1b}]0;owned\u{7}\u{1b}[2J{}", "x".repeat(500_000));
    let outcome = health(&[("pi1", json!({ "povray": { "state": evil } }))], &[]);
    outcome.code(4);
    let said = [outcome.out(), outcome.err()].concat();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("it answered what td does not understand: unknown variant"), "{said}");
    assert!(!outcome.out().contains('\u{1b}') && !said.contains('\u{7}') && said.len() < 2000, "{} bytes", said.len());
}

#[test]
fn a_nodes_past() {
    let sandbox = Sandbox::new();
    let now = now();
    let sample = |n: u32| json!({ "at": now - 7000.0 + f64::from(n) * 180.0, "temperature": 45.0 + f64::from(n), "load": 0.5, "throttled": if n > 30 { 4 } else { 0 } });
    let samples: Vec<Value> = (0..39).map(sample).collect();
    let history = json!({ "version": 1, "now": now, "every": 180.0, "samples": samples });
    let _pi = Answers::new(&sandbox, "pi1", &[("/health", well()), ("/health/history", history)]);
    let _old = Answers::new(&sandbox, "pi2", &[("/health", well())]);
    let outcome = sandbox.run(["health", "--agent", "./pi1.sock", "--since", "2h"]);
    outcome.code(0).speaks_to_a_person();
    assert_snapshot!("since", outcome.out());
    let outcome = sandbox.run(["health", "--agent", "./pi1.sock", "--agent", "./pi2.sock", "--since", "2h"]);
    outcome.code(4);
    assert!(outcome.out().contains("keeps no history"), "{}", outcome.out());
}

#[test]
fn a_checks_page() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(["health", "--explain", "scratch"]);
    outcome.code(0);
    assert_snapshot!("explain", outcome.out());
    sandbox.run(["health", "--explain", "scratsh"]).code(2).says(&["there is no check scratsh: did you mean scratch?"]);
    sandbox.run(["health", "--explain", "weather"]).code(2).says(&["there are under-voltage,"]);
}

/// Without anything said it is the agent of this machine, started for the question and gone after it.
#[test]
fn this_machine() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(["health", "--timeout", "60"]);
    outcome.speaks_to_a_person();
    assert!(outcome.status.code().is_some_and(|code| code <= 1), "{}", outcome.transcript());
    assert!(outcome.out().contains("this machine"), "{}", outcome.transcript());
    // All checks are shown, and what takes root to know is not guessed.
    assert!(outcome.out().contains("root-read-only"), "{}", outcome.transcript());
}

#[test]
fn wrong_use() {
    let sandbox = Sandbox::new();
    let agent = ["--agent", "./none.sock"];
    for (typed, words) in [
        (&["--timeout", "0"][..], "--timeout 0: has to be from 0.001 to 3600 seconds"),
        (&["--timeout", "nan"], "has to be from"),
        (&["--since", "2 weeks"], "write a number and s, m, h or d"),
        (&["--watch"], "standard output is none"),
        (&["--json", "--prometheus"], "cannot be used with"),
        (&["pi110"], "nodes are those of an inventory"),
    ] {
        let typed = [&["health"], &agent[..], typed].concat();
        sandbox.run(typed).code(2).speaks_to_a_person().says(&[words]);
    }
    sandbox.run(["health", "--agent", "192.0.2.1:7979"]).code(2).says(&["is not of this machine"]);
    sandbox.run(["health", "-i", "none.yaml"]).code(2).says(&["none.yaml: there is no such file"]);
    sandbox.write("inventory.yaml", "nodes: { pi110: { address: 192.0.2.110, groups: [shelf] } }\n");
    let outcome = sandbox.run(["health", "-i", "inventory.yaml", "pi111"]);
    outcome.code(2).says(&["pi111 is neither a node nor a group of the inventory, did you mean pi110?"]);
    sandbox.write("bad.yaml", "nodes: { a: { address: a.b, health: { disk: { warn: 5 GB } } } }\n");
    sandbox.run(["health", "-i", "bad.yaml"]).code(2).says(&["bad.yaml:1:53: nodes.a.health.disk.warn: disk is in %"]);
}

//! The master is stopped, or killed, while nodes render for it over TLS.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use td_tests::cluster::Cluster;
use td_tests::sandbox::Sandbox;
use td_tests::{events, process};

use super::cluster::{line_shown, notes, seen};
use crate::cluster_faults::{LIMIT, NAMES, command, ends_exact, is_exact, told_and_exact, under_way};

/// Waits until all agents have given the silent master's job up, and their POV-Rays have ended.
#[track_caller]
fn until_given_up(cluster: &Cluster<'_>) {
    let deadline = Instant::now() + Duration::from_secs(90);
    let is_given_up = |number: usize| cluster.said(number).contains("is silent: its POV-Rays are stopped");
    let povrays = || cluster.sandbox.processes_called("povray");
    while !(0..NAMES.len()).all(is_given_up) || !povrays().is_empty() {
        let said = || (0..NAMES.len()).map(|number| cluster.said(number)).collect::<Vec<_>>().join("\n");
        assert!(Instant::now() < deadline, "agents still render for a silent master: {:?}, {}", povrays(), said());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Nobody renders for a master that says nothing; what is finished is kept for the next one.
#[test]
#[ignore = "takes a minute: make e2e"]
fn agents_stop_for_a_silent_master_and_keep_what_is_finished() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &NAMES);
    let silent = under_way(&cluster);
    silent.signal(Signal::STOP);
    until_given_up(&cluster);
    silent.signal(Signal::KILL);
    let _ = silent.wait(LIMIT);
    let outcome = process::run(&mut command(&cluster), LIMIT);
    seen("after a silent master", &outcome);
    outcome.code(0);
    is_exact(&cluster);
    let done = events::last(&outcome).unwrap();
    assert!(done["rows_from_cache"].as_u64().unwrap() > 0, "{done:?}");
    cluster.end();
}

/// It slept longer than its agents' patience (a suspended laptop): the jobs are opened again, and it goes on.
#[test]
#[ignore = "takes a minute: make e2e"]
fn a_master_is_stopped_until_its_agents_have_given_up() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &NAMES);
    let running = under_way(&cluster);
    running.signal(Signal::STOP);
    until_given_up(&cluster);
    running.signal(Signal::CONT);
    let outcome = told_and_exact(&cluster, running);
    // Whichever of them it hears of first, and whether by a strip that was cut off or by a job that is not open any more.
    let lost = |name: &str| notes(&outcome).iter().any(|note| note.contains(&format!("{name} was lost")));
    let first = NAMES.into_iter().find(|name| lost(name)).expect("one was lost");
    line_shown("master_stopped", &notes(&outcome).join("\n").replace(first, "NODE"), &["NODE was lost"]);
    cluster.end();
}

#[test]
fn a_master_is_stopped_for_two_seconds() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &NAMES);
    let running = under_way(&cluster);
    running.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(2));
    running.signal(Signal::CONT);
    ends_exact(&cluster, running);
    cluster.end();
}

/// The agents live on; the next master has them end what they still render for the killed one.
#[test]
fn a_master_is_killed_and_its_job_resumed() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &NAMES);
    let killed = under_way(&cluster);
    killed.signal(Signal::KILL);
    let _ = killed.wait(LIMIT);
    let resumed = process::run(&mut sandbox.td(["resume", "--json"]), LIMIT);
    seen("kill -9 of the master, resumed", &resumed);
    resumed.code(0).speaks_to_a_person();
    is_exact(&cluster);
    let done = events::last(&resumed).unwrap();
    assert!(done["rows_resumed"].as_u64().unwrap() + done["rows_from_cache"].as_u64().unwrap() > 0, "{done:?}");
    cluster.end();
}

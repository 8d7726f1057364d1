//! A clock that is set back by a day while a picture is rendered over TLS, on a node or on the master.
//!
//! The time of day is libfaketime's, read from a file that the test changes. The monotonic clock is left alone: setting a clock
//! does not touch it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use td_tests::cluster::Cluster;
use td_tests::process;
use td_tests::sandbox::Sandbox;
use td_tests::skip::skip;

use crate::cluster_faults::{NAMES, command, ends_exact, under_way, until_under_way};

fn library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    places.into_iter().find(|path| path.exists())
}

/// Words before a command whose clock is to be set.
fn with_clock(library: &Path, clock: &Path) -> Vec<String> {
    let settings = [
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    ["env".to_owned()].into_iter().chain(settings).collect()
}

fn set(clock: &Path, by: &str) {
    // In one step: it is read at any moment.
    let new = clock.with_extension("new");
    fs::write(&new, format!("{by}\n")).unwrap();
    fs::rename(&new, clock).unwrap();
}

#[test]
fn a_nodes_clock_is_set_back_a_day() {
    let Some(library) = library() else { return skip("clocks", "no libfaketime") };
    let sandbox = Sandbox::new();
    let clock = sandbox.home().join("clock");
    set(&clock, "+0");
    let mut cluster = Cluster::prepare(&sandbox, &NAMES);
    cluster.nodes[1].around = with_clock(&library, &clock);
    for number in 0..NAMES.len() {
        cluster.start_node(number);
    }
    let running = under_way(&cluster);
    set(&clock, "-1d");
    let done = ends_exact(&cluster, running);
    assert!(done["nodes"]["two"]["rows"].as_u64().unwrap() > 0, "{done:?}");
    cluster.end();
}

#[test]
fn the_masters_clock_is_set_back_a_day() {
    let Some(library) = library() else { return skip("clocks", "no libfaketime") };
    let sandbox = Sandbox::new();
    let clock = sandbox.home().join("clock");
    set(&clock, "+0");
    let cluster = Cluster::start(&sandbox, &NAMES);
    let td = command(&cluster);
    let around = with_clock(&library, &clock);
    let mut with_clock = sandbox.command(&around[0]);
    with_clock.args(&around[1..]).arg(td.get_program()).args(td.get_args());
    let mut running = process::start(&mut with_clock);
    until_under_way(&mut running);
    set(&clock, "-1d");
    ends_exact(&cluster, running);
    cluster.end();
}

/// A Raspberry Pi 1 has no clock of its own: until something sets it, it lives in 1970, when no certificate was made yet.
#[test]
fn a_node_whose_clock_was_never_set_renders_over_tls() {
    let Some(library) = library() else { return skip("clocks", "no libfaketime") };
    let sandbox = Sandbox::new();
    let clock = sandbox.home().join("clock");
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    set(&clock, &format!("-{}", since_1970 - 3600));
    let mut cluster = Cluster::prepare(&sandbox, &NAMES);
    cluster.nodes[1].around = with_clock(&library, &clock);
    for number in 0..NAMES.len() {
        cluster.start_node(number);
    }
    let done = ends_exact(&cluster, under_way(&cluster));
    assert!(done["nodes"]["two"]["rows"].as_u64().unwrap() > 0, "{done:?}");
    cluster.end();
}

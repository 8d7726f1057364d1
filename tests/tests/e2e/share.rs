//! The share: a bundle goes to its server once, the other nodes read it there, and who cannot is sent it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use td_tests::events;
use td_tests::process::Outcome;
use td_tests::sandbox::files_below;

use crate::faults::cluster::{Cluster, LIMIT};

/// A server and two nodes on one folder, as NFS would give it to them.
fn on_one_folder() -> Cluster {
    let mut cluster = Cluster::empty();
    let share = cluster.sandbox.path().join("share");
    fs::create_dir(&share).unwrap();
    for role in ["--publish", "--share", "--share"] {
        add(&mut cluster, role, &share);
    }
    cluster
}

fn add(cluster: &mut Cluster, role: &'static str, share: &Path) {
    let share = share.to_owned();
    cluster.add(move |mut command| {
        command.arg(role).arg(&share);
        command
    });
}

/// What each node was sent, and what it took from the share; in the order of their numbers.
fn opened(outcome: &Outcome) -> Vec<(u64, u64)> {
    let all = events::all(outcome).unwrap();
    let mut nodes: Vec<_> = all.iter().filter(|event| event["event"] == "opened").collect();
    nodes.sort_by_key(|event| event["node"].as_str().map(str::to_owned));
    let number = |value: &Value| value.as_u64().unwrap();
    nodes.iter().map(|event| (number(&event["sent"]), number(&event["from_share"]))).collect()
}

#[test]
fn a_bundle_is_sent_once_and_read_by_the_others() {
    let cluster = on_one_folder();
    let outcome = cluster.render(&[]).wait(LIMIT);
    cluster.exact(&outcome);
    assert_eq!(opened(&outcome), [(1, 0), (0, 1), (0, 1)], "{}", outcome.transcript());
    let again = cluster.render(&["--fresh"]).wait(LIMIT);
    cluster.exact(&again);
    assert_eq!(opened(&again), [(0, 0), (0, 0), (0, 0)], "{}", again.transcript());
    cluster.ends();
}

#[test]
fn who_does_not_see_the_share_is_sent_the_bundle() {
    let mut cluster = on_one_folder();
    // Mounted nowhere, and something else in its place.
    let elsewhere = cluster.sandbox.path().join("elsewhere");
    add(&mut cluster, "--share", &elsewhere);
    let outcome = cluster.render(&[]).wait(LIMIT);
    cluster.exact(&outcome);
    assert_eq!(opened(&outcome), [(1, 0), (0, 1), (0, 1), (1, 0)], "{}", outcome.transcript());

    // What lies there is another content than its name says: its server notices, and lays it there again.
    let there = files_below(&cluster.sandbox.path().join("share"));
    assert_eq!(there.len(), 1, "{there:?}");
    let size = fs::metadata(&there[0]).unwrap().len() as usize;
    fs::write(&there[0], vec![b'x'; size]).unwrap();
    let agent = &mut cluster.agents[1];
    agent.kill();
    fs::remove_dir_all(&agent.cache).unwrap();
    agent.start(&cluster.sandbox);
    let outcome = cluster.render(&["--fresh"]).wait(LIMIT);
    cluster.exact(&outcome);
    assert_eq!(opened(&outcome), [(0, 0), (0, 1), (0, 0), (0, 0)], "{}", outcome.transcript());
    cluster.ends();
}

#[test]
fn without_its_server_all_are_sent_the_bundle() {
    let mut cluster = on_one_folder();
    cluster.agents[0].kill();
    let outcome = cluster.render(&[]).wait(LIMIT);
    cluster.exact(&outcome);
    assert_eq!(opened(&outcome), [(1, 0), (1, 0)], "{}", outcome.transcript());
    cluster.ends();
}

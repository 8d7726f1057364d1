//! One agent's disk is full.

use std::fs::File;
use std::io::Write as _;

use td_tests::skip::skip;

use super::cluster::{Cluster, LIMIT, seen, shown, within_mounts};
use crate::no_room::may_mount;

/// One agent as it should be, and one whose cache is a file system of its own of this size. None where that cannot be.
fn cluster(size: &'static str) -> Option<Cluster> {
    if !may_mount() {
        skip("disk_full", "needs root and a mount namespace");
        return None;
    }
    let mut cluster = Cluster::new(1);
    cluster.add(move |command| {
        let cache = command.get_args().last().expect("the cache is named last").to_string_lossy().into_owned();
        within_mounts(&command, &format!("mkdir -p '{cache}'; mount -t tmpfs -o size={size} tmpfs '{cache}'"))
    });
    Some(cluster)
}

#[test]
fn one_agents_disk_is_full() {
    let Some(cluster) = cluster("200m") else { return };
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    // Its file system is seen through the agent's eyes only.
    let agent = &cluster.agents[1];
    let cache = format!("/proc/{}/root{}", agent.pid().as_raw_nonzero(), agent.cache.display());
    let mut filler = File::create(format!("{cache}/filler")).expect("the agent's cache");
    let piece = vec![1; 1 << 16];
    while filler.write_all(&piece).is_ok() {}
    drop(filler);
    let outcome = running.wait(LIMIT);
    seen("an agent's disk becomes full", &outcome);
    cluster.exact(&outcome);
    shown("disk_full", &outcome, &["node2", "full"]);
    cluster.ends();
}

#[test]
fn an_agent_whose_disk_was_full_before_gets_no_strips() {
    let Some(cluster) = cluster("400k") else { return };
    let outcome = cluster.render(&[]).wait(LIMIT);
    seen("an agent's disk is full from the beginning", &outcome);
    cluster.exact(&outcome);
    shown("disk_full_before", &outcome, &["node2", "gets no strips: scratch: "]);
    cluster.ends();
}

//! One agent's disk is full.

use std::process::Command;

use td_tests::process;
use td_tests::programs;
use td_tests::skip::{is_root, skip};

use super::cluster::{Cluster, LIMIT, seen};

#[test]
fn one_agents_disk_is_full() {
    let may_mount = || process::run(Command::new("unshare").args(["--mount", "true"]), LIMIT).status.success();
    if !is_root() || !may_mount() {
        return skip("disk_full", "needs root and a mount namespace");
    }
    let mut cluster = Cluster::new(1);
    // The second agent's cache is a file system of its own, with room for its start and for little more.
    cluster.add(|command| {
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let cache = arguments.last().expect("the cache is named last").to_string_lossy().into_owned();
        let script = format!(
            "set -eu; mount --make-rprivate /; mkdir -p '{cache}'; mount -t tmpfs -o size=400k tmpfs '{cache}'; exec \"$@\""
        );
        let mut within = Command::new("unshare");
        within.args(["--mount", "/bin/sh", "-c", &script, "sh"]).arg(programs::binary("td-agent")).args(arguments);
        within.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        within.current_dir(command.get_current_dir().expect("the sandbox's folder"));
        within
    });
    let outcome = cluster.render(&[]).wait(LIMIT);
    seen("an agent's disk is full", &outcome);
    cluster.exact(&outcome);
    super::cluster::told(&outcome, &["node2", "full"]);
    cluster.ends();
}

//! A node whose POV-Ray fails again and again.

use super::cluster::{Cluster, LIMIT, NO_SPARES, ended_with, seen, shown, stand_in, until};

/// Dies as soon as it is given a strip.
pub const DIES: &str = r#"
case "$*" in
    *fingerprint.pov*) ;;
    *+W241*) kill -9 $$ ;;
esac
exec "$povray" "$@"
"#;

/// Adds a node whose POV-Ray dies.
fn add_sick(cluster: &mut Cluster) {
    let sick = stand_in(cluster.sandbox.path(), DIES);
    cluster.add_with(&sick, NO_SPARES);
}

#[test]
fn a_node_that_fails_three_times_in_a_row_rests() {
    let mut cluster = Cluster::new(1);
    add_sick(&mut cluster);
    let outcome = cluster.render(&[]).wait(LIMIT);
    seen("a node whose POV-Ray always dies", &outcome);
    cluster.exact(&outcome);
    shown("rests", &outcome, &["node2", "rests after three failures in a row", "signal 9"]);
    cluster.ends();
}

#[test]
fn when_all_nodes_rest_td_ends_and_says_why() {
    let mut cluster = Cluster::empty();
    add_sick(&mut cluster);
    let outcome = cluster.render(&[]).wait(LIMIT);
    seen("all nodes rest", &outcome);
    outcome.code(1).speaks_to_a_person();
    ended_with("all_rest", &outcome);
    assert!(!cluster.sandbox.work().join("out.png").exists());
    cluster.ends();
}

/// The one that rests is started anew, which makes it no fitter; the other is gone. That is told as the end, not waited out.
#[test]
#[ignore = "takes a minute: make e2e"]
fn a_resting_node_that_comes_back_is_no_reason_to_wait_for_ever() {
    let mut cluster = Cluster::new(1);
    add_sick(&mut cluster);
    let mut running = cluster.render(&["+H1600"]);
    until(&mut running, "rests after three failures");
    cluster.agents[0].kill();
    until(&mut running, "no agent is left: waiting");
    cluster.agents[1].kill();
    cluster.agents[1].start(&cluster.sandbox);
    let outcome = running.wait(LIMIT);
    seen("one node rests and is started anew, the other is lost for good", &outcome);
    outcome.code(1).speaks_to_a_person();
    ended_with("rests_and_lost", &outcome);
    cluster.ends();
}

//! A node whose POV-Ray fails again and again.

use super::cluster::{Cluster, LIMIT, ended_with, seen, shown, stand_in};

/// Dies as soon as it is given a strip.
const DIES: &str = r#"
case "$*" in
    *fingerprint.pov*) ;;
    *+W241*) kill -9 $$ ;;
esac
exec "$povray" "$@"
"#;

/// Adds a node whose POV-Ray dies.
fn add_sick(cluster: &mut Cluster) {
    let sick = stand_in(cluster.sandbox.path(), DIES);
    cluster.add(move |mut command| {
        command.env("TD_POVRAY", &sick);
        command
    });
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

//! A node that answers wrong pixels: its segments are whole, only not the picture's. And one that draws otherwise and says so.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use td_tests::events;
use td_tests::process::{self, Outcome};

use super::cluster::{Cluster, LIMIT, NO_SPARES, SWITCHES, ended_with, notes, seen, shown, stand_in, told, until};

/// While there is a file `wrong` beside it: draws the fingerprint and the probe, which is smaller, as they should be, and every
/// strip with one more light.
const WRONG: &str = r#"
case "$*" in
    *fingerprint.pov*) ;;
    *+W241*) [ ! -e "$(dirname "$0")/wrong" ] || echo 'light_source { <0, 9, -9> rgb 0.2 }' >>scene.pov ;;
esac
exec "$povray" "$@"
"#;

/// Draws the fingerprint as no other POV-Ray does, and so says what it is.
const OTHERWISE: &str = r#"
case "$*" in
    *fingerprint.pov*) echo 'light_source { <0, 9, -9> rgb 0.2 }' >>fingerprint.pov ;;
esac
exec "$povray" "$@"
"#;

/// So many nodes, of which the second draws wrong as long as the file is there whose name comes too.
fn cluster(nodes: usize) -> (Cluster, PathBuf) {
    let mut cluster = Cluster::new(1);
    let wrong = stand_in(cluster.sandbox.path(), WRONG);
    let flag = cluster.sandbox.path().join("wrong");
    fs::write(&flag, "").unwrap();
    cluster.add_with(&wrong, NO_SPARES);
    for _ in 2..nodes {
        cluster.add(|command| command);
    }
    (cluster, flag)
}

fn done(outcome: &Outcome) -> events::Event {
    events::last(outcome).unwrap_or_else(|error| panic!("{error}\n{}", outcome.transcript()))
}

/// Renders on one node alone, which draws right by now: what it has kept must be right, too.
fn right_again(cluster: &Cluster, flag: &PathBuf, node: usize) {
    fs::remove_file(flag).unwrap();
    let again = cluster.render_on([cluster.agents[node].socket.as_path()].into_iter(), &[]).wait(LIMIT);
    cluster.exact(&again);
    assert_eq!(done(&again)["rows_from_cache"], 0, "{}", again.transcript());
}

#[test]
fn verify_puts_the_node_out_and_renders_its_rows_again() {
    let (cluster, flag) = cluster(3);
    let outcome = cluster.render(&["--verify=320"]).wait(LIMIT);
    seen("a node that answers wrong pixels, --verify", &outcome);
    cluster.exact(&outcome);
    told(&outcome, &["column", "row"]);
    shown("wrong_pixels", &outcome, &["node2", "wrong pixels", "put out", "rows are rendered again"]);
    assert!(!notes(&outcome).iter().any(|note| note.contains("could not be told to forget")), "{:?}", notes(&outcome));
    let done = done(&outcome);
    let rows = |name: &str| {
        let nodes = done["nodes"].as_object().unwrap();
        nodes.iter().find(|(path, _)| path.contains(name)).unwrap().1["rows"].as_u64().unwrap()
    };
    assert_eq!((rows("node2"), rows("node1") + rows("node3")), (0, 320), "{done:?}");
    right_again(&cluster, &flag, 1);
    cluster.ends();
}

/// All rows come from the wrong node's cache, where an earlier render left them.
#[test]
fn wrong_rows_from_a_cache_are_rendered_again() {
    let (cluster, _flag) = cluster(3);
    let wrong = cluster.render_on([cluster.agents[1].socket.as_path()].into_iter(), &[]).wait(LIMIT);
    wrong.code(0);
    let outcome = cluster.render(&["--verify"]).wait(LIMIT);
    seen("wrong pixels from a cache, --verify", &outcome);
    cluster.exact(&outcome);
    told(&outcome, &["node2", "wrong pixels", "its 320 rows are rendered again"]);
    assert_eq!(done(&outcome)["rows_from_cache"], 0);
    cluster.ends();
}

/// The wrong rows are gone from what the job keeps before any are rendered again.
#[test]
#[ignore = "takes half a minute or more: make e2e"]
fn a_master_killed_after_a_node_was_put_out() {
    let (cluster, _flag) = cluster(3);
    let mut running = cluster.render(&["--verify=320"]);
    until(&mut running, "put out of the job");
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
    let resumed = process::run(cluster.sandbox.td(["resume", "--json"]).args(["-o", "out.png"]), LIMIT);
    seen("resumed after a node was put out", &resumed);
    cluster.exact(&resumed);
    shown("wrong_pixels_resumed", &resumed, &["node2", "left out of this job", "wrong pixels"]);
    let done = done(&resumed);
    assert!(done["rows_resumed"].as_u64().unwrap() < 320, "{done:?}");
    cluster.ends();
}

/// Sockets are named from the folder td is typed in; a resumed job knows them by what holds everywhere.
#[test]
#[ignore = "takes half a minute or more: make e2e"]
fn a_node_that_was_put_out_stays_out_whatever_its_name_was_typed_as() {
    let (cluster, _flag) = cluster(3);
    let typed: Vec<PathBuf> = (1..=3).map(|number| PathBuf::from(format!("../node{number}/agent.sock"))).collect();
    let mut running = cluster.render_on(typed.iter().map(PathBuf::as_path), &["--verify=320"]);
    until(&mut running, "put out of the job");
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
    let resumed = process::run(cluster.sandbox.td(["resume", "--json"]).args(["-o", "out.png"]), LIMIT);
    cluster.exact(&resumed);
    told(&resumed, &["node2", "left out of this job", "wrong pixels"]);
    let again = notes(&resumed).iter().any(|note| note.contains("put out of the job"));
    assert!(!again, "it was used again: {}", resumed.transcript());
    cluster.ends();
}

/// The rows are kept, and become no picture before a third node has said who is right.
#[test]
#[ignore = "takes two minutes: make e2e"]
fn two_nodes_that_differ_wait_for_a_third() {
    let (mut cluster, flag) = cluster(2);
    let outcome = cluster.render(&["--verify=320"]).wait(LIMIT);
    seen("two nodes, one of them wrong, --verify", &outcome);
    outcome.code(1).speaks_to_a_person().says(&["column", "no picture was written", "320 of 320 rows are finished"]);
    ended_with("wrong_pixels_undecided", &outcome);
    assert!(!cluster.sandbox.work().join("out.png").exists());

    // With the same two nothing can be told.
    let again = process::run(&mut cluster.sandbox.td(["resume", "--json"]), LIMIT);
    again.code(1).says(&["no picture was written"]);
    assert!(!cluster.sandbox.work().join("out.png").exists());

    cluster.add(|command| command);
    let mut command = cluster.sandbox.td(["resume", "--json"]);
    for agent in &cluster.agents {
        command.arg("--agent").arg(&agent.socket);
    }
    let settled = process::run(&mut command, LIMIT);
    seen("the same, resumed with a third node", &settled);
    cluster.exact(&settled);
    shown("wrong_pixels_settled", &settled, &["node2", "wrong pixels", "put out", "rows are rendered again"]);
    // It does not keep what is wrong.
    right_again(&cluster, &flag, 1);
    cluster.ends();
}

/// The third alone: what the two have said counts, though they are not there.
#[test]
fn what_was_in_dispute_is_settled_by_one_more_node() {
    let (mut cluster, _flag) = cluster(2);
    cluster.render(&["--verify"]).wait(LIMIT).code(1);
    cluster.add(|command| command);
    let socket = cluster.agents[2].socket.clone();
    let mut command = cluster.sandbox.td(["resume", "--json", "--agent"]);
    let settled = process::run(command.arg(socket), LIMIT);
    cluster.exact(&settled);
    told(&settled, &["node2", "wrong pixels", "put out of the job"]);
    cluster.ends();
}

/// Why a picture by several groups is not exact.
const MIXED: &str = "--mix-groups: nodes of 32 and 64 bit";

/// Nodes that draw differently, and say so by their fingerprints, never share an exact picture.
#[test]
fn groups_do_not_mix_unless_they_are_told_to() {
    let mut cluster = Cluster::new(2);
    let otherwise = stand_in(cluster.sandbox.path(), OTHERWISE);
    cluster.add_with(&otherwise, NO_SPARES);
    let outcome = cluster.render(&[]).wait(LIMIT);
    seen("a node of another group", &outcome);
    cluster.exact(&outcome);
    shown("faster_group", &outcome, &["rendering by 2 nodes", "the faster"]);
    shown("other_group", &outcome, &["node3", "left out", "draws otherwise"]);
    let exact = done(&outcome);
    assert_eq!(exact["exact"], true);
    assert!(exact["nodes"].as_object().unwrap().keys().all(|name| !name.contains("node3")), "{exact:?}");

    let mixed = cluster.render(&["--mix-groups", "--fresh"]).wait(LIMIT);
    mixed.code(0);
    let mixed = done(&mixed);
    assert_eq!(mixed["exact"], false);
    assert_eq!(mixed["nodes"].as_object().unwrap().len(), 3);
    // And the plan says so before.
    let planned = |more: &[&str], words: &[&str]| {
        let mut plan = cluster.sandbox.td(["plan", "scene.pov"]);
        plan.args(SWITCHES).args(more);
        for agent in &cluster.agents {
            plan.arg("--agent").arg(&agent.socket);
        }
        let outcome = process::run(&mut plan, LIMIT);
        let text = outcome.code(0).out();
        assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {}", outcome.transcript());
    };
    planned(&[], &["class    any row"]);
    planned(&["--mix-groups"], &["class    seams", MIXED]);
    planned(&["--mix-groups", "--json"], &["\"class\":\"seams\"", MIXED]);
    cluster.ends();
}

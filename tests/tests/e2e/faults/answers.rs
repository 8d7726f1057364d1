//! Answers that come late, twice, in another order, in half or as noise; and a cable that is out.

use std::time::Duration;

use td_tests::events;

use super::cluster::{Cluster, LIMIT, seen, shown};
use super::proxy::{Mischief, Proxy};

/// Two nodes, the first of them behind a proxy.
fn through(mischief: Mischief) -> td_tests::process::Outcome {
    let cluster = Cluster::new(2);
    let proxy = Proxy::new(&cluster.agents[0].socket, mischief);
    let sockets = [proxy.socket.as_path(), cluster.agents[1].socket.as_path()];
    let outcome = cluster.render_on(sockets.into_iter(), &[]).wait(LIMIT);
    seen(&format!("answers: {mischief:?}"), &outcome);
    assert!(proxy.connections() > 0);
    cluster.exact(&outcome);
    cluster.ends();
    outcome
}

#[test]
fn nothing_is_done() {
    let outcome = through(Mischief::Nothing);
    assert!(super::cluster::notes(&outcome).is_empty(), "{}", outcome.transcript());
}

#[test]
fn delayed() {
    through(Mischief::Delayed(Duration::from_millis(300)));
}

#[test]
fn repeated() {
    through(Mischief::Repeated);
}

#[test]
fn reordered() {
    through(Mischief::Reordered);
}

#[test]
fn cut() {
    shown("answers_cut", &through(Mischief::Cut), &["node1", "lost"]);
}

/// A node that is lost time and again before it has finished a strip holds nobody up for ever.
#[test]
fn cut_at_once() {
    let outcome = through(Mischief::CutAtOnce);
    shown("not_used_any_more", &outcome, &["node1", "times", "it is not used any more"]);
    let nodes = events::last(&outcome).unwrap()["nodes"].clone();
    let rows = |name: &str| {
        let (_, node) = nodes.as_object().unwrap().iter().find(|(node, _)| node.contains(name)).expect("a node");
        node["rows"].as_u64()
    };
    assert_eq!((rows("node1"), rows("node2")), (Some(0), Some(320)), "{nodes}");
}

#[test]
fn garbage() {
    shown("answers_garbage", &through(Mischief::Garbage), &["node1", "does not understand", "not used any more"]);
}

/// The cable of one of two nodes is out for a while, or for ever.
fn cable(time: Option<Duration>) {
    let cluster = Cluster::new(2);
    let proxy = Proxy::new(&cluster.agents[0].socket, Mischief::Nothing);
    let sockets = [proxy.socket.as_path(), cluster.agents[1].socket.as_path()];
    let mut running = cluster.render_on(sockets.into_iter(), &[]);
    cluster.at_work(&mut running);
    proxy.cut(true);
    if let Some(time) = time {
        std::thread::sleep(time);
        proxy.cut(false);
    }
    let outcome = running.wait(LIMIT);
    let time = time.map_or("for ever".to_owned(), |time| format!("for {} s", time.as_secs()));
    seen(&format!("cable out {time}"), &outcome);
    cluster.exact(&outcome);
    proxy.cut(false);
    cluster.ends();
}

#[test]
fn the_cable_is_out_for_two_seconds() {
    cable(Some(Duration::from_secs(2)));
}

#[test]
#[ignore = "takes half a minute: make e2e"]
fn the_cable_is_out_for_thirty_seconds() {
    cable(Some(Duration::from_secs(30)));
}

#[test]
#[ignore = "takes a minute: make e2e"]
fn the_cable_is_out_for_ever() {
    cable(None);
}

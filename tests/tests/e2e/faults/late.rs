//! A node that takes long to open the job joins while the others render.

use super::cluster::{Cluster, LIMIT, notes, seen, shown, until};
use super::proxy::{Mischief, Proxy};

#[test]
#[ignore = "takes half a minute: make e2e"]
fn a_node_joins_late() {
    let cluster = Cluster::new(2);
    let proxy = Proxy::new(&cluster.agents[0].socket, Mischief::Nothing);
    proxy.hold_openings(true);
    let sockets = [proxy.socket.as_path(), cluster.agents[1].socket.as_path()];
    let mut running = cluster.render_on(sockets.into_iter(), &[]);
    until(&mut running, "it joins later");
    proxy.hold_openings(false);
    until(&mut running, " joins\"");
    let outcome = running.wait(LIMIT);
    seen("a node that joins late", &outcome);
    cluster.exact(&outcome);
    shown("joins_later", &outcome, &["node1", "has not opened the job after 10 seconds"]);
    shown("joins", &outcome, &["node1", "agent.proxy joins"]);
    assert!(!notes(&outcome).iter().any(|note| note.contains("lost")));
    cluster.ends();
}

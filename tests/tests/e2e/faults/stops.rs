//! SIGSTOP of an agent, of its POV-Ray: for a moment, for half a minute, for ever.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use td_tests::process::Outcome;

use super::cluster::{
    Cluster, LIMIT, notes, rows_done, seen, shown_with_reason, told, until, wait_for_strip_of, with_povrays_held,
};

const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(30);
const LOST: [&str; 3] = ["node1", "was lost", "nothing heard for"];

fn signal(stopped: &[Pid], signal: Signal) {
    for &pid in stopped {
        // One that has ended by now needs no signal.
        let _ = kill_process(pid, signal);
    }
}

/// Stops the first of three nodes' agent or POV-Rays in the middle of the render, for a moment, or else until the picture is
/// there.
fn stop(cluster: &Cluster, whom: impl Fn(&Cluster) -> Vec<Pid>, time: Option<Duration>) -> Outcome {
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    let stopped = whom(cluster);
    signal(&stopped, Signal::STOP);
    if let Some(time) = time {
        std::thread::sleep(time);
        signal(&stopped, Signal::CONT);
    }
    let outcome = running.wait(LIMIT);
    signal(&stopped, Signal::CONT);
    outcome
}

fn agent(cluster: &Cluster) -> Vec<Pid> {
    vec![cluster.agents[0].pid()]
}

fn povrays(cluster: &Cluster) -> Vec<Pid> {
    cluster.agents[0].povrays(&cluster.sandbox)
}

/// Less than any patience; but on a machine that has much else to do it may be more than two.
#[test]
fn an_agent_for_two_seconds() {
    let cluster = Cluster::new(3);
    let outcome = stop(&cluster, agent, Some(SHORT));
    seen("SIGSTOP of an agent for 2 s", &outcome);
    cluster.exact(&outcome);
    for note in notes(&outcome) {
        let is_lost = LOST.iter().all(|words| note.contains(words));
        assert!(is_lost || note.ends_with("node1/agent.sock is back"), "{note}\n{}", outcome.transcript());
    }
    cluster.ends();
}

#[test]
fn a_povray_for_two_seconds() {
    let cluster = Cluster::new(3);
    let outcome = stop(&cluster, povrays, Some(SHORT));
    seen("SIGSTOP of a POV-Ray for 2 s", &outcome);
    cluster.exact(&outcome);
    assert!(notes(&outcome).is_empty(), "{}", outcome.transcript());
    cluster.ends();
}

#[test]
fn a_povray_for_ever() {
    let cluster = Cluster::new(3);
    let outcome = stop(&cluster, povrays, None);
    seen("SIGSTOP of a POV-Ray for ever", &outcome);
    cluster.exact(&outcome);
    assert!(notes(&outcome).is_empty(), "{}", outcome.transcript());
    cluster.ends();
}

#[test]
#[ignore = "takes a minute: make e2e"]
fn an_agent_for_ever() {
    let cluster = Cluster::new(3);
    let outcome = stop(&cluster, agent, None);
    seen("SIGSTOP of an agent for ever", &outcome);
    cluster.exact(&outcome);
    shown_with_reason("agent_stopped", &outcome, &LOST);
    assert!(!notes(&outcome).iter().any(|note| note.contains("node1/agent.sock is back")), "{}", outcome.transcript());
    cluster.ends();
}

/// The others' POV-Rays are held for as long, so that the job is not over before it goes on; then it gets strips again.
#[test]
#[ignore = "takes a minute: make e2e"]
fn an_agent_for_thirty_seconds() {
    let cluster = Cluster::new(3);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    let stopped = agent(&cluster);
    signal(&stopped, Signal::STOP);
    let others = [1, 2].map(|number: usize| cluster.agents[number].pid());
    with_povrays_held(&cluster.sandbox, &others, || {
        std::thread::sleep(LONG);
        signal(&stopped, Signal::CONT);
        until(&mut running, "node1/agent.sock is back");
        wait_for_strip_of(&mut running, "node1/agent.sock", "is back");
    });
    let outcome = running.wait(LIMIT);
    seen("SIGSTOP of an agent for 30 s", &outcome);
    cluster.exact(&outcome);
    shown_with_reason("agent_stopped", &outcome, &LOST);
    told(&outcome, &["node1", "is back"]);
    cluster.ends();
}

/// Not one row comes for longer than agents bear a silent master; but all agents live, so nobody is lost.
#[test]
#[ignore = "takes a minute: make e2e"]
fn all_povrays_for_thirty_seconds() {
    let cluster = Cluster::new(3);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    let agents = [0, 1, 2].map(|number: usize| cluster.agents[number].pid());
    let before = with_povrays_held(&cluster.sandbox, &agents, || {
        std::thread::sleep(LONG);
        assert!(!running.has_ended(), "{}", running.out_so_far());
        rows_done(&running)
    });
    assert!(before < 320, "all rows came from POV-Rays that were stopped");
    let outcome = running.wait(LIMIT);
    seen("SIGSTOP of all POV-Rays for 30 s", &outcome);
    cluster.exact(&outcome);
    assert!(notes(&outcome).is_empty(), "{}", outcome.transcript());
    cluster.ends();
}

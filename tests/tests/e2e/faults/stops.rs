//! SIGSTOP of an agent, of its POV-Ray: for a moment, for half a minute, for ever.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::cluster::{Cluster, LIMIT, notes, seen, shown_with_reason};

/// Whom the signal hits.
#[derive(Clone, Copy, Debug)]
enum Whom {
    Agent,
    Povray,
}

/// Stops the first of three nodes' agent or POV-Ray in the middle of the render, for a while or for ever.
fn stop(whom: Whom, time: Option<Duration>) {
    let cluster = Cluster::new(3);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    let agent = &cluster.agents[0];
    let stopped: Vec<Pid> = match whom {
        Whom::Agent => vec![agent.pid()],
        Whom::Povray => agent.povrays(&cluster.sandbox),
    };
    let all = |signal| {
        for &pid in &stopped {
            // One that has ended by now needs no signal.
            let _ = kill_process(pid, signal);
        }
    };
    all(Signal::STOP);
    let outcome = match time {
        Some(time) => {
            std::thread::sleep(time);
            all(Signal::CONT);
            running.wait(LIMIT)
        }
        None => running.wait(LIMIT),
    };
    let is_long = time.is_none_or(|time| time > Duration::from_secs(20));
    let time = time.map_or("for ever".to_owned(), |time| format!("for {} s", time.as_secs()));
    seen(&format!("SIGSTOP of {whom:?} {time}"), &outcome);
    cluster.exact(&outcome);
    if matches!(whom, Whom::Agent) && is_long {
        shown_with_reason("agent_stopped", &outcome, &["node1", "was lost", "nothing heard for"]);
    }
    if matches!(whom, Whom::Povray) {
        assert!(notes(&outcome).is_empty(), "{}", outcome.transcript());
    }
    all(Signal::CONT);
    cluster.ends();
}

#[test]
fn an_agent_for_two_seconds() {
    stop(Whom::Agent, Some(Duration::from_secs(2)));
}

#[test]
fn a_povray_for_two_seconds() {
    stop(Whom::Povray, Some(Duration::from_secs(2)));
}

#[test]
fn a_povray_for_ever() {
    stop(Whom::Povray, None);
}

#[test]
#[ignore = "takes a minute: make e2e"]
fn an_agent_for_ever() {
    stop(Whom::Agent, None);
}

#[test]
#[ignore = "takes half a minute: make e2e"]
fn an_agent_for_thirty_seconds() {
    stop(Whom::Agent, Some(Duration::from_secs(30)));
}

#[test]
#[ignore = "takes half a minute: make e2e"]
fn a_povray_for_thirty_seconds() {
    stop(Whom::Povray, Some(Duration::from_secs(30)));
}

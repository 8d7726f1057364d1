//! Agents and POV-Rays that are killed, all of them too, and agents that come back with nothing.

use std::fs;

use rustix::process::{Signal, kill_process};
use td_tests::events;
use td_tests::sandbox::files_below;

use super::cluster::{Agent, Cluster, LIMIT, ended_with, seen, shown, stand_in};

#[test]
fn an_agent_is_killed() {
    let mut cluster = Cluster::new(3);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    cluster.agents[1].kill();
    let outcome = running.wait(LIMIT);
    seen("kill -9 of an agent", &outcome);
    cluster.exact(&outcome);
    shown("agent_killed", &outcome, &["node2", "lost"]);
    cluster.ends();
}

#[test]
fn an_agents_povray_is_killed() {
    let cluster = Cluster::new(2);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    for povray in cluster.agents[0].povrays(&cluster.sandbox) {
        let _ = kill_process(povray, Signal::KILL);
    }
    let outcome = running.wait(LIMIT);
    seen("kill -9 of an agent's POV-Ray", &outcome);
    cluster.exact(&outcome);
    shown("povray_killed", &outcome, &["node1", "signal 9", "rendered again"]);
    cluster.ends();
}

#[test]
fn an_agent_is_restarted_with_an_empty_cache() {
    let mut cluster = Cluster::new(2);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    let agent = &mut cluster.agents[0];
    agent.kill();
    fs::remove_dir_all(&agent.cache).unwrap();
    agent.start(&cluster.sandbox);
    let outcome = running.wait(LIMIT);
    seen("an agent restarted with an empty cache", &outcome);
    cluster.exact(&outcome);
    shown("agent_restarted", &outcome, &["node1", "lost"]);
    cluster.ends();
}

/// An agent outlives the installation of POV-Ray, and its removal.
#[test]
fn povray_comes_and_goes_while_an_agent_runs() {
    let mut cluster = Cluster::empty();
    let folder = cluster.sandbox.path().join("later");
    fs::create_dir(&folder).unwrap();
    let place = stand_in(&folder, "exec \"$povray\" \"$@\"");
    let away = folder.join("away");
    fs::rename(&place, &away).unwrap();
    cluster.add_with(&place, &[]);
    let without = |cluster: &Cluster| {
        let outcome = cluster.render(&[]).wait(LIMIT);
        outcome.code(1).speaks_to_a_person().says(&["is no program that can be run"]);
        outcome
    };
    without(&cluster);
    fs::rename(&away, &place).unwrap();
    let outcome = cluster.render(&[]).wait(LIMIT);
    seen("POV-Ray is installed while the agent runs", &outcome);
    cluster.exact(&outcome);
    fs::rename(&place, &away).unwrap();
    seen("POV-Ray is removed while the agent runs", &without(&cluster));
    cluster.ends();
}

/// What it drew before is kept and fits; the new one's rows would not, and it gets no more strips of this job.
#[test]
fn povray_is_replaced_by_one_that_draws_otherwise() {
    let mut cluster = Cluster::new(1);
    let folder = cluster.sandbox.path().join("replaced");
    fs::create_dir(&folder).unwrap();
    let place = stand_in(&folder, "exec \"$povray\" \"$@\"");
    cluster.add_with(&place, &[]);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    let later = folder.join("later");
    fs::create_dir(&later).unwrap();
    // Without textures.
    fs::rename(stand_in(&later, "exec \"$povray\" \"$@\" +Q5"), &place).unwrap();
    for povray in cluster.agents[1].povrays(&cluster.sandbox) {
        let _ = kill_process(povray, Signal::KILL);
    }
    let outcome = running.wait(LIMIT);
    seen("POV-Ray is replaced in the middle", &outcome);
    cluster.exact(&outcome);
    shown("povray_replaced", &outcome, &["node2", "replaced"]);
    cluster.ends();
}

/// A clear end; what was finished is kept by the agent that drew it, and the next render takes it from there.
#[test]
fn all_agents_are_killed_and_one_comes_back() {
    let mut cluster = Cluster::new(2);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    cluster.agents.iter_mut().for_each(Agent::kill);
    let outcome = running.wait(LIMIT);
    seen("all agents lost", &outcome);
    outcome.code(4).speaks_to_a_person();
    ended_with("all_lost", &outcome);
    assert!(!cluster.sandbox.work().join("out.png").exists());

    // The rows that had come may all be of one agent.
    let keeps_bands = |agent: &Agent| !files_below(&agent.cache.join("bands")).is_empty();
    let back = cluster.agents.iter().position(keeps_bands).expect("rows came, so an agent has kept them");
    let agent = &mut cluster.agents[back];
    agent.start(&cluster.sandbox);
    let socket = agent.socket.clone();
    let again = cluster.render_on([socket.as_path()].into_iter(), &[]).wait(LIMIT);
    seen("then one back, and rendered again", &again);
    cluster.exact(&again);
    let done = events::last(&again).unwrap();
    assert!(done["rows_from_cache"].as_u64().unwrap() > 0, "{done:?}");
    cluster.ends();
}

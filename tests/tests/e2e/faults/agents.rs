//! Agents and POV-Rays that are killed, all of them too, and agents that come back with nothing.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use td_tests::sandbox::{Sandbox, files_below};
use td_tests::{events, process};

use super::cluster::{
    Agent, Cluster, LIMIT, SCENE, SWITCHES, ended_with, exact_in, notes, rows_done, seen, shown, stand_in, until,
};

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

/// Where no agents are named td has one of its own. It starts another, which goes on; what the killed one rendered with ends.
#[test]
fn tds_own_agent_is_killed() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SCENE);
    let mut command = sandbox.td(["render", "scene.pov", "-o", "out.png", "--json", "--slots", "2"]);
    let mut running = process::start(command.args(SWITCHES));
    let agent = || sandbox.processes_called("td-agent");
    let at_work = || sandbox.processes_called("povray").into_iter().filter(|&pid| !process::is_stopped(pid)).count();
    let deadline = Instant::now() + LIMIT;
    while rows_done(&running) == 0 || at_work() < 2 {
        assert!(!running.has_ended() && Instant::now() < deadline, "not at work: {}", running.out_so_far());
        std::thread::sleep(Duration::from_millis(5));
    }
    let (killed, povrays) = (agent(), sandbox.processes_called("povray"));
    let &[pid] = killed.as_slice() else { panic!("td has one agent: {killed:?}") };
    let before = rows_done(&running);
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    until(&mut running, "this machine is back");
    assert_ne!(agent(), killed, "the one that is back is another one");
    let orphans: Vec<_> = sandbox.processes_called("povray").into_iter().filter(|pid| povrays.contains(pid)).collect();
    assert!(orphans.is_empty(), "POV-Rays of the killed agent: {orphans:?}");
    let outcome = running.wait(LIMIT);
    seen("kill -9 of td's own agent", &outcome);
    exact_in(&sandbox, &outcome, &[]);
    shown("own_agent_killed", &outcome, &["this machine was lost"]);
    shown("own_agent_back", &outcome, &["is back"]);
    assert_eq!(notes(&outcome).len(), 2, "{}", outcome.transcript());
    assert!(before > 0 && events::last(&outcome).unwrap()["nodes"]["this machine"]["rows"] == 320);
    sandbox.nothing_left_behind();
    assert_eq!(files_below(&sandbox.work()).len(), 2, "the scene and its picture");
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

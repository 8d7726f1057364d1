//! The POV-Rays that an idle agent has ready, and what may befall them.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use td_tests::process;

use super::cluster::{Cluster, LIMIT, SCENE, SWITCHES, is_stopped, notes, stand_in};

/// State and CPU time of a process: fields 3, 14 and 15 of its stat.
fn state(pid: Pid) -> Option<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some((fields[0].chars().next()?, fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?))
}

/// The POV-Rays that an agent has ready, once it has one for its slot.
#[track_caller]
fn spare(cluster: &Cluster, agent: usize) -> Pid {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let there = cluster.agents[agent].povrays(&cluster.sandbox);
        if let [one] = there[..]
            && state(one).is_some_and(|(state, _)| state == 'T')
        {
            return one;
        }
        assert!(Instant::now() < deadline, "none ready: {there:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_idle_agent_has_one_ready_and_the_next_job_takes_it() {
    let cluster = Cluster::new(2);
    let spares = [spare(&cluster, 0), spare(&cluster, 1)];
    // It waits, and that costs nothing.
    let before = state(spares[0]);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(state(spares[0]), before);
    let mut running = cluster.render(&[]);
    cluster.at_work(&mut running);
    for (agent, spare) in cluster.agents.iter().zip(spares) {
        assert!(agent.povrays(&cluster.sandbox) == [spare] && !is_stopped(spare), "it renders, and no other does");
    }
    let outcome = running.wait(LIMIT);
    cluster.exact(&outcome);
    let again = spare(&cluster, 0);
    assert!(!spares.contains(&again));
    // An interrupted job leaves none either, but the one for the next job.
    let mut running = cluster.render(&["+H1600"]);
    cluster.at_work(&mut running);
    running.signal(Signal::INT);
    running.wait(LIMIT).code(130);
    assert_ne!(spare(&cluster, 0), again);
    cluster.ends();
}

#[test]
fn spares_that_were_killed_are_not_missed() {
    let cluster = Cluster::new(2);
    for agent in 0..2 {
        kill_process(spare(&cluster, agent), Signal::KILL).unwrap();
    }
    let outcome = cluster.render(&[]).wait(LIMIT);
    cluster.exact(&outcome);
    cluster.ends();
}

/// A stopped process dies of nothing but SIGKILL: it is what the kernel sends when the agent is gone.
#[test]
fn spares_end_with_their_agent_however_it_ends() {
    let mut cluster = Cluster::new(1);
    let one = spare(&cluster, 0);
    cluster.agents[0].kill();
    let deadline = Instant::now() + Duration::from_secs(10);
    while state(one).is_some_and(|(state, _)| state != 'Z') {
        assert!(Instant::now() < deadline, "it outlives its agent: {:?}", state(one));
        std::thread::sleep(Duration::from_millis(10));
    }
    let sandbox = std::mem::replace(&mut cluster, Cluster::empty()).sandbox;
    sandbox.nothing_left_behind();
}

/// What the spare was started from is not what is installed now.
#[test]
fn a_spare_of_a_program_that_was_replaced_is_not_used() {
    let mut cluster = Cluster::empty();
    let folder = cluster.sandbox.path().join("programs");
    fs::create_dir(&folder).unwrap();
    let place = stand_in(&folder, "exec \"$povray\" \"$@\"");
    cluster.add_with(&place, &[]);
    let one = spare(&cluster, 0);
    let log = folder.join("log");
    stand_in(&folder, &format!("echo started >> '{}'; exec \"$povray\" \"$@\"", log.display()));
    let outcome = cluster.render(&[]).wait(LIMIT);
    cluster.exact(&outcome);
    assert!(fs::read_to_string(&log).unwrap().lines().count() >= 2, "the fingerprint and the strip");
    assert!(state(one).is_none_or(|(state, _)| state == 'Z'), "the old one is gone");
    cluster.ends();
}

/// One that wakes and dies, for whatever reason, costs neither the strip nor the node's good name.
#[test]
fn a_spare_that_ends_when_it_is_needed_is_replaced() {
    let mut cluster = Cluster::empty();
    let folder = cluster.sandbox.path().join("programs");
    fs::create_dir(&folder).unwrap();
    let script =
        "case \"$*\" in *rows.ini) read -r _ <\"$1\"; echo 'Timed out' >&2; exit 1 ;; esac; exec \"$povray\" \"$@\"";
    let place = stand_in(&folder, script);
    cluster.add_with(&place, &[]);
    let deadline = Instant::now() + Duration::from_secs(60);
    // The script itself: of a name the system keeps fifteen letters.
    while !cluster.sandbox.processes_called("povray-in-its-p").into_iter().filter_map(Pid::from_raw).any(is_stopped) {
        assert!(Instant::now() < deadline, "none ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    let outcome = cluster.render(&[]).wait(LIMIT);
    cluster.exact(&outcome);
    assert!(notes(&outcome).is_empty(), "nobody need know: {:?}", notes(&outcome));
    cluster.ends();
}

/// Names that an ini file would read otherwise than a command line does: the spare is no use for them, and the picture as ever.
#[test]
fn names_that_cannot_stand_in_an_ini_file() {
    let cluster = Cluster::new(1);
    let _ = spare(&cluster, 0);
    // In an ini file the second one would be another scene.
    for scene in ["a scene; #1 100%HOME%.pov", "other,scene.pov"] {
        cluster.sandbox.write(scene, SCENE);
        let mut command = cluster.sandbox.td(["render", scene, "-o", "out.png", "--json"]);
        command.args(SWITCHES).arg("--agent").arg(&cluster.agents[0].socket);
        let outcome = process::run(&mut command, LIMIT);
        cluster.exact(&outcome);
        let _ = spare(&cluster, 0);
    }
    cluster.ends();
}

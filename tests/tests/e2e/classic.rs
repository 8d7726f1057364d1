//! `td render --method classic`: the paper's way, which td's own is measured against. It renders nothing twice, so what goes
//! wrong ends the job: clearly, and with nothing left.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome, Running};
use td_tests::reference::Reference;
use td_tests::sandbox::{Sandbox, files_below};
use td_tests::skip::skip;
use td_tests::{compare, events, programs};

use crate::faults::cluster::{Agent, Cluster, LIMIT, is_stopped, line_shown, reference, seen, within_mounts};
use crate::no_room::may_mount;
use crate::scenes::{LONG, SIZE, SLOW, SMALL};

const CLASSIC: [&str; 2] = ["--method", "classic"];
/// Within this, POV-Rays of a job that has ended are gone. A limit of the test, not a promise.
const SOON: Duration = Duration::from_secs(20);

/// A render of `scene.pov` on agents that td starts itself.
fn render(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    sandbox.run([&["render", "scene.pov"], &SIZE[..], &CLASSIC, more].concat())
}

fn with_scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    sandbox
}

/// Each pixel is the same. ImageMagick writes a head of its own, so that is not compared.
#[track_caller]
fn same_pixels(wanted: &Picture, sandbox: &Sandbox, outcome: &Outcome) {
    let got = Picture::read(&sandbox.work().join("out.png")).unwrap();
    compare::same_samples(wanted, &got).unwrap_or_else(|error| panic!("{error}\n{}", outcome.transcript()));
}

/// The rows of all strips, in the order in which they were given out.
fn strips(outcome: &Outcome) -> Vec<Value> {
    let events = events::all(outcome).unwrap();
    events.into_iter().filter(|event| event["event"] == "strip").map(|event| event["rows"].clone()).collect()
}

/// Only the scene is there: no picture, and nothing that was to become one.
#[track_caller]
fn nothing_came_of_it(sandbox: &Sandbox) {
    let work = files_below(&sandbox.work());
    assert_eq!(work.len(), 1, "{work:?}");
    nothing_temporary(sandbox);
}

/// The folder in which the parts are joined is gone, too.
#[track_caller]
fn nothing_temporary(sandbox: &Sandbox) {
    let left: Vec<_> = fs::read_dir(sandbox.path().join("tmp")).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What agents that live on still had to do for the job has ended, and its files are gone.
#[track_caller]
fn agents_are_idle(cluster: &Cluster) {
    let programs = || {
        let all = ["povray", "convert"].into_iter().flat_map(|name| cluster.sandbox.processes_called(name));
        // A POV-Ray that an idle agent has ready is stopped.
        all.filter(|&pid| !process::is_stopped(pid))
    };
    // One that was killed clears away at its next start.
    let living = || cluster.agents.iter().filter(|agent| agent.is_running());
    let is_picture = |path: &PathBuf| path.extension().is_some_and(|end| end == "png" || end == "pov-state");
    let pictures = || living().flat_map(|agent| files_below(&agent.cache.join("scratch"))).filter(is_picture);
    let deadline = Instant::now() + SOON;
    while programs().next().is_some() || pictures().next().is_some() {
        let left: Vec<_> = pictures().collect();
        assert!(Instant::now() < deadline, "{:#?} {left:#?}", cluster.sandbox.processes());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until each agent renders its strip.
#[track_caller]
fn at_work(cluster: &Cluster, running: &mut Running) {
    let renders = |agent: &Agent| agent.povrays(&cluster.sandbox).into_iter().any(|povray| !is_stopped(povray));
    let deadline = Instant::now() + LIMIT;
    let given = |running: &Running| running.out_so_far().matches("\"event\":\"strip\"").count();
    while given(running) < cluster.agents.len() || !cluster.agents.iter().all(renders) {
        let said = format!("{}\n{}", running.out_so_far(), running.err_so_far());
        assert!(!running.has_ended() && Instant::now() < deadline, "not all are at work: {said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_embedded_default_makes_povrays_picture_of_equal_strips() {
    let sandbox = with_scene();
    let outcome = render(&sandbox, &["--slots", "3", "-o", "out.png", "--json"]);
    let done = events::last(outcome.code(0).speaks_to_a_person()).unwrap();
    assert_eq!(done["method"], "classic");
    assert_eq!((&done["exact"], &done["povray_starts"]), (&true.into(), &3.into()));
    assert_eq!(strips(&outcome), [[1, 23], [24, 47], [48, 71]].map(|rows| Value::from(rows.to_vec())));
    assert_eq!(done["nodes"]["this machine"]["rows"], 71);

    let alone = with_scene();
    let (folder, switches) = (alone.work(), SIZE.map(str::to_owned));
    let wanted = Reference { root: &folder, folder: &folder, scene: "scene.pov", switches: &switches }.picture();
    same_pixels(&wanted.unwrap(), &sandbox, &outcome);
    let there = ["out.png", "scene.pov"].map(|name| sandbox.work().join(name));
    assert_eq!(files_below(&sandbox.work()), there);
    nothing_temporary(&sandbox);
}

#[test]
fn two_agents_make_povrays_picture_of_one_strip_each() {
    let cluster = Cluster::new(2);
    let outcome = cluster.render(&CLASSIC).wait(LIMIT);
    let done = events::last(outcome.code(0).speaks_to_a_person()).unwrap();
    assert_eq!((&done["method"], &done["exact"]), (&"classic".into(), &true.into()));
    assert_eq!(strips(&outcome), [[1, 160], [161, 320]].map(|rows| Value::from(rows.to_vec())));
    let nodes = done["nodes"].as_object().unwrap();
    let shares: Vec<_> = nodes.values().map(|node| (node["rows"].as_u64(), node["strips"].as_u64())).collect();
    assert_eq!(shares, [(Some(160), Some(1)); 2]);
    same_pixels(&reference(&[]), &cluster.sandbox, &outcome);
    agents_are_idle(&cluster);
    nothing_temporary(&cluster.sandbox);
    cluster.ends();
}

/// It cuts whatever it is given; where that cannot be exact, it says so, and does not where that was insisted on.
#[test]
fn a_picture_that_strips_change_is_said_to_be_not_exact() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", fs::read(programs::own_scenes().join("area-light.pov")).unwrap());
    let outcome = render(&sandbox, &["--slots", "2", "-o", "out.png", "--json", "--exact"]);
    outcome.code(2).speaks_to_a_person().says(&["into 2 equal strips, which would not be exact", "leave --exact out"]);
    nothing_came_of_it(&sandbox);

    let done = events::last(render(&sandbox, &["--slots", "2", "-o", "out.png", "--json"]).code(0)).unwrap();
    assert_eq!(done["exact"], false);
    assert_ne!(done["why"], Value::from(Vec::<String>::new()));
    let done = events::last(render(&sandbox, &["--slots", "1", "-o", "out.png", "--json", "--exact"]).code(0)).unwrap();
    assert_eq!(done["exact"], true, "one strip is the whole picture");
}

#[test]
fn what_it_cannot_do_is_refused_with_what_to_leave_out() {
    let sandbox = with_scene();
    for (more, words) in [
        (&["+SR10"][..], ["draws whole pictures only", "leave +SR"]),
        (&["+EC50"], ["draws whole pictures only", "+EC out"]),
        (&["-o", "out.tiff"], ["writes PNG only", ".png"]),
        (&["-o", "-"], ["does not write to standard output", "-o"]),
        (&["--verify"], ["verifies nothing", "leave --verify out"]),
        (&["--allow-seams"], ["equal strips", "--allow-seams out"]),
        (&["--one-node"], ["equal strips", "--one-node"]),
    ] {
        let outcome = render(&sandbox, more);
        outcome.code(2).speaks_to_a_person().says(&words).says(&["--method classic"]);
        assert!(outcome.stdout.is_empty(), "{}", outcome.transcript());
        nothing_came_of_it(&sandbox);
    }
    let plan = sandbox.run([&["plan", "scene.pov"], &CLASSIC[..]].concat());
    plan.code(2).speaks_to_a_person().says(&["--method classic needs no plan", "leave it out"]);
}

#[test]
fn an_agent_is_killed() {
    let mut cluster = Cluster::new(2);
    let mut running = cluster.render(&CLASSIC);
    at_work(&cluster, &mut running);
    cluster.agents[1].kill();
    let outcome = running.wait(LIMIT);
    seen("kill -9 of an agent, classic", &outcome);
    outcome.code(1).speaks_to_a_person().says(&["node2", "does not answer", "rows 161 to 320 nowhere else"]);
    // The system's word for it is one of several.
    let said = outcome.err();
    let (before, after) =
        said.split_once("does not answer: ").and_then(|(b, a)| Some((b, a.split_once(';')?.1))).unwrap();
    line_shown("classic_lost", &format!("{before}does not answer: WHY;{after}"), &["the job has failed"]);
    agents_are_idle(&cluster);
    nothing_came_of_it(&cluster.sandbox);

    // Nothing is in the way of the next one.
    let sandbox = &cluster.sandbox;
    cluster.agents[1].start(sandbox);
    let outcome = cluster.render(&CLASSIC).wait(LIMIT);
    outcome.code(0);
    same_pixels(&reference(&[]), sandbox, &outcome);
    cluster.ends();
}

/// It is not heard of any more, and its connections stay: the paper's scripts wait for ever.
#[test]
#[ignore = "takes half a minute: make e2e"]
fn an_agent_is_stopped() {
    let cluster = Cluster::new(2);
    let mut running = cluster.render(&CLASSIC);
    at_work(&cluster, &mut running);
    cluster.agents[1].signal(Signal::STOP);
    let outcome = running.wait(LIMIT);
    seen("SIGSTOP of an agent, classic", &outcome);
    outcome.code(1).speaks_to_a_person().says(&["node2", "it said nothing for", "rows 161 to 320 nowhere else"]);
    nothing_came_of_it(&cluster.sandbox);
    cluster.agents[1].signal(Signal::CONT);
    agents_are_idle(&cluster);
    cluster.ends();
}

#[test]
fn ctrl_c_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("slow.pov", SLOW);
    let mut command = sandbox.td(["render", "slow.pov", "--slots", "2", "--json", "-o", "out.png"]);
    let mut running = process::start(command.args(LONG).args(CLASSIC));
    let deadline = Instant::now() + LIMIT;
    let strips = |running: &Running| running.out_so_far().matches("\"event\":\"strip\"").count();
    while strips(&running) < 2 || sandbox.processes_called("povray").len() < 2 {
        assert!(!running.has_ended() && Instant::now() < deadline, "not at work: {}", running.err_so_far());
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal_group(Signal::INT);
    running.wait(LIMIT).code(130).speaks_to_a_person();
    sandbox.nothing_left_behind();
    nothing_came_of_it(&sandbox);
}

/// A folder with the programs of `PATH` but `convert`; `instead` is one in its place.
fn path_without_convert(sandbox: &Sandbox, instead: Option<&str>) -> String {
    let folder = sandbox.path().join("programs");
    fs::create_dir_all(&folder).unwrap();
    let convert = folder.join("convert");
    match instead {
        None => _ = fs::remove_file(&convert),
        Some(script) => {
            fs::write(&convert, script).unwrap();
            fs::set_permissions(&convert, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let povray = folder.join("povray");
    let _ = std::os::unix::fs::symlink(programs::povray(), povray);
    folder.display().to_string()
}

#[test]
fn without_imagemagick_the_master_says_what_to_install() {
    let sandbox = with_scene();
    let without = |instead| {
        let mut command = sandbox.td([&["render", "scene.pov", "-o", "out.png"], &SIZE[..], &CLASSIC].concat());
        let outcome = process::run(command.env("PATH", path_without_convert(&sandbox, instead)), LIMIT);
        sandbox.nothing_left_behind();
        nothing_came_of_it(&sandbox);
        outcome
    };
    without(None).code(2).speaks_to_a_person().says(&["`convert`, which is not in PATH", "install imagemagick"]);
    let broken = without(Some("#!/bin/sh\necho 'no such delegate' >&2\nexit 3\n"));
    broken.code(1).speaks_to_a_person().says(&["convert -append failed", "exit status: 3", "no such delegate"]);
}

/// One whose machine has none renders nothing that it could not crop.
#[test]
fn without_imagemagick_on_a_node_that_node_is_told() {
    if !may_mount() {
        return skip("no_convert", "needs root and a mount namespace");
    }
    let mut cluster = Cluster::new(1);
    // What the name leads to is hidden, for this agent alone.
    cluster.add(|command| within_mounts(&command, "mount --bind /dev/null /usr/bin/convert"));
    let outcome = cluster.render(&CLASSIC).wait(LIMIT);
    seen("classic, a node without convert", &outcome);
    outcome.code(1).speaks_to_a_person();
    line_shown("classic_no_convert", &outcome.err(), &["node2", "`convert`, which is not here: install imagemagick"]);
    agents_are_idle(&cluster);
    nothing_came_of_it(&cluster.sandbox);
    assert!(Path::new("/usr/bin/convert").is_file(), "hidden for others too");
    cluster.ends();
}

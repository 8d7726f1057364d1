//! Two tds at a time: on one picture, and on one agent.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use td_tests::process::{self, Running};
use td_tests::programs;
use td_tests::sandbox::Sandbox;

use super::{LIMIT, SWITCHES, id_of, is_exact, jobs, killed, start, until_some_rows, with_scene};
use crate::faults::cluster::ended_with;
use crate::scenes::SMALL;

#[test]
fn two_tds_never_write_one_picture() {
    let sandbox = with_scene();
    let mut running = start(&sandbox, &["-o", "out.png"]);
    let job = until_some_rows(&sandbox, &mut running);
    let (id, pid) = (id_of(&job), running.pid().as_raw_nonzero().to_string());
    assert_eq!((job["state"].as_str(), job["pid"].as_i64()), (Some("running"), pid.parse().ok()));

    sandbox.write("scene.pov", SMALL);
    std::os::unix::fs::symlink(sandbox.work(), sandbox.work().join("link")).unwrap();
    for out in ["out.png", "./link/out.png"] {
        let outcome = process::run(&mut sandbox.td(["render", "scene.pov", "+W97", "+H71", "-o", out]), LIMIT);
        outcome.code(2).speaks_to_a_person().says(&["out.png is being written", &id, &format!("process {pid}")]);
    }
    let outcome = process::run(&mut sandbox.td(["resume", &id]), LIMIT);
    outcome.code(2).speaks_to_a_person().says(&[&id, "is being rendered", &format!("process {pid}")]);
    ended_with("resume_running", &outcome);
    let outcome = process::run(&mut sandbox.td(["resume"]), LIMIT);
    outcome.code(2).speaks_to_a_person().says(&["no unfinished job"]);

    // A crash frees the picture.
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
    sandbox.nothing_left_behind();
    sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "out.png"]).code(0);
}

/// A link to a picture is that picture, for `td resume -o` too.
#[test]
fn a_resumed_job_does_not_write_through_a_link_what_another_td_writes() {
    let sandbox = with_scene();
    let interrupted = id_of(&killed(&sandbox, &["-o", "other.png"]));
    sandbox.write("real.png", "to be replaced");
    std::os::unix::fs::symlink("real.png", sandbox.work().join("link.png")).unwrap();
    let mut running = start(&sandbox, &["-o", "real.png"]);
    let id = id_of(&until_some_rows(&sandbox, &mut running));
    let outcome = process::run(&mut sandbox.td(["resume", &interrupted, "-o", "link.png"]), LIMIT);
    outcome.code(2).speaks_to_a_person().says(&["real.png is being written", &id]);
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
    sandbox.nothing_left_behind();
}

/// An agent that several tds use at a time.
fn agent(sandbox: &Sandbox, slots: &str) -> Running {
    let mut command = sandbox.command(programs::binary("td-agent"));
    command.args(["serve", "--cache", "../agent", "--name", "shared", "--slots", slots, "--socket", "../agent.sock"]);
    let running = process::start(&mut command);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !sandbox.path().join("agent.sock").exists() {
        assert!(Instant::now() < deadline, "{}", running.err_so_far());
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

fn two_tds_on_one_agent(slots: &str) {
    let sandbox = with_scene();
    let agent = agent(&sandbox, slots);
    let begin = |out: &str| {
        let args = ["render", "slow.pov", "--agent", "../agent.sock", "--fresh", "--json", "-o", out];
        process::start(sandbox.td(args).args(SWITCHES))
    };
    let mut first = begin("first.png");
    let deadline = Instant::now() + LIMIT;
    // Not later: the second is to have its share while the first is far from its end.
    while !first.out_so_far().contains("\"event\":\"strip\"") {
        assert!(!first.has_ended() && Instant::now() < deadline, "no strip: {}", first.err_so_far());
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut second = begin("second.png");
    let deadline = Instant::now() + LIMIT;
    while !first.has_ended() && !second.has_ended() {
        assert!(Instant::now() < deadline, "neither ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Whichever is first at its end: the other had its share meanwhile.
    for job in jobs(&sandbox) {
        assert!(job["rows_done"].as_u64() > Some(0), "{job} starved");
    }
    for running in [first, second] {
        running.wait(LIMIT).code(0).speaks_to_a_person();
    }
    is_exact(&sandbox, "first.png");
    is_exact(&sandbox, "second.png");
    agent.signal(Signal::TERM);
    agent.wait(LIMIT);
    sandbox.nothing_left_behind();
}

#[test]
fn two_tds_share_an_agent_with_one_slot() {
    two_tds_on_one_agent("1");
}

#[test]
fn two_tds_share_an_agent_with_two_slots() {
    two_tds_on_one_agent("2");
}

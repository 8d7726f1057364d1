//! Ctrl-C, a killed master, and what is left: nothing.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use td_tests::process::{self, Running};
use td_tests::programs;
use td_tests::sandbox::{Sandbox, files_below};

use crate::scenes::{LONG, SLOW};

/// How soon everything has to have stopped. The promise is a second; the rest is for a machine that runs other tests.
const SOON: Duration = Duration::from_secs(10);

/// A td whose POV-Rays are at work.
fn at_work(sandbox: &Sandbox) -> Running {
    sandbox.write("slow.pov", SLOW);
    let mut running = process::start(sandbox.td(["render", "slow.pov", "--slots", "2", "-o", "out.png"]).args(LONG));
    let deadline = Instant::now() + Duration::from_secs(60);
    // The fingerprint and the probe come first: at work is when POV-Rays have run for a while.
    let mut seen = 0;
    while seen < 20 {
        assert!(
            Instant::now() < deadline && !running.has_ended(),
            "no POV-Ray at work; td said:\n{}",
            running.err_so_far()
        );
        seen = if sandbox.processes_called("povray").is_empty() { 0 } else { seen + 1 };
        std::thread::sleep(Duration::from_millis(100));
    }
    running
}

#[track_caller]
fn all_is_over(sandbox: &Sandbox) {
    sandbox.nothing_left_behind();
    assert_eq!(files_below(&sandbox.work()).len(), 1, "only the scene: {:?}", files_below(&sandbox.work()));
}

#[test]
fn ctrl_c_stops_everything_within_a_second() {
    let sandbox = Sandbox::new();
    let running = at_work(&sandbox);
    let at = Instant::now();
    running.signal_group(Signal::INT);
    let outcome = running.wait(Duration::from_secs(20));
    assert!(at.elapsed() < SOON, "took {:?}\n{}", at.elapsed(), outcome.transcript());
    outcome.code(130).speaks_to_a_person();
    all_is_over(&sandbox);
}

#[test]
fn a_signal_to_td_alone_is_enough() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        let running = at_work(&sandbox);
        let at = Instant::now();
        running.signal(signal);
        running.wait(Duration::from_secs(20)).code(130);
        assert!(at.elapsed() < SOON, "took {:?}", at.elapsed());
        all_is_over(&sandbox);
    }
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let sandbox = Sandbox::new();
    let running = at_work(&sandbox);
    running.signal_group(Signal::INT);
    std::thread::sleep(Duration::from_millis(20));
    let at = Instant::now();
    running.signal_group(Signal::INT);
    running.wait(Duration::from_secs(20)).code(130);
    assert!(at.elapsed() < SOON, "took {:?}", at.elapsed());
    all_is_over(&sandbox);
}

#[test]
fn a_master_that_is_killed_takes_its_agents_along() {
    let sandbox = Sandbox::new();
    let running = at_work(&sandbox);
    running.signal(Signal::KILL);
    let _ = running.wait(Duration::from_secs(20));
    sandbox.nothing_left_behind();
    // The next td gets the cache's lock and renders.
    sandbox.write("good.pov", crate::scenes::SMALL);
    sandbox.run(["render", "good.pov", "+W97", "+H71", "-o", "good.png"]).code(0);
}

#[test]
fn an_interrupted_parse_leaves_nothing_either() {
    let sandbox = Sandbox::new();
    sandbox.write("slow.pov", "#while (1) #end\n");
    let running = process::start(sandbox.td(["render", "slow.pov", "-o", "out.png"]).args(LONG));
    let deadline = Instant::now() + Duration::from_secs(60);
    while sandbox.processes_called("povray").is_empty() {
        assert!(Instant::now() < deadline, "no POV-Ray; td said:\n{}", running.err_so_far());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    let at = Instant::now();
    running.signal_group(Signal::INT);
    running.wait(Duration::from_secs(20)).code(130);
    assert!(at.elapsed() < SOON, "took {:?}", at.elapsed());
    all_is_over(&sandbox);
}

/// Commands that ask no agent hear the first signal as well.
#[test]
fn a_simulation_ends_at_the_first_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        let long = ["simulate", "--nodes", "20000", "--work", "100000", "--told", "all"];
        let mut running = process::start(&mut sandbox.td(long));
        std::thread::sleep(Duration::from_millis(700));
        assert!(!running.has_ended(), "it was over too soon to be interrupted");
        let at = Instant::now();
        running.signal(signal);
        running.wait(Duration::from_secs(60)).code(130).says(&["interrupted"]);
        assert!(at.elapsed() < SOON, "took {:?}", at.elapsed());
    }
}

/// `td cancel` waits for another td to leave, which here never does.
#[test]
fn a_cancel_that_waits_ends_at_the_first_signal() {
    let sandbox = Sandbox::new();
    let rendering = at_work(&sandbox);
    let deadline = Instant::now() + Duration::from_secs(60);
    let job: serde_json::Value = loop {
        let jobs = process::run(&mut sandbox.td(["jobs", "--json"]), Duration::from_secs(20)).out();
        if let Ok(job) = serde_json::from_str(jobs.trim()) {
            break job;
        }
        assert!(Instant::now() < deadline, "no job is written down: {jobs}");
    };
    rendering.signal(Signal::STOP);
    let cancelling = process::start(&mut sandbox.td(["cancel", job["id"].as_str().expect("an id")]));
    std::thread::sleep(Duration::from_millis(700));
    let at = Instant::now();
    cancelling.signal(Signal::INT);
    cancelling.wait(Duration::from_secs(60)).code(130);
    assert!(at.elapsed() < SOON, "took {:?}", at.elapsed());
    rendering.signal(Signal::CONT);
    rendering.wait(Duration::from_secs(20)).code(130);
    all_is_over(&sandbox);
}

/// The question what to do about seams, on a terminal (that of `script`), where nobody answers.
#[test]
fn a_question_ends_at_the_first_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        let scene = std::fs::read(programs::own_scenes().join("radiosity.pov")).unwrap();
        sandbox.write("scene.pov", scene);
        let td = programs::binary("td");
        let seen = sandbox.path().join("seen");
        let line = format!("exec '{}' render scene.pov +W97 +H71 -o out.png", td.display());
        // A keyboard that is there and silent.
        let script = "mkfifo ../keyboard; exec script --quiet --return --flush --command \"$0\" \"$1\" 0<>../keyboard";
        let mut command = sandbox.command("/bin/sh");
        command.args(["-c", script, &line]).arg(&seen).env("TERM", "xterm");
        let running = process::start(&mut command);
        let asked = || String::from_utf8_lossy(&std::fs::read(&seen).unwrap_or_default()).contains("[q]uit? ");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !asked() {
            assert!(Instant::now() < deadline, "it does not ask: {}", running.out_so_far());
            std::thread::sleep(Duration::from_millis(20));
        }
        let at = Instant::now();
        for pid in sandbox.processes_called("td").into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
        running.wait(Duration::from_secs(60)).code(130);
        assert!(at.elapsed() < SOON, "took {:?}", at.elapsed());
        all_is_over(&sandbox);
    }
}

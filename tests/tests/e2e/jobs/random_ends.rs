//! Renders that are killed or interrupted at any moment, and gone on with.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use td_tests::events;
use td_tests::process;
use td_tests::sandbox::{Sandbox, files_below};

use super::{LIMIT, ROWS, id_of, is_exact, jobs, newest, resume, rows_from_cache, rows_rendered, start, with_scene};
use crate::scenes::SMALL;

/// Numbers that look random and are the same each time. (Knuth's linear congruential generator.)
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Forgets all jobs, so that what is found later is of what comes later.
fn forget_jobs(sandbox: &Sandbox) {
    let state = sandbox.home().join(".local/state/td");
    // A td that was killed in its first moments has made none.
    if state.exists() {
        fs::remove_dir_all(state).unwrap();
    }
}

/// Ends so many renders by a signal at random moments, and resumes each; returns how many were resumed with some rows done.
/// Renders that were over first do not count, nor those that were not yet a job: the dice decide how many those are.
fn end_and_resume(times: u32, seed: u64, signal: Signal) -> u32 {
    let sandbox = with_scene();
    let out = sandbox.work().join("out.png");
    let whole = start(&sandbox, &["-o", "whole.png"]).wait(LIMIT);
    whole.code(0);
    let mut dice = Dice(seed);
    let (mut ended, mut with_rows, mut tries) = (0, 0, 0);
    while ended < times {
        tries += 1;
        assert!(tries <= 5 * times, "only {ended} of {tries} renders were ended as jobs; seed {seed}");
        // Of each try there is one job at most.
        forget_jobs(&sandbox);
        let mut running = start(&sandbox, &["-o", "out.png"]);
        let moment = whole.wall.mul_f64(dice.throw());
        std::thread::sleep(moment);
        let was_over = running.has_ended();
        running.signal(signal);
        let outcome = running.wait(LIMIT);
        if signal != Signal::KILL {
            outcome.speaks_to_a_person();
        }
        sandbox.nothing_left_behind();
        if was_over {
            outcome.code(0);
            fs::remove_file(&out).unwrap();
            continue;
        }
        let Some(job) = jobs(&sandbox).pop() else {
            // Before it had agents there was no job.
            assert!(!out.exists(), "seed {seed}, {moment:?}\n{}", outcome.transcript());
            continue;
        };
        ended += 1;
        let rows = job["rows_done"].as_u64().unwrap();
        if job["state"] == "done" {
            // The signal came in the last moment; a td that was told to stop may have finished all the same.
            is_exact(&sandbox, "out.png");
        } else {
            assert_eq!(job["state"], "interrupted", "seed {seed}, {moment:?}\n{}", outcome.transcript());
            if signal == Signal::INT {
                outcome.code(130).says(&[&format!("td resume {}", id_of(&job))]);
                assert_eq!(files_below(&sandbox.work()).len(), 2, "{:?}", files_below(&sandbox.work()));
            }
            let resumed = resume(&sandbox, &[]);
            resumed.code(0);
            let done = events::last(&resumed).unwrap();
            assert_eq!(done["id"], job["id"]);
            if out.exists() && done.contains_key("rows_resumed") {
                assert_eq!(done["rows_resumed"].as_u64(), Some(rows), "seed {seed}, {moment:?}");
                let left = rows_rendered(&done) + rows_from_cache(&done);
                assert_eq!(left + rows, ROWS, "seed {seed}, {moment:?}\n{}", resumed.transcript());
                with_rows += u32::from(rows > 0 && rows < ROWS);
            }
            is_exact(&sandbox, "out.png");
            assert_eq!(newest(&sandbox)["state"], "done");
        }
        assert_eq!(files_below(&sandbox.work()).len(), 3, "{:?}", files_below(&sandbox.work()));
        fs::remove_file(&out).unwrap();
    }
    with_rows
}

#[test]
fn killed_and_resumed() {
    end_and_resume(3, 1, Signal::KILL);
}

#[test]
#[ignore = "minutes: make e2e"]
fn killed_and_resumed_twenty_times() {
    let with_rows = end_and_resume(20, 2, Signal::KILL);
    assert!(with_rows >= 5, "only {with_rows} of 20 were killed in the middle");
}

#[test]
fn interrupted_and_resumed() {
    end_and_resume(3, 3, Signal::INT);
}

#[test]
#[ignore = "minutes: make e2e"]
fn interrupted_and_resumed_twenty_times() {
    let with_rows = end_and_resume(20, 4, Signal::INT);
    assert!(with_rows >= 5, "only {with_rows} of 20 were interrupted in the middle");
}

/// Formats other than PNG take their time to write; who presses Ctrl-C twice meanwhile finds nothing beside the picture.
#[test]
fn a_second_ctrl_c_while_the_picture_is_written_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    for name in ["out.webp", "out.tiff"] {
        let mut command = sandbox.td(["render", "scene.pov", "+W2400", "+H1800", "--json", "-o", name]);
        let mut running = process::start(&mut command);
        let deadline = Instant::now() + LIMIT;
        while !running.out_so_far().contains("rows_complete") && !running.has_ended() {
            assert!(Instant::now() < deadline, "{}", running.err_so_far());
            std::thread::sleep(Duration::from_millis(2));
        }
        running.signal(Signal::INT);
        std::thread::sleep(Duration::from_millis(5));
        running.signal(Signal::INT);
        let outcome = running.wait(LIMIT);
        sandbox.nothing_left_behind();
        let out = sandbox.work().join(name);
        let mut expected = vec![sandbox.work().join("scene.pov")];
        if outcome.status.code() == Some(0) {
            expected.insert(0, out.clone());
        } else {
            outcome.code(130);
            process::run(&mut sandbox.td(["resume", "-q"]), LIMIT).code(0);
            assert!(out.exists());
            fs::remove_file(&out).unwrap();
        }
        assert_eq!(files_below(&sandbox.work()), expected, "{}", outcome.transcript());
        let _ = fs::remove_file(&out);
    }
}

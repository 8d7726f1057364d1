//! POV-Ray is missing, is another one, dies, or is killed from outside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use td_tests::compare;
use td_tests::picture::Picture;
use td_tests::process;
use td_tests::programs;
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;

use crate::scenes::{LONG, SLOW, SMALL};

const LIMIT: Duration = Duration::from_secs(60);

/// A program of our own in POV-Ray's place.
fn stand_in(sandbox: &Sandbox, script: &str) -> PathBuf {
    let path = sandbox.path().join("run-in-its-place");
    let povray = programs::povray();
    fs::write(&path, format!("#!/bin/sh\npovray='{}'\n{script}\n", povray.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[track_caller]
fn with_stand_in(script: &str, codes: &[i32], words: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let povray = stand_in(&sandbox, script);
    let mut command = sandbox.td(["render", "scene.pov", "+W97", "+H71", "-o", "out.png"]);
    let outcome = process::run(command.env("TD_POVRAY", povray), LIMIT);
    let code = outcome.status.code().unwrap_or(-1);
    assert!(codes.contains(&code), "code {code}, wanted one of {codes:?}\n{}", outcome.transcript());
    outcome.speaks_to_a_person().says(words);
    sandbox.nothing_left_behind();
    assert!(!sandbox.work().join("out.png").exists());
}

#[test]
fn missing() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let mut command = sandbox.td(["render", "scene.pov", "+W97", "+H71", "-o", "out.png"]);
    command.env("TD_POVRAY", "/nowhere/povray");
    process::run(&mut command, LIMIT).code(1).speaks_to_a_person().says(&["povray", "/nowhere/povray"]);
    sandbox.nothing_left_behind();

    let mut command = sandbox.td(["render", "scene.pov", "+W97", "+H71", "-o", "out.png"]);
    command.env("PATH", sandbox.path());
    process::run(&mut command, LIMIT).code(1).speaks_to_a_person().says(&["POV-Ray", "install"]);
    sandbox.nothing_left_behind();
}

#[test]
fn of_another_version() {
    let script = "case \"$*\" in *-version*) echo 'POV-Ray 3.8.0-beta.2' >&2; exit 0;; esac; exec \"$povray\" \"$@\"";
    with_stand_in(script, &[1], &["3.8", "3.7"]);
}

#[test]
fn not_a_program() {
    with_stand_in("echo hello; exit 0", &[1], &["POV-Ray"]);
}

/// The fingerprint and the probe work; what renders the whole size fails after some seconds of work.
#[test]
fn ends_with_1_in_the_middle() {
    let script = "case \"$*\" in *+W1600*+H1200*) ;; *) exec \"$povray\" \"$@\";; esac
\"$povray\" \"$@\" & sleep 3; kill -9 $!
echo 'Parse Error: the stand-in has had enough' >&2; exit 1";
    let sandbox = Sandbox::new();
    sandbox.write("slow.pov", SLOW);
    let povray = stand_in(&sandbox, script);
    let mut command = sandbox.td(["render", "slow.pov", "-o", "out.png"]);
    let outcome = process::run(command.args(LONG).env("TD_POVRAY", povray), LIMIT);
    outcome.code(1).speaks_to_a_person().says(&["the stand-in has had enough"]);
    sandbox.nothing_left_behind();
    assert!(!sandbox.work().join("out.png").exists());
}

/// Killed once, as the kernel does when memory runs out: the rows are rendered again.
#[test]
fn killed_from_outside_once() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SLOW.replace("blur_samples 400", "blur_samples 100"));
    let size = ["+W161", "+H241"];
    let mut command = sandbox.td(["render", "scene.pov", "--slots", "2", "-o", "out.png"]);
    let mut running = process::start(command.args(size));
    let deadline = Instant::now() + LIMIT;
    // A POV-Ray of this job's size that has run for a while: not the fingerprint, and no small probe.
    let mut seen = 0;
    let victim = loop {
        let said = running.err_so_far();
        assert!(Instant::now() < deadline && !running.has_ended(), "no POV-Ray at work; td said:\n{said}");
        let renders = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            size.iter().all(|switch| line.split(|&byte| byte == 0).any(|word| word == switch.as_bytes()))
        };
        let at_work: Vec<i32> = sandbox.processes_called("povray").into_iter().filter(renders).collect();
        seen = if at_work.is_empty() { 0 } else { seen + 1 };
        if let (Some(&pid), true) = (at_work.first(), seen > 10) {
            break pid;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    kill(victim);
    let outcome = running.wait(Duration::from_secs(180));
    outcome.code(0).speaks_to_a_person();
    sandbox.nothing_left_behind();
    let folder = sandbox.work();
    let switches = size.map(str::to_owned);
    let reference = Reference { root: &folder, folder: &folder, scene: "scene.pov", switches: &switches };
    let got = Picture::read(&sandbox.work().join("out.png")).unwrap();
    compare::same(&reference.picture_now().unwrap(), &got).unwrap();
}

/// Killed again and again: td gives up, with a sentence that says what to look at.
#[test]
fn killed_from_outside_for_ever() {
    let sandbox = Sandbox::new();
    sandbox.write("slow.pov", SLOW);
    let mut running = process::start(sandbox.td(["render", "slow.pov", "--slots", "2", "-o", "out.png"]).args(LONG));
    let deadline = Instant::now() + LIMIT;
    while !running.has_ended() {
        assert!(Instant::now() < deadline, "does not give up; td said:\n{}", running.err_so_far());
        sandbox.processes_called("povray").into_iter().for_each(kill);
        std::thread::sleep(Duration::from_millis(100));
    }
    let outcome = running.wait(Duration::from_secs(1));
    let code = outcome.status.code();
    assert!(code == Some(1) || code == Some(4), "{}", outcome.transcript());
    outcome.speaks_to_a_person().says_one_of(&["killed", "signal", "memory"]);
    sandbox.nothing_left_behind();
    assert!(!sandbox.work().join("out.png").exists());
}

fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

//! Agents that answer garbage, half a segment, or other bytes than were sent: td never draws a wrong picture.

use std::fs;
use std::time::Duration;

use td_tests::picture::Picture;
use td_tests::process::{self, Outcome};
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, programs};

/// Large enough for rows of many kilobytes.
const SCENE: &str = "#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at y*0.5 }
light_source { <-3, 5, -4> rgb 1 }
plane { y, 0 pigment { granite scale 0.1 } }
plane { -z, -9 pigment { bozo scale 0.05 } finish { ambient 1 } }
";

const SWITCHES: [&str; 3] = ["+W201", "+H201", "+FN16"];

/// Runs a copy of td that has the evil agent beside it.
fn run(sandbox: &Sandbox, evil: &str) -> Outcome {
    sandbox.write("scene.pov", SCENE);
    let bin = sandbox.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(programs::binary("td"), bin.join("td")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_evil-agent"), bin.join("td-agent")).unwrap();
    let mut command = sandbox.command(bin.join("td"));
    command.args(["render", "scene.pov", "--slots", "2", "-o", "out.png"]).args(SWITCHES);
    command.env("TD_EVIL", evil).env("TD_EVIL_REAL", programs::binary("td-agent"));
    let outcome = process::run(&mut command, Duration::from_secs(120));
    outcome.speaks_to_a_person();
    sandbox.nothing_left_behind();
    outcome
}

/// Either the right picture, or none and a failure that names the agent.
#[track_caller]
fn right_or_none(sandbox: &Sandbox, outcome: &Outcome) {
    let out = sandbox.work().join("out.png");
    if outcome.status.code() == Some(0) {
        let folder = sandbox.work();
        let switches = SWITCHES.map(str::to_owned);
        let reference = Reference { root: &folder, folder: &folder, scene: "scene.pov", switches: &switches };
        compare::same(&reference.picture_now().unwrap(), &Picture::read(&out).unwrap()).unwrap();
    } else {
        let code = outcome.status.code();
        assert!(code == Some(1) || code == Some(4), "{}", outcome.transcript());
        outcome.says(&["this machine"]);
        assert!(!out.exists());
    }
}

#[test]
fn garbage() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "garbage");
    assert_ne!(outcome.status.code(), Some(0));
    right_or_none(&sandbox, &outcome);
}

#[test]
fn rows_that_end_in_the_middle() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "cut");
    right_or_none(&sandbox, &outcome);
}

#[test]
fn rows_that_end_in_the_middle_once() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "cut-once");
    outcome.code(0);
    right_or_none(&sandbox, &outcome);
}

#[test]
fn bytes_that_are_others() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "flip");
    right_or_none(&sandbox, &outcome);
}

#[test]
fn another_version_of_the_protocol() {
    let sandbox = Sandbox::new();
    let outcome = run(&sandbox, "version");
    outcome.code(1).says(&["version 9", "version 1", "update"]);
    assert!(!sandbox.work().join("out.png").exists());
}

//! Scenes that are broken, missing, or no scenes at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use td_tests::process;
use td_tests::sandbox::{Sandbox, files_below};
use td_tests::skip::{is_root, skip};

use crate::scenes::SMALL;

/// Renders `scene.pov` with this text; it must fail with this code and these words and leave nothing. Then the same
/// home renders a good scene: its agents are fit for the next job.
#[track_caller]
fn fails(sandbox: &Sandbox, text: &str, code: i32, words: &[&str]) {
    sandbox.write("scene.pov", text);
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "out.png"]);
    outcome.code(code).speaks_to_a_person().says(words);
    // The person knows no scratch folder.
    assert!(!outcome.err().contains(".cache"), "the message names a scratch path\n{}", outcome.transcript());
    assert!(!sandbox.work().join("out.png").exists());
    sandbox.write("good.pov", SMALL);
    sandbox.run(["render", "good.pov", "+W33", "+H17", "-o", "good.png"]).code(0);
    fs::remove_file(sandbox.work().join("good.png")).unwrap();
}

#[test]
fn a_mistake_is_shown_with_its_own_file_and_line() {
    let sandbox = Sandbox::new();
    let text = format!("{SMALL}\n\nsphere {{ <1, 2, pigment {{ rgb 1 }} }}\n");
    let line = text.lines().position(|line| line.starts_with("sphere { <1, 2, p")).unwrap() + 1;
    fails(&sandbox, &text, 1, &[&format!("scene.pov:{line}"), "expected"]);
}

#[test]
fn a_mistake_in_an_include_is_shown_there() {
    let sandbox = Sandbox::new();
    sandbox.write("parts/broken.inc", "// fine\n// fine\n#declare X = ;\n");
    fails(&sandbox, &format!("{SMALL}\n#include \"parts/broken.inc\"\n"), 1, &["parts/broken.inc:3"]);
}

#[test]
fn missing_files_are_named() {
    let sandbox = Sandbox::new();
    fails(&sandbox, &format!("{SMALL}\n#include \"nowhere.inc\"\n"), 1, &["nowhere.inc", "searched"]);
    let map = "box { 0, 1 pigment { image_map { png \"nowhere.png\" } } }";
    fails(&sandbox, &format!("{SMALL}\n{map}\n"), 1, &["nowhere.png"]);
    let text = "text { ttf \"nowhere.ttf\" \"td\" 1, 0 pigment { rgb 1 } }";
    fails(&sandbox, &format!("{SMALL}\n{text}\n"), 1, &["nowhere.ttf"]);
    let computed = "#include concat(\"no\", \"where.inc\")";
    fails(&sandbox, &format!("{SMALL}\n{computed}\n"), 1, &["nowhere.inc"]);
}

#[test]
fn the_scenes_own_error_is_shown() {
    let sandbox = Sandbox::new();
    fails(&sandbox, "#error \"the artist forgot the moon\"\n", 1, &["the artist forgot the moon"]);
}

#[test]
fn what_is_no_scene() {
    let sandbox = Sandbox::new();
    let run = |name: &str, words: &[&str]| {
        let outcome = sandbox.run(["render", name, "+W97", "+H71", "-o", "out.png"]);
        outcome.code(2).speaks_to_a_person().says(words);
        assert!(!sandbox.work().join("out.png").exists());
    };
    run("missing.pov", &["missing.pov"]);
    fs::create_dir(sandbox.work().join("folder.pov")).unwrap();
    run("folder.pov", &["folder.pov", "folder"]);
    sandbox.write("empty.pov", "");
    run("empty.pov", &["empty.pov", "empty"]);
    sandbox.write("binary.pov", [0x7f, b'E', b'L', b'F', 0, 0, 0xff, 0xfe, 0]);
    run("binary.pov", &["binary.pov"]);
    rustix::fs::mknodat(rustix::fs::CWD, sandbox.work().join("fifo.pov"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    run("fifo.pov", &["fifo.pov"]);
    fs::remove_file(sandbox.work().join("fifo.pov")).unwrap();
    assert_eq!(files_below(&sandbox.work()).len(), 2, "the empty and the binary scene");
}

#[test]
fn a_scene_that_may_not_be_read() {
    if is_root() {
        return skip("unreadable_scene", "root may read everything");
    }
    let sandbox = Sandbox::new();
    let scene = sandbox.write("secret.pov", SMALL);
    fs::set_permissions(&scene, fs::Permissions::from_mode(0o000)).unwrap();
    let outcome = sandbox.run(["render", "secret.pov"]);
    outcome.code(2).speaks_to_a_person().says(&["secret.pov", "permission"]);
}

#[test]
fn a_scene_that_parses_for_ever_ends_at_the_timeout() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", format!("{SMALL}\n#while (1) #end\n"));
    let started = Instant::now();
    let mut command = sandbox.td(["render", "scene.pov", "+W97", "+H71", "-o", "out.png", "--timeout", "3"]);
    let outcome = process::run(&mut command, Duration::from_secs(40));
    outcome.code(1).speaks_to_a_person().says(&["--timeout"]);
    assert!(started.elapsed() >= Duration::from_secs(3), "{}", outcome.transcript());
    sandbox.nothing_left_behind();
    assert!(!sandbox.work().join("out.png").exists());
}

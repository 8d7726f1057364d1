//! Where the picture goes, and what td says about it.

use std::fs;
use std::os::unix::fs::symlink;

use td_tests::picture::Picture;
use td_tests::sandbox::{Sandbox, files_below};
use td_tests::{events, process};

use crate::scenes::{SIZE, SMALL};

const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

fn with_scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    sandbox
}

#[test]
fn without_o_the_picture_has_the_scenes_name_in_the_current_folder() {
    let sandbox = Sandbox::new();
    sandbox.write("far/away/Scene.pov", SMALL);
    let outcome = sandbox.run(["render", "far/away/Scene.pov", "+W97", "+H71"]);
    outcome.code(0).says(&["Scene.png"]);
    let picture = Picture::read(&sandbox.work().join("Scene.png")).unwrap();
    assert_eq!((picture.width, picture.height), (97, 71));
    assert_eq!(files_below(&sandbox.work()).len(), 2, "the scene and the picture");
}

#[test]
fn a_picture_that_is_there_is_replaced_and_td_says_so() {
    let sandbox = with_scene();
    let old = sandbox.write("out.png", "old");
    sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "out.png"]).code(0).says(&["out.png", "replace"]);
    assert!(Picture::read(&old).is_ok());
}

#[test]
fn povrays_own_switch_for_the_output_works_alone_and_not_beside_o() {
    let sandbox = with_scene();
    sandbox.run(["render", "scene.pov", "+W97", "+H71", "+Omine.png"]).code(0);
    assert!(Picture::read(&sandbox.work().join("mine.png")).is_ok());
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "+Omine2.png", "-o", "other.png"]);
    outcome.code(2).speaks_to_a_person().says(&["+O", "-o"]);
    assert!(!sandbox.work().join("mine2.png").exists() && !sandbox.work().join("other.png").exists());
}

#[test]
fn the_scene_and_its_files_are_never_overwritten() {
    let sandbox = with_scene();
    sandbox.write("part.inc", "// a part");
    sandbox.write("with-part.pov", format!("{SMALL}\n#include \"part.inc\"\n"));
    symlink("scene.pov", sandbox.work().join("alias.png")).unwrap();
    for (scene, out) in [("scene.pov", "scene.pov"), ("with-part.pov", "part.inc"), ("scene.pov", "alias.png")] {
        let before = fs::read(sandbox.work().join(out)).unwrap();
        sandbox.run(["render", scene, "+W97", "+H71", "-o", out]).code(2).speaks_to_a_person().says(&["-o"]);
        assert_eq!(fs::read(sandbox.work().join(out)).unwrap(), before, "{out} was touched");
    }
}

#[test]
fn only_regular_files_are_replaced() {
    let sandbox = with_scene();
    fs::create_dir(sandbox.work().join("folder")).unwrap();
    for out in ["folder", "/dev/null"] {
        let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", out]);
        outcome.code(2).speaks_to_a_person().says(&[out]);
    }
}

#[test]
fn the_outputs_folder_has_to_be_there() {
    let sandbox = with_scene();
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "nowhere/out.png"]);
    outcome.code(2).speaks_to_a_person().says(&["nowhere"]);
    assert!(!sandbox.work().join("nowhere").exists());
}

#[test]
fn a_dash_writes_the_picture_to_standard_output() {
    let sandbox = with_scene();
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "-"]);
    outcome.code(0);
    assert_eq!(Picture::from_bytes(&outcome.stdout).unwrap().width, 97);
    assert_eq!(files_below(&sandbox.work()).len(), 1, "only the scene");
    sandbox.run(["render", "scene.pov", "-o", "-", "--json"]).code(2).speaks_to_a_person().says(&["--json", "-o -"]);
}

#[test]
fn other_formats_come_by_their_names() {
    let sandbox = with_scene();
    let starts: [(&str, &[u8]); 6] = [
        ("out.jpg", b"\xff\xd8"),
        ("out.bmp", b"BM"),
        ("out.tga", b""),
        ("out.ppm", b"P6"),
        ("out.tiff", b"II"),
        ("out.webp", b"RIFF"),
    ];
    for (name, start) in starts {
        sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", name]).code(0);
        let bytes = fs::read(sandbox.work().join(name)).unwrap();
        assert!(bytes.len() > 100 && bytes.starts_with(start), "{name}");
    }
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "out.doc"]);
    outcome.code(2).speaks_to_a_person().says(&["doc", "png"]);
}

#[test]
fn at_the_end_td_tells_the_phases_and_quiet_is_quiet() {
    let sandbox = with_scene();
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71"]);
    outcome.code(0).says(&["sequential", "parallel", "scene.png"]);
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-q", "-o", "quiet.png"]);
    outcome.code(0);
    assert_eq!((outcome.out(), outcome.err()), (String::new(), String::new()));
}

#[test]
fn json_is_one_event_a_line_and_ends_with_done() {
    let sandbox = with_scene();
    let outcome = process::run(sandbox.td(["render", "scene.pov", "--json"]).args(SIZE), LIMIT);
    outcome.code(0);
    let events = events::all(&outcome).unwrap();
    let complete = events.iter().position(|event| event["event"] == "rows_complete").expect("rows_complete");
    assert!(complete < events.len() - 1);
    let done = events::last(&outcome).unwrap();
    for key in ["id", "out", "phases", "efficiency", "nodes", "exact"] {
        assert!(done.contains_key(key), "done lacks {key}: {done:?}");
    }
    for phase in ["first_sequential", "parallel", "second_sequential"] {
        assert!(done["phases"][phase].as_f64().is_some_and(|seconds| seconds >= 0.0), "{done:?}");
    }
    let efficiency = done["efficiency"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&efficiency), "{efficiency}");
    assert!(done["out"].as_str().unwrap().ends_with("scene.png"));
    assert_eq!(done["exact"], true);
}

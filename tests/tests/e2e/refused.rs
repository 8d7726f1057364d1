//! Switches, sizes and words that td refuses, each with what to write instead.

use td_tests::sandbox::Sandbox;

use crate::scenes::SMALL;

/// Runs `td render scene.pov` with these arguments; it must refuse them with these words and write nothing.
#[track_caller]
fn refused(args: &[&str], words: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let mut all = vec!["render", "scene.pov", "-o", "out.png"];
    all.extend(args);
    sandbox.run(all).code(2).speaks_to_a_person().says(words);
    assert!(!sandbox.work().join("out.png").exists());
}

#[test]
fn sizes() {
    refused(&["+W0", "+H71"], &["width", "0"]);
    refused(&["+W-5", "+H71"], &["width", "-5"]);
    refused(&["+W97", "+H0"], &["height"]);
    refused(&["+W200000", "+H200000"], &["200000"]);
    refused(&["+Wmany", "+H71"], &["+Wmany", "width"]);
}

#[test]
fn parts_beyond_the_picture() {
    refused(&["+W97", "+H71", "+SR72"], &["+SR72", "71"]);
    refused(&["+W97", "+H71", "+SR10", "+ER80"], &["+ER80", "71"]);
}

/// These run, with a line that says what td does instead.
#[test]
fn what_td_does_in_its_own_way() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    for (switch, word) in [("+WT8", "slots"), ("Work_Threads=8", "slots"), ("+C", "left out")] {
        let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", switch]);
        outcome.code(0).says(&[switch, word]);
    }
}

#[test]
fn animations_wait_until_they_are_built() {
    refused(&["+KFF10"], &["animation"]);
    refused(&["Final_Frame=10"], &["animation"]);
}

#[test]
fn what_touches_files_or_runs_programs() {
    refused(&["Post_Frame_Command=reboot"], &["Post_Frame_Command"]);
    refused(&["+GIother.ini"], &["+GI"]);
    refused(&["+HIpreamble.inc"], &["+HI"]);
    refused(&["+RFsaved.rca"], &["+RF"]);
}

#[test]
fn what_povray_does_not_know_either() {
    refused(&["+Xyzzy"], &["+Xyzzy"]);
    refused(&["Colour=blue"], &["Colour"]);
    refused(&["--sloths", "3"], &["--sloths"]);
    refused(&["--slots", "0"], &["slots"]);
    refused(&["--timeout", "soon"], &["timeout"]);
}

#[test]
fn the_inventory_is_read_strictly() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    sandbox.write("inventory.yaml", "cluster: paper\nnodes:\n  pi113: { address: 192.0.2.113, slots: 0 }\n");
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-i", "inventory.yaml"]);
    outcome.code(2).speaks_to_a_person().says(&["inventory.yaml:3:", "slots"]);
    sandbox.run(["render", "scene.pov", "-i", "none.yaml"]).code(2).speaks_to_a_person().says(&["none.yaml"]);
    // Unused, it is mentioned and not read.
    sandbox.run(["render", "scene.pov", "+W97", "+H71"]).code(0).says(&["inventory.yaml"]);
}

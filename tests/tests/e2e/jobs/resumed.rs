//! What a resumed job renders, and where it is refused.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use td_tests::process::{self, Outcome};
use td_tests::sandbox::{Sandbox, files_below};
use td_tests::skip::skip;
use td_tests::{events, programs};

use super::{LIMIT, ROWS, id_of, is_exact, killed, newest, resume, rows_from_cache, rows_rendered, slow, with_scene};
use crate::faults::cluster::{line_shown, stand_in};
use crate::no_room::may_mount;

#[test]
fn a_resumed_job_renders_only_what_is_missing_and_can_be_killed_again() {
    let sandbox = with_scene();
    let job = killed(&sandbox, &["-o", "out.png"]);
    let (id, rows) = (id_of(&job), job["rows_done"].as_u64().unwrap());
    assert!(rows > 0 && rows < ROWS, "{job}");
    assert_eq!((job["state"].as_str(), job["resumable"].as_bool()), (Some("interrupted"), Some(true)));

    // Another folder, by the beginning of its id.
    fs::create_dir(sandbox.work().join("elsewhere")).unwrap();
    let mut command = sandbox.td(["resume", &id[..6], "--json"]);
    let mut running = process::start(command.current_dir(sandbox.work().join("elsewhere")));
    let deadline = Instant::now() + LIMIT;
    while newest(&sandbox)["rows_done"].as_u64().unwrap() <= rows && !running.has_ended() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
    sandbox.nothing_left_behind();

    let more = newest(&sandbox)["rows_done"].as_u64().unwrap();
    assert!(more > rows);
    let outcome = resume(&sandbox, &[]);
    let done = events::last(outcome.code(0)).unwrap();
    if done.contains_key("rows_resumed") {
        assert_eq!(done["rows_resumed"].as_u64(), Some(more));
        assert_eq!(rows_rendered(&done) + rows_from_cache(&done), ROWS - more);
    }
    is_exact(&sandbox, "out.png");
    let outcome = resume(&sandbox, &[&id]);
    outcome.code(2).speaks_to_a_person().says(&[&id, "done"]);
    // Only a small record is left of it.
    let state = sandbox.home().join(".local/state/td");
    let bytes: u64 = files_below(&state).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(bytes < 100_000, "{:?}", files_below(&state));
}

#[test]
fn a_scene_that_changed_is_not_gone_on_with() {
    let sandbox = Sandbox::new();
    let include = sandbox.write("parts/part.inc", "#declare Part = 1;\n");
    let scene = format!("{}\n#include \"parts/part.inc\"\n", slow());
    sandbox.write("slow.pov", &scene);
    let job = killed(&sandbox, &["-o", "out.png"]);
    let id = id_of(&job);

    fs::write(&include, "#declare Part = 2;\n").unwrap();
    let outcome = resume(&sandbox, &[]);
    outcome.code(2).speaks_to_a_person().says(&["part.inc has changed", &id]);
    sandbox.write("slow.pov", format!("{scene}\nsphere {{ 0, 1 }}\n"));
    resume(&sandbox, &[]).code(2).says(&["part.inc has changed", "slow.pov has changed"]);
    fs::remove_file(sandbox.work().join("slow.pov")).unwrap();
    resume(&sandbox, &[]).code(2).speaks_to_a_person().says(&["slow.pov", "no such scene"]);
    assert_eq!(newest(&sandbox)["state"], "interrupted", "a refusal changes nothing");

    // As it was, it goes on.
    fs::write(&include, "#declare Part = 1;\n").unwrap();
    sandbox.write("slow.pov", &scene);
    let outcome = resume(&sandbox, &[&id]);
    let done = events::last(outcome.code(0)).unwrap();
    assert_eq!(done["rows_resumed"], job["rows_done"]);
    is_exact(&sandbox, "out.png");
}

#[test]
fn another_picture_at_its_place_is_not_replaced() {
    let sandbox = with_scene();
    let job = killed(&sandbox, &["-o", "out.png"]);
    let mine = sandbox.write("out.png", "something of mine");
    let outcome = resume(&sandbox, &[]);
    outcome.code(2).speaks_to_a_person().says(&["out.png was not there when the job began", "--replace"]);
    assert_eq!(fs::read(&mine).unwrap(), b"something of mine");
    let outcome = resume(&sandbox, &["-o", "other.png"]);
    assert_eq!(events::last(outcome.code(0)).unwrap()["rows_resumed"], job["rows_done"]);
    is_exact(&sandbox, "other.png");
    assert_eq!(fs::read(&mine).unwrap(), b"something of mine");

    // A file that was to be replaced may be, as long as it is that one.
    killed(&sandbox, &["-o", "out.png"]);
    fs::write(&mine, "changed meanwhile").unwrap();
    resume(&sandbox, &[]).code(2).says(&["not the file any more"]);
    resume(&sandbox, &["--replace"]).code(0);
    is_exact(&sandbox, "out.png");
}

#[test]
fn a_full_disk_at_the_end_costs_no_row() {
    if !may_mount() {
        return skip("disk_full", "needs root and a mount namespace");
    }
    let sandbox = with_scene();
    let folder = sandbox.work().join("full");
    fs::create_dir(&folder).unwrap();
    let script = "set -eu; mount --make-rprivate /; mount -t tmpfs -o size=16k tmpfs full; code=0
        \"$0\" render slow.pov --slots 2 --fresh +W223 +H211 -o full/out.png || code=$?
        [ $code = 1 ] || exit 90
        [ -z \"$(ls -A full)\" ] || exit 91
        mount -o remount,size=20m full
        \"$0\" resume --json
        cp full/out.png kept.png";
    let mut command = sandbox.command("unshare");
    command.args(["--mount", "/bin/sh", "-c", script]).arg(programs::binary("td"));
    let outcome = process::run(&mut command, LIMIT);
    outcome.code(0).says(&["full/out.png", "space", "211 of 211 rows", "td resume"]);
    line_shown("output_full", &outcome.err(), &["no space is left for"]);
    let done = events::last(&outcome).unwrap();
    assert_eq!((done["rows_resumed"].as_u64(), rows_rendered(&done)), (Some(ROWS), 0));
    is_exact(&sandbox, "kept.png");
}

/// What td says and does where the disk of its own jobs is full, in a mount namespace whose mounts end with it. Before the
/// render runs `before`, after it `after`; the picture is to be `out.png`.
fn with_small_state(sandbox: &Sandbox, before: &str, after: &str, switches: &[&str]) -> Outcome {
    let state = sandbox.home().join(".local/state");
    fs::create_dir_all(&state).unwrap();
    let script = format!(
        "set -eu; mount --make-rprivate /; mount -t tmpfs -o size=40k tmpfs '{}'; {before}; code=0
        \"$0\" render slow.pov --slots 2 --fresh -o out.png \"$@\" >&2 || code=$?
        echo \"exit code $code\" >&2
        [ ! -e out.png ] || exit 91
        {after}",
        state.display()
    );
    let mut command = sandbox.command("unshare");
    command.args(["--mount", "/bin/sh", "-c", &script]).arg(programs::binary("td")).args(switches);
    process::run(&mut command, LIMIT)
}

/// The rows that fit are kept, and are not rendered again once there is room.
#[test]
fn a_full_disk_under_the_job_keeps_what_is_finished() {
    if !may_mount() {
        return skip("disk_full", "needs root and a mount namespace");
    }
    let sandbox = with_scene();
    let after = "\"$0\" jobs --json >listed; mount -o remount,size=20m \"$XDG_STATE_HOME\"; \"$0\" resume --json";
    let outcome = with_small_state(&sandbox, ":", after, &super::SWITCHES);
    outcome.code(0).speaks_to_a_person().says(&["exit code 1", "no space is left for finished rows", "td resume"]);
    line_shown("state_full", &outcome.err(), &["no space is left for"]);
    line_shown("state_full_resume", &outcome.err(), &["td resume"]);
    let listed: Value = serde_json::from_slice(&fs::read(sandbox.work().join("listed")).unwrap()).unwrap();
    let kept = listed["rows_done"].as_u64().unwrap();
    assert!(kept > 0 && kept < ROWS && listed["resumable"] == true, "{listed}");
    let done = events::last(&outcome).unwrap();
    assert_eq!(done["rows_resumed"].as_u64(), Some(kept));
    assert_eq!(rows_rendered(&done) + rows_from_cache(&done), ROWS - kept);
    is_exact(&sandbox, "out.png");
    sandbox.nothing_left_behind();
}

/// There is not even room to write the job down.
#[test]
fn without_room_for_a_job_nothing_is_rendered() {
    if !may_mount() {
        return skip("disk_full", "needs root and a mount namespace");
    }
    let sandbox = with_scene();
    let before = "dd if=/dev/zero of=\"$XDG_STATE_HOME/filler\" bs=4k status=none 2>/dev/null || true";
    let after = "\"$0\" jobs --json; rm \"$XDG_STATE_HOME/filler\"; \"$0\" jobs --json; \"$0\" render slow.pov +W9 +H7 -q -o small.png";
    let outcome = with_small_state(&sandbox, before, after, &super::SWITCHES);
    outcome.code(0).speaks_to_a_person().says(&["exit code 1", "no space is left for td's jobs", "XDG_STATE_HOME"]);
    assert_eq!(outcome.out(), "", "a job that never began is listed");
    line_shown("state_full_before", &outcome.err(), &["no space is left for"]);
    assert_eq!(files_below(&sandbox.work()).len(), 2, "the scene, and the picture that was rendered with room");
    sandbox.nothing_left_behind();
}

/// A render of the slow scene by a POV-Ray that writes down how it was called.
struct Known {
    /// Small views that were rendered.
    probes: usize,
    /// What the job knew of the picture's cost before its first strip.
    expected: f64,
    /// The first row of the lower of the first two strips.
    cut: u64,
}

fn known(sandbox: &Sandbox) -> Known {
    let calls = sandbox.path().join("calls");
    fs::write(&calls, "").unwrap();
    let povray = stand_in(sandbox.path(), &format!("echo \"$*\" >> '{}'\nexec \"$povray\" \"$@\"", calls.display()));
    let mut command = sandbox.td(["render", "slow.pov", "+W97", "+H211", "--slots", "2", "--json", "-o", "out.png"]);
    let outcome = process::run(command.env("TD_POVRAY", povray), LIMIT);
    let events = events::all(outcome.code(0)).unwrap();
    sandbox.nothing_left_behind();
    // Nothing of what is finished is taken, so that all is rendered again.
    fs::remove_dir_all(sandbox.home().join(".cache/td/agent/bands")).unwrap();
    let named = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
    let first_rows = named("strip").take(2).map(|strip| strip["rows"][0].as_u64().unwrap());
    let is_probe = |call: &&str| call.contains("+W28 ") && call.contains("+H61 ");
    Known {
        probes: fs::read_to_string(&calls).unwrap().lines().filter(is_probe).count(),
        expected: named("probe").next().expect("the probe's report")["trace_cpu"].as_f64().unwrap(),
        cut: first_rows.max().unwrap(),
    }
}

/// The small view tells what the rows cost; the render corrects that, and the next render of the picture begins with it.
#[test]
fn what_rows_really_cost_is_known_the_next_time() {
    let sandbox = with_scene();
    let (first, second) = (known(&sandbox), known(&sandbox));
    assert_eq!((first.probes, second.probes), (1, 0), "the second knows it all from the first");
    let corrected = (first.expected - second.expected).abs();
    assert!(corrected > 0.0, "what was kept is the small view's word, not the render's: {}", first.expected);

    // What is kept is what the first cut is made by: all the cost at the top, then all of it at the bottom.
    let kept = files_below(&sandbox.home().join(".cache/td/probes"));
    let [kept] = kept.as_slice() else { panic!("one picture is known: {kept:?}") };
    let [top, bottom] = [true, false].map(|is_top| {
        let mut entry: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
        let costs = entry["report"]["row_costs"].as_array_mut().expect("the cost map");
        let fifth = costs.len() / 5;
        assert!(fifth > 0, "{costs:?}");
        let length = costs.len();
        for (index, cost) in costs.iter_mut().enumerate() {
            let is_heavy = if is_top { index < fifth } else { index >= length - fifth };
            *cost = if is_heavy { 1.0 } else { 1e-6 }.into();
        }
        fs::write(kept, entry.to_string()).unwrap();
        known(&sandbox)
    });
    assert_eq!((top.probes, bottom.probes), (0, 0));
    assert!(top.cut < bottom.cut, "cut at row {} and at row {}", top.cut, bottom.cut);

    // Without it, there is a small view again.
    fs::remove_file(kept).unwrap();
    assert_eq!(known(&sandbox).probes, 1);
}

//! What the user sees, whole: snapshots of screens, and a golden file of the `--json` events.
//!
//! A change here is a change that people and scripts see. When it is meant, `INSTA_UPDATE=always cargo test -p td-tests
//! --test e2e screens` writes the snapshots anew; read the difference before it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::Signal;
use serde_json::Value;
use td_tests::process::{self, Outcome};
use td_tests::programs;
use td_tests::sandbox::Sandbox;
use td_tests::{events, picture::Picture};

use crate::scenes::{SLOW, SMALL};

/// What was typed, how it ended, and both outputs, without what differs from run to run.
fn screen(sandbox: &Sandbox, args: &[&str]) -> String {
    let outcome = sandbox.run(args);
    outcome.speaks_to_a_person();
    let code = outcome.status.code().expect("no signal");
    let mut text = format!("$ td {}\nexit code {code}\n", args.join(" "));
    for (name, said) in [("stdout", outcome.out()), ("stderr", outcome.err())] {
        if !said.is_empty() {
            let _ = write!(text, "--- {name}\n{said}");
        }
    }
    without_places(sandbox, &text)
}

/// Folders of this run and this checkout have names that stay.
fn without_places(sandbox: &Sandbox, text: &str) -> String {
    let work = sandbox.work();
    let real = work.canonicalize().expect("it is there");
    let scenes = programs::own_scenes();
    [(real, "[work]"), (work, "[work]"), (scenes, "[scenes]")]
        .iter()
        .fold(text.to_owned(), |text, (path, name)| text.replace(&path.display().to_string(), name))
}

/// The same with `N` for each number that stands alone (`1st` and `32-row` stay), and without the lines of progress,
/// of which a slow machine shows more.
fn without_numbers(text: &str) -> String {
    let is_progress = |line: &&str| line.starts_with("td: ") && line.contains(" rows after ");
    let lines = text.lines().filter(|line| !is_progress(line)).map(|line| {
        let typed = line.starts_with("$ ") || line.starts_with("exit code ");
        if typed { line.to_owned() } else { replace_numbers(line) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn replace_numbers(line: &str) -> String {
    let is_number = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    let words = line.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| "(),;:".contains(c));
        if is_number(bare) { word.replacen(bare, "N", 1) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn with_scene(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", text);
    sandbox
}

fn own(name: &str) -> String {
    programs::own_scenes().join(name).display().to_string()
}

#[test]
fn help() {
    let sandbox = Sandbox::new();
    assert_snapshot!("help", screen(&sandbox, &["--help"]));
    assert_snapshot!("help_render", screen(&sandbox, &["render", "--help"]));
}

#[test]
fn plan() {
    let sandbox = with_scene(SMALL);
    let typed = ["plan", "scene.pov", "+W97", "+H71", "--slots", "2"];
    assert_snapshot!("plan", screen(&sandbox, &typed));
    let outcome = sandbox.run([&typed[..], &["--json"]].concat());
    let lines = events::all(outcome.code(0)).unwrap();
    assert_eq!(lines.len(), 1);
    assert_snapshot!("plan_json", serde_json::to_string_pretty(&lines[0]).unwrap());
}

#[test]
fn plan_of_a_scene_that_is_refused() {
    let sandbox = Sandbox::new();
    let scene = own("radiosity.pov");
    let typed = ["plan", &scene, "+W97", "+H71", "--slots", "2"];
    assert_snapshot!("plan_refused", screen(&sandbox, &typed));
}

#[test]
fn the_end_of_a_render() {
    let sandbox = with_scene(SMALL);
    let typed = ["render", "scene.pov", "+W97", "+H71", "--slots", "2"];
    assert_snapshot!("render", without_numbers(&screen(&sandbox, &typed)));
    // The same again: the picture is replaced, and nothing is rendered.
    assert_snapshot!("render_again", without_numbers(&screen(&sandbox, &typed)));
    let quiet = [&typed[..], &["-q"]].concat();
    assert_snapshot!("render_quiet", screen(&sandbox, &quiet));
    assert!(Picture::read(&sandbox.work().join("scene.png")).is_ok());
}

#[test]
fn the_end_of_a_render_that_is_not_exact() {
    let sandbox = Sandbox::new();
    let scene = own("crand.pov");
    let typed = ["render", &scene, "+W97", "+H71", "--slots", "2", "-o", "out.png"];
    assert_snapshot!("render_not_exact", without_numbers(&screen(&sandbox, &typed)));
}

#[test]
fn refusals_and_failures() {
    let sandbox = Sandbox::new();
    let radiosity = own("radiosity.pov");
    assert_snapshot!("seams", screen(&sandbox, &["render", &radiosity, "+W97", "+H71", "-o", "out.png"]));
    assert_snapshot!("exact", screen(&sandbox, &["render", &radiosity, "--exact", "-o", "out.png"]));

    sandbox.write("syntax.pov", SMALL.replace("<1, 0.3, 0>", "<1, 0.3 0"));
    assert_snapshot!("syntax_error", screen(&sandbox, &["render", "syntax.pov", "+W97", "+H71"]));

    sandbox.write("missing.pov", format!("#include \"nosuch.inc\"\n{SMALL}"));
    assert_snapshot!("missing_include", screen(&sandbox, &["render", "missing.pov", "+W97", "+H71"]));

    sandbox.write("scene.pov", SMALL);
    for (name, typed) in [
        ("unknown_switch", &["+ZZ9"][..]),
        ("unknown_setting", &["Colour=blue"]),
        ("unknown_option", &["--sloths", "3"]),
        ("sizes", &["+W0", "+H200000"]),
        ("no_agent", &["--agent", "./none.sock"]),
        ("agent_elsewhere", &["--agent", "192.0.2.7:7979"]),
        ("agent_without_port", &["--agent", "127.0.0.1"]),
        ("floats", &["-o", "scene.exr"]),
    ] {
        let typed = [&["render", "scene.pov"], typed].concat();
        assert_snapshot!(name, screen(&sandbox, &typed));
    }
}

/// An interrupted job, how it is listed, how it goes on, and what is listed then.
#[test]
fn jobs() {
    let sandbox = with_scene(&SLOW.replace("blur_samples 400", "blur_samples 150"));
    assert_snapshot!("jobs_none", screen(&sandbox, &["jobs"]));
    let typed = ["render", "scene.pov", "+W223", "+H211", "--slots", "2", "--fresh", "-o", "out.png"];
    let mut running = process::start(&mut sandbox.td(typed));
    let deadline = Instant::now() + Duration::from_secs(120);
    let has_rows = |line: &str| line.contains(" running ") && !line.contains(" 0 of ");
    while !process::run(&mut sandbox.td(["jobs"]), Duration::from_secs(20)).out().lines().any(has_rows) {
        assert!(Instant::now() < deadline && !running.has_ended(), "{}", running.err_so_far());
        std::thread::sleep(Duration::from_millis(50));
    }
    let taken = ["render", "scene.pov", "+W97", "+H71", "-o", "out.png"];
    let outcome = process::run(&mut sandbox.td(taken), Duration::from_secs(20));
    assert_snapshot!("jobs_output_taken", without_ids(&without_numbers(&without_places(&sandbox, &outcome.err()))));
    running.signal(Signal::INT);
    let outcome = running.wait(Duration::from_secs(20));
    assert_snapshot!("jobs_interrupted", without_ids(&without_numbers(&without_places(&sandbox, &outcome.err()))));
    let shown = |typed: &[&str]| without_ids(&without_numbers(&screen(&sandbox, typed)));
    assert_snapshot!("jobs_list", shown(&["jobs"]));
    sandbox.write("scene.pov", SMALL);
    assert_snapshot!("jobs_scene_changed", shown(&["resume"]));
    sandbox.write("scene.pov", SLOW.replace("blur_samples 400", "blur_samples 150"));
    assert_snapshot!("jobs_resume", shown(&["resume"]));
    assert_snapshot!("jobs_list_done", shown(&["jobs"]));
    assert_snapshot!("jobs_nothing_unfinished", shown(&["resume"]));
}

/// `ID` for each job's id, and columns that are as wide as their words made them.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() == 12 && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let line = |line: &str| {
        let words = line.split(' ').filter(|word| !word.is_empty()).map(|word| {
            let bare = word.trim_matches(|c: char| "(),;:".contains(c));
            if is_id(bare) { word.replacen(bare, "ID", 1) } else { word.to_owned() }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Each event's name and the names of its fields. Values have tests of their own; new fields may come, none may go.
#[test]
fn json_events() {
    let sandbox = with_scene(SLOW);
    // There already: so there is a `note` too.
    sandbox.write("out.png", "");
    let typed = ["render", "scene.pov", "+W97", "+H71", "--slots", "1", "-o", "out.png", "--json"];
    let done = sandbox.run(typed);
    let order = names(done.code(0));
    assert_eq!(order.first().map(String::as_str), Some("note"));
    assert_eq!(order[order.len() - 2..], ["rows_complete", "done"]);

    let failed = sandbox.run(["render", &own("radiosity.pov"), "--json"]);
    assert_eq!(names(failed.code(2)).last().map(String::as_str), Some("failed"));

    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in [&done, &failed].iter().flat_map(|outcome| events::all(outcome).unwrap()) {
        let name = event["event"].as_str().expect("a name").to_owned();
        let seen = fields.entry(name).or_default();
        for (field, value) in &event {
            enter(seen, field, value);
        }
    }
    let mut golden = String::new();
    for (event, names) in &fields {
        let _ = writeln!(golden, "{event}");
        for name in names.iter().filter(|name| *name != "event") {
            let _ = writeln!(golden, "  {name}");
        }
    }
    assert_snapshot!("json_events", golden);
}

fn names(outcome: &Outcome) -> Vec<String> {
    let all = events::all(outcome).unwrap().into_iter();
    all.map(|event| event["event"].as_str().expect("a name").to_owned()).collect()
}

/// Enters a field and those within it, as a path; `NODE` stands for the name of any node.
fn enter(seen: &mut BTreeSet<String>, path: &str, value: &Value) {
    let Value::Object(fields) = value else {
        seen.insert(path.to_owned());
        return;
    };
    for (name, value) in fields {
        let name = if path == "nodes" { "NODE" } else { name };
        enter(seen, &format!("{path}.{name}"), value);
    }
}

#[test]
fn numbers_that_stand_alone_are_replaced() {
    assert_eq!(
        replace_numbers("  1st sequential 0.25 s, (0.0 MB) busy 36 %, 65 %; 32-row a.png"),
        "  1st sequential N s, (N MB) busy N %, N %; 32-row a.png"
    );
}

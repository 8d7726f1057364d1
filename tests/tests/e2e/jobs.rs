//! Jobs that outlive their td: killed, interrupted, resumed, cancelled, and what is refused.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome, Running};
use td_tests::reference::Reference;
use td_tests::sandbox::{Sandbox, files_below};
use td_tests::skip::skip;
use td_tests::{compare, events, programs};

use crate::no_room::may_mount;
use crate::scenes::{SLOW, SMALL};

const LIMIT: Duration = Duration::from_secs(300);
/// Rows of [`SWITCHES`].
const ROWS: u64 = 211;
/// Some seconds of work for two slots, in many bands.
const SWITCHES: [&str; 2] = ["+W223", "+H211"];

fn slow() -> String {
    SLOW.replace("blur_samples 400", "blur_samples 150")
}

fn with_scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("slow.pov", slow());
    sandbox
}

/// Starts a render that uses nothing of earlier ones: only the job's own files can save it work.
fn start(sandbox: &Sandbox, more: &[&str]) -> Running {
    process::start(sandbox.td(["render", "slow.pov", "--slots", "2", "--fresh", "--json"]).args(SWITCHES).args(more))
}

fn resume(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    let outcome = process::run(sandbox.td(["resume", "--json"]).args(more), LIMIT);
    sandbox.nothing_left_behind();
    outcome
}

pub fn reference() -> Picture {
    let alone = Sandbox::new();
    alone.write("slow.pov", slow());
    let folder = alone.work();
    let switches = SWITCHES.map(str::to_owned);
    Reference { root: &folder, folder: &folder, scene: "slow.pov", switches: &switches }.picture().unwrap()
}

#[track_caller]
fn is_exact(sandbox: &Sandbox, name: &str) {
    let picture = Picture::read(&sandbox.work().join(name)).unwrap();
    compare::same(&reference(), &picture).unwrap();
}

/// The jobs that `td jobs` tells of, newest last.
fn jobs(sandbox: &Sandbox) -> Vec<Value> {
    let outcome = process::run(&mut sandbox.td(["jobs", "--json"]), LIMIT);
    outcome.code(0);
    let all = events::all(&outcome).unwrap();
    all.into_iter().map(Value::Object).collect()
}

fn newest(sandbox: &Sandbox) -> Value {
    jobs(sandbox).pop().expect("a job")
}

fn id_of(job: &Value) -> String {
    job["id"].as_str().expect("an id").to_owned()
}

/// Waits until the newest job has some rows, and not all.
#[track_caller]
fn until_some_rows(sandbox: &Sandbox, running: &mut Running) -> Value {
    let deadline = Instant::now() + LIMIT;
    loop {
        let ended = running.has_ended();
        assert!(!ended && Instant::now() < deadline, "no rows; td said:\n{}", running.err_so_far());
        let has_rows = |job: &Value| job["state"] == "running" && job["rows_done"].as_u64() > Some(0);
        if let Some(job) = jobs(sandbox).pop().filter(has_rows) {
            return job;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A job that was killed when some of its rows were finished.
fn killed(sandbox: &Sandbox, more: &[&str]) -> Value {
    let mut running = start(sandbox, more);
    until_some_rows(sandbox, &mut running);
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
    sandbox.nothing_left_behind();
    newest(sandbox)
}

fn rows_rendered(done: &events::Event) -> u64 {
    let nodes = done["nodes"].as_object().expect("nodes");
    nodes.values().map(|node| node["rows"].as_u64().unwrap()).sum()
}

/// Numbers that look random and are the same each time. (Knuth's linear congruential generator.)
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Ends renders by a signal at random moments, and resumes each; returns how many were resumed with some rows done.
fn end_and_resume(times: u32, seed: u64, signal: Signal) -> u32 {
    let sandbox = with_scene();
    let whole = start(&sandbox, &["-o", "whole.png"]).wait(LIMIT);
    whole.code(0);
    let mut dice = Dice(seed);
    let mut with_rows = 0;
    let mut ended = 0;
    while ended < times {
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
            fs::remove_file(sandbox.work().join("out.png")).unwrap();
            continue;
        }
        ended += 1;
        let out = sandbox.work().join("out.png");
        let Some(job) = jobs(&sandbox).pop().filter(|job| job["out"].as_str().is_some_and(|o| o.ends_with("out.png")))
        else {
            // Before it had agents there was no job.
            assert!(!out.exists(), "seed {seed}, {moment:?}\n{}", outcome.transcript());
            continue;
        };
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
                assert_eq!(rows_rendered(&done) + rows, ROWS, "seed {seed}, {moment:?}\n{}", resumed.transcript());
                with_rows += u32::from(rows > 0 && rows < ROWS);
            }
            is_exact(&sandbox, "out.png");
            assert_eq!(newest(&sandbox)["state"], "done");
        }
        assert_eq!(files_below(&sandbox.work()).len(), 3, "{:?}", files_below(&sandbox.work()));
        fs::remove_file(&out).unwrap();
        // The journal of this round is not looked at again.
        fs::remove_dir_all(sandbox.home().join(".local/state/td")).unwrap();
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
        assert_eq!(rows_rendered(&done), ROWS - more);
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
    let outcome = process::run(&mut sandbox.td(["resume"]), LIMIT);
    outcome.code(2).speaks_to_a_person().says(&["no unfinished job"]);

    // A crash frees the picture.
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
    sandbox.nothing_left_behind();
    sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "out.png"]).code(0);
}

#[test]
fn a_running_job_is_cancelled_as_by_ctrl_c() {
    let sandbox = with_scene();
    let mut running = start(&sandbox, &["-o", "out.png"]);
    let job = until_some_rows(&sandbox, &mut running);
    let id = id_of(&job);
    let outcome = process::run(&mut sandbox.td(["cancel", &id[..5]]), LIMIT);
    outcome.code(0).speaks_to_a_person().says(&[&id, "has stopped"]);
    running.wait(LIMIT).code(130);
    sandbox.nothing_left_behind();
    assert_eq!(newest(&sandbox)["state"], "cancelled");
    assert_eq!(files_below(&sandbox.work()).len(), 1, "only the scene");
    resume(&sandbox, &[&id]).code(2).says(&["cancelled"]);
    process::run(&mut sandbox.td(["cancel", "00"]), LIMIT).code(2).speaks_to_a_person().says(&["no job 00"]);
}

#[test]
fn an_unfinished_job_is_cancelled_and_its_rows_go() {
    let sandbox = with_scene();
    let job = killed(&sandbox, &["-o", "out.png"]);
    let segments = || {
        let files = files_below(&sandbox.home().join(".local/state/td"));
        files.iter().filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("segments")).count()
    };
    assert_eq!(segments(), 1);
    process::run(&mut sandbox.td(["cancel", &id_of(&job)]), LIMIT).code(0).says(&["finished rows are removed"]);
    assert_eq!(segments(), 0);
    assert_eq!(newest(&sandbox)["state"], "cancelled");
}

/// The journal of the one job of a sandbox.
fn journal(sandbox: &Sandbox) -> PathBuf {
    let files = files_below(&sandbox.home().join(".local/state/td/jobs"));
    files.into_iter().find(|file| file.file_name().is_some_and(|name| name == "journal")).expect("a journal")
}

#[test]
fn a_torn_journal_is_good_up_to_the_tear() {
    let sandbox = with_scene();
    let job = killed(&sandbox, &["-o", "out.png"]);
    let path = journal(&sandbox);
    let whole = fs::read(&path).unwrap();
    let first = 24 + u32::from_be_bytes(whole[12..16].try_into().unwrap()) as usize;
    // Cut anywhere behind the first record, and with garbage behind the last.
    for cut in (first..whole.len()).step_by((whole.len() - first) / 25 + 1) {
        fs::write(&path, &whole[..cut]).unwrap();
        let cut_job = newest(&sandbox);
        assert_eq!((&cut_job["id"], &cut_job["state"]), (&job["id"], &job["state"]), "cut at {cut}");
    }
    let torn = [&whole[..], &whole[first..first + 40], b"garbage"].concat();
    fs::write(&path, torn).unwrap();
    let outcome = resume(&sandbox, &[]);
    assert_eq!(events::last(outcome.code(0)).unwrap()["rows_resumed"], job["rows_done"]);
    is_exact(&sandbox, "out.png");
    assert_eq!(newest(&sandbox)["state"], "done", "what came behind the tear is read");
}

/// CRC-32 as in PNG, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[test]
fn another_tds_job_is_not_gone_on_with_where_that_matters() {
    let sandbox = with_scene();
    killed(&sandbox, &["-o", "out.png"]);
    let path = journal(&sandbox);
    let whole = fs::read(&path).unwrap();
    let length = u32::from_be_bytes(whole[12..16].try_into().unwrap()) as usize;
    // The same job as begun by another td: its first record rewritten, checksums and all.
    let begun_by = |change: &dyn Fn(&mut Value)| {
        let mut job: Value = serde_json::from_slice(&whole[24..24 + length]).unwrap();
        change(&mut job);
        let content = serde_json::to_vec(&job).unwrap();
        let mut head = (content.len() as u32).to_be_bytes().to_vec();
        head.extend(crc32(&content).to_be_bytes());
        head.extend(crc32(&head).to_be_bytes());
        fs::write(&path, [&whole[..12], &head, &content, &whole[24 + length..]].concat()).unwrap();
    };
    begun_by(&|job| job["protocol"] = 99.into());
    resume(&sandbox, &[]).code(2).speaks_to_a_person().says(&["version 99 of td's protocol", "td cancel"]);
    begun_by(&|job| job["encoder"] = 98.into());
    resume(&sandbox, &[]).code(2).speaks_to_a_person().says(&["encoded in version 98"]);

    let mut newer = whole.clone();
    newer[6] = 2;
    let crc = crc32(&newer[..8]);
    newer[8..12].copy_from_slice(&crc.to_be_bytes());
    fs::write(&path, &newer).unwrap();
    let outcome = process::run(&mut sandbox.td(["jobs", "--json"]), LIMIT);
    outcome.code(0).speaks_to_a_person().says(&["newer td", "update td"]);
    let id = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    resume(&sandbox, &[&id]).code(2).speaks_to_a_person().says(&["version 2 of the journal", "update td"]);
    assert_eq!(fs::read(&path).unwrap(), newer, "it stays as it is");

    // A version that changes nothing that matters.
    begun_by(&|job| job["td"] = "0.0.1".into());
    resume(&sandbox, &[]).code(0);
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
    let done = events::last(&outcome).unwrap();
    assert_eq!((done["rows_resumed"].as_u64(), rows_rendered(&done)), (Some(ROWS), 0));
    is_exact(&sandbox, "kept.png");
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

/// The small view tells what the rows cost; the render corrects that, and the next render of the picture begins with it.
#[test]
fn what_rows_really_cost_is_known_the_next_time() {
    let sandbox = with_scene();
    let known = || {
        let outcome = sandbox.run(["render", "slow.pov", "+W97", "+H71", "--slots", "2", "--json", "-o", "out.png"]);
        let events = events::all(outcome.code(0)).unwrap();
        let probe = events.iter().find(|event| event["event"] == "probe").expect("a probe").clone();
        fs::remove_dir_all(sandbox.home().join(".cache/td/agent/bands")).unwrap();
        probe["trace_cpu"].as_f64().unwrap()
    };
    let (first, second) = (known(), known());
    // The view's own seconds, and the picture's brought to the view's size: never to the last digit the same.
    assert!(first != second && second > 0.0, "{first} {second}");
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

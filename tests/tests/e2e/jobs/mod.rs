//! Jobs that outlive their td: killed, interrupted, resumed, cancelled, and what is refused.

mod cancelled;
mod journal;
mod random_ends;
mod resumed;
mod two_tds;

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome, Running};
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, events};

use crate::scenes::SLOW;

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

/// Starts a render that uses nothing of earlier ones: only what was finished for it can save it work.
fn start(sandbox: &Sandbox, more: &[&str]) -> Running {
    process::start(sandbox.td(["render", "slow.pov", "--slots", "2", "--fresh", "--json"]).args(SWITCHES).args(more))
}

fn resume(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    let outcome = process::run(sandbox.td(["resume", "--json"]).args(more), LIMIT);
    sandbox.nothing_left_behind();
    outcome
}

fn reference() -> Picture {
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

/// Rows that its agents had finished, and that had not come to its own files before it ended.
fn rows_from_cache(done: &events::Event) -> u64 {
    done["rows_from_cache"].as_u64().expect("rows_from_cache")
}

fn rows_rendered(done: &events::Event) -> u64 {
    let nodes = done["nodes"].as_object().expect("nodes");
    nodes.values().map(|node| node["rows"].as_u64().unwrap()).sum()
}

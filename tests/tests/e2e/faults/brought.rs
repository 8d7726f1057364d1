//! What lies finished on a node is not rendered again, whenever the node comes: late, back from a cut cable, or in a resumed job,
//! also one that was begun with `--fresh`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use td_tests::process::{self, Outcome, Running};
use td_tests::{events, sandbox::files_below};

use super::cluster::{Cluster, LIMIT, seen, told, until, with_povrays_held};
use super::proxy::{Mischief, Proxy};

const ROWS: u64 = 320;

/// Bands that lie finished in an agent's cache.
fn bands(cache: &Path) -> usize {
    let is_band = |file: &std::path::PathBuf| {
        file.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()))
    };
    files_below(&cache.join("bands")).iter().filter(|file| is_band(file)).count()
}

/// Waits until an agent has finished more bands than these.
#[track_caller]
fn until_more_bands(cache: &Path, than: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while bands(cache) <= than {
        assert!(Instant::now() < deadline, "{} bands in {}", bands(cache), cache.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn done(outcome: &Outcome) -> events::Event {
    events::last(outcome).unwrap_or_else(|error| panic!("{error}\n{}", outcome.transcript()))
}

fn from_cache(outcome: &Outcome) -> u64 {
    done(outcome)["rows_from_cache"].as_u64().unwrap()
}

/// Strips that the node whose name ends so was given after td has printed these words.
fn strips_after(outcome: &Outcome, node: &str, words: &str) -> usize {
    let out = outcome.out();
    let later = out.lines().skip_while(|line| !line.contains(words));
    later.filter(|line| line.contains("\"event\":\"strip\"") && line.contains(node)).count()
}

fn killed(running: Running) {
    running.signal(Signal::KILL);
    let _ = running.wait(LIMIT);
}

/// It has all of the picture, and the other node stands still: all comes from its cache, and it renders nothing.
#[test]
#[ignore = "takes half a minute: make e2e"]
fn a_node_that_joins_late_brings_what_it_has() {
    let cluster = Cluster::new(2);
    cluster.exact(&cluster.render_on([cluster.agents[0].socket.as_path()].into_iter(), &[]).wait(LIMIT));
    fs::remove_file(cluster.sandbox.work().join("out.png")).unwrap();
    let proxy = Proxy::new(&cluster.agents[0].socket, Mischief::Nothing);
    proxy.hold_openings(true);
    let sockets = [proxy.socket.as_path(), cluster.agents[1].socket.as_path()];
    let outcome = with_povrays_held(&cluster.sandbox, &[cluster.agents[1].pid()], || {
        let mut running = cluster.render_on(sockets.into_iter(), &[]);
        until(&mut running, "it joins later");
        proxy.hold_openings(false);
        running.wait(LIMIT)
    });
    seen("a node that joins late has all of the picture", &outcome);
    cluster.exact(&outcome);
    told(&outcome, &["agent.proxy joins"]);
    assert_eq!(from_cache(&outcome), ROWS, "{}", outcome.transcript());
    assert_eq!(strips_after(&outcome, "agent.proxy", "agent.proxy joins"), 0, "{}", outcome.transcript());
    cluster.ends();
}

/// While its cable was out it went on; the other node stands still.
#[test]
fn a_node_that_is_back_brings_what_it_finished_meanwhile() {
    let cluster = Cluster::new(2);
    let proxy = Proxy::new(&cluster.agents[0].socket, Mischief::Nothing);
    let sockets = [proxy.socket.as_path(), cluster.agents[1].socket.as_path()];
    let mut running = cluster.render_on(sockets.into_iter(), &[]);
    cluster.at_work(&mut running);
    let outcome = with_povrays_held(&cluster.sandbox, &[cluster.agents[1].pid()], || {
        proxy.cut(true);
        let before = bands(&cluster.agents[0].cache);
        until(&mut running, "was lost");
        until_more_bands(&cluster.agents[0].cache, before);
        proxy.cut(false);
        until(&mut running, "agent.proxy is back");
        running.wait(LIMIT)
    });
    seen("a node has gone on while its cable was out", &outcome);
    cluster.exact(&outcome);
    assert!(from_cache(&outcome) > 0, "{}", outcome.transcript());
    cluster.ends();
}

/// What its own agents have finished since is its own; what lay there before is not.
#[test]
#[ignore = "takes half a minute: make e2e"]
fn a_fresh_job_that_is_resumed_takes_what_was_finished_for_it() {
    let cluster = Cluster::new(2);
    cluster.exact(&cluster.render(&[]).wait(LIMIT));
    fs::remove_file(cluster.sandbox.work().join("out.png")).unwrap();
    assert!(cluster.agents.iter().all(|agent| bands(&agent.cache) > 0));

    let mut running = cluster.render(&["--fresh"]);
    cluster.at_work(&mut running);
    // Agents go on for some seconds after the last word of their master; where the line is cut off they do not.
    running.signal(Signal::STOP);
    let bands_of_all = || cluster.agents.iter().map(|agent| bands(&agent.cache)).sum::<usize>();
    let before = bands_of_all();
    let deadline = Instant::now() + Duration::from_secs(60);
    // One may be on its way to the master.
    while bands_of_all() < before + 2 {
        assert!(Instant::now() < deadline, "no more than {} bands after {before}", bands_of_all());
        std::thread::sleep(Duration::from_millis(20));
    }
    killed(running);
    let resumed = process::run(&mut cluster.sandbox.td(["resume", "--json"]), LIMIT);
    seen("kill -9 of the master of a --fresh job, resumed", &resumed);
    cluster.exact(&resumed);
    let (own, resumed_rows) = (from_cache(&resumed), done(&resumed)["rows_resumed"].as_u64().unwrap());
    assert!(own > 0 && own + resumed_rows < ROWS, "{}", resumed.transcript());

    // Whoever begins anew next finds nothing, and who does not finds all.
    fs::remove_file(cluster.sandbox.work().join("out.png")).unwrap();
    let fresh = cluster.render(&["--fresh"]).wait(LIMIT);
    cluster.exact(&fresh);
    assert_eq!(from_cache(&fresh), 0, "{}", fresh.transcript());
    let next = cluster.render(&[]).wait(LIMIT);
    cluster.exact(&next);
    assert_eq!(from_cache(&next), ROWS, "{}", next.transcript());
    cluster.ends();
}

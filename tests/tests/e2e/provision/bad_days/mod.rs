//! Bad days: each has its sentence, does no harm, and does not stop the other nodes.
//!
//! What is over in a minute is part of `make test`; what installs packages or waits is left to `make e2e`.

mod course;
mod node;
mod reach;
pub mod secrets;

use std::thread::sleep;
use std::time::{Duration, Instant};

use td_tests::nodes::Node;
use td_tests::process::{Outcome, Running};

use super::{LIMIT, Master};

/// Everything it said, made equal from run to run.
fn said(master: &Master<'_>, outcome: &Outcome) -> String {
    master.plain(&format!("{}\n{}", outcome.out(), outcome.err())).trim().to_owned()
}

/// What it said went wrong with a node, or as a whole; process ids and waiting times differ each time.
fn failures(master: &Master<'_>, outcome: &Outcome, node: &str) -> String {
    let (out, err) = (outcome.out(), outcome.err());
    let told = err.lines().filter(|line| {
        line.starts_with("td-provision: ") || (line.starts_with(&format!("{node}: ")) && !line.contains(": note: "))
    });
    let failed = |line: &&str| line.strip_prefix(&format!("{node}: ")).is_some_and(|rest| rest.contains("FAILED: "));
    let text: Vec<_> = told.chain(out.lines().filter(failed)).collect();
    assert!(!text.is_empty(), "no sentence for {node}: {}", outcome.transcript());
    let mut since = false;
    let masked = master.plain(&text.join("\n"));
    let words = masked.split_inclusive([' ', '\n']).map(|word| {
        let bare = word.trim_end();
        let digits = bare.trim_matches(|c: char| c.is_ascii_punctuation());
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let mask = number && (since || digits.len() > 2);
        since = matches!(bare, "since" | "(process" | "-p");
        if mask { word.replace(digits, "N") } else { word.to_owned() }
    });
    words.collect()
}

/// Waits until its output has the words.
fn until(running: &Running, words: &str) {
    let end = Instant::now() + LIMIT;
    while !running.out_so_far().contains(words) && !running.err_so_far().contains(words) {
        let text = format!("{}\n{}", running.out_so_far(), running.err_so_far());
        assert!(Instant::now() < end, "it does not say {words:?}, but:\n{text}");
        sleep(Duration::from_millis(50));
    }
}

/// Waits until a shell command succeeds (or fails) on the node.
fn until_there(node: &Node, script: &str, succeeds: bool) {
    let end = Instant::now() + LIMIT;
    while node.run(&["sh", "-c", script]).status.success() != succeeds {
        assert!(Instant::now() < end, "`{script}` on {} stays {}", node.name(), !succeeds);
        sleep(Duration::from_millis(200));
    }
}

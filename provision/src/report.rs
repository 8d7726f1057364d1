//! What people and scripts see: results on standard output, what is going on on standard error.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::words;

/// How results are told.
#[derive(Debug)]
pub struct Report {
    /// JSON lines on standard output instead of text.
    json: bool,
    /// Steps and resources that are fine are told too.
    verbose: bool,
    bars: MultiProgress,
    by_node: Mutex<HashMap<String, ProgressBar>>,
    /// A terminal shows bars; elsewhere each step is a line, with `-v`.
    terminal: bool,
    /// The longest name, for columns.
    width: usize,
}

/// What became of a node, for its recap line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recap {
    /// Resources and proofs that are as they should be.
    pub ok: u32,
    /// That were changed, or with `plan` are to be.
    pub changed: u32,
    /// That failed.
    pub failed: u32,
    /// No connection.
    pub unreachable: bool,
    /// Why it failed or was not reached, one sentence.
    pub why: Option<String>,
    /// Seconds from the beginning to this node's end.
    pub seconds: f64,
}

impl Report {
    /// For nodes of these names.
    pub fn new<'a>(json: bool, verbose: bool, names: impl Iterator<Item = &'a str>) -> Report {
        let terminal = io::stderr().is_terminal();
        let bars = MultiProgress::new();
        if !terminal || json {
            bars.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let width = names.map(str::len).max().unwrap_or(0);
        Report { json, verbose, bars, by_node: Mutex::default(), terminal: terminal && !json, width }
    }

    /// The bars, so that questions can hide them.
    pub fn bars(&self) -> MultiProgress {
        self.bars.clone()
    }

    /// Whether JSON lines are wanted.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether all is to be told.
    pub fn verbose(&self) -> bool {
        self.verbose
    }

    /// An event, with `--json`.
    pub fn event(&self, event: &Value) {
        if self.json {
            self.out(&format!("{event}\n"));
        }
    }

    /// Text for people; ends with a line end.
    pub fn text(&self, text: &str) {
        if !self.json && !text.is_empty() {
            self.out(text);
        }
    }

    fn out(&self, text: &str) {
        self.bars.suspend(|| {
            let mut out = io::stdout().lock();
            // A reader that went away wants no more; the work goes on to its end.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        });
    }

    /// A remark on standard error, and a `note` event.
    pub fn note(&self, node: Option<&str>, message: &str) {
        self.event(&json!({ "event": "note", "node": node, "message": message }));
        if !self.json {
            let node = node.map(|node| format!("{node}: ")).unwrap_or_default();
            self.bars.suspend(|| eprintln!("{node}note: {}", words::harmless(message)));
        }
    }

    /// What a node is doing now.
    pub fn doing(&self, node: &str, what: &str) {
        if self.json {
            if self.verbose {
                self.event(&json!({ "event": "step", "node": node, "message": what }));
            }
        } else if self.terminal {
            let mut bars = self.by_node.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = bars.entry(node.to_owned()).or_insert_with(|| {
                let bar = self.bars.add(ProgressBar::new_spinner());
                // The template is fixed; a wrong one would only show less.
                if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} {elapsed:>4}") {
                    bar.set_style(style);
                }
                bar.set_prefix(format!("{node:width$}", width = self.width));
                bar.enable_steady_tick(Duration::from_millis(200));
                bar
            });
            bar.set_message(words::one_line(what, 200));
        } else if self.verbose {
            eprintln!("{node}: {}", words::one_line(what, 300));
        }
    }

    /// A node has nothing to do any more for now.
    pub fn idle(&self, node: &str) {
        if let Some(bar) = self.by_node.lock().unwrap_or_else(PoisonError::into_inner).remove(node) {
            bar.finish_and_clear();
        }
    }

    /// The lines at the end, one per node.
    pub fn recap(&self, nodes: &[(String, Recap)], changed: &str) {
        let mut text = String::from("\n");
        for (name, recap) in nodes {
            self.idle(name);
            self.event(&json!({
                "event": "recap",
                "node": name,
                "ok": recap.ok,
                "changed": recap.changed,
                "failed": recap.failed,
                "unreachable": recap.unreachable,
                "message": recap.why,
                "seconds": rounded(recap.seconds),
            }));
            let unreachable = u32::from(recap.unreachable);
            text.push_str(&format!(
                "{name:width$}  ok {:<3} {changed} {:<3} failed {:<3} unreachable {unreachable}  {:>7.1} s\n",
                recap.ok,
                recap.changed,
                recap.failed,
                recap.seconds,
                width = self.width,
            ));
        }
        self.text(&text);
    }
}

/// Seconds with three digits: more is noise.
pub fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

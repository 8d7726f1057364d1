//! What is told while a build runs: to a person at a terminal, to a log, to a program.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

/// Seconds between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(15);

/// Takes what is told.
#[derive(Debug)]
pub struct Watch {
    manner: Manner,
    stage: String,
    crates: u32,
    last: Instant,
    spinner: Option<ProgressBar>,
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// A line that changes on a terminal, else a line now and then; on standard error.
    People,
    /// JSON lines on standard output.
    Json,
    Quiet,
}

impl Watch {
    #[must_use]
    pub fn new(manner: Manner) -> Self {
        Self { manner, stage: String::new(), crates: 0, last: Instant::now(), spinner: None }
    }

    /// A part of the work begins.
    pub fn stage(&mut self, text: &str) {
        self.clear();
        self.stage = text.to_owned();
        self.crates = 0;
        self.last = Instant::now();
        match self.manner {
            Manner::People if std::io::stderr().is_terminal() => {
                let spinner = ProgressBar::new_spinner();
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                    spinner.set_style(style);
                }
                spinner.set_message(text.to_owned());
                spinner.enable_steady_tick(Duration::from_millis(120));
                self.spinner = Some(spinner);
            }
            Manner::People => self.line(text),
            Manner::Json => print_event(&json!({ "event": "stage", "message": text })),
            Manner::Quiet => {}
        }
    }

    /// A line of the tool that works.
    pub(crate) fn tool_said(&mut self, line: &str) {
        let Some(name) = line.trim_start().strip_prefix("Compiling ") else { return };
        let name = name.split(" (").next().unwrap_or(name);
        self.crates += 1;
        let text = format!("{}: {} crates, now {name}", self.stage, self.crates);
        match (&self.spinner, self.manner) {
            (Some(spinner), _) => spinner.set_message(text),
            (None, Manner::People) if self.last.elapsed() >= EVERY => {
                self.last = Instant::now();
                self.line(&text);
            }
            (None, Manner::Json) if self.last.elapsed() >= EVERY => {
                self.last = Instant::now();
                print_event(&json!({ "event": "progress", "crates": self.crates, "crate": name }));
            }
            _ => {}
        }
    }

    /// Something worth a line of its own.
    pub fn note(&mut self, text: &str) {
        match self.manner {
            Manner::People => {
                self.clear();
                self.line(text);
            }
            Manner::Json => print_event(&json!({ "event": "note", "message": text })),
            Manner::Quiet => {}
        }
    }

    /// Takes the changing line away.
    pub fn clear(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    #[expect(clippy::unused_self, reason = "a method beside its siblings")]
    fn line(&self, text: &str) {
        // A reader that has gone away has read enough.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// One JSON line.
pub(crate) fn print_event(event: &Value) {
    let _ = writeln!(std::io::stdout(), "{event}");
}

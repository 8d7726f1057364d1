//! What the user sees while something renders: bars on a terminal, plain lines elsewhere, JSON lines for programs.

mod bars;
mod json;
mod lines;

use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;
use td_protocol::rows::Rows;

pub use json::print_event;

/// How much is said, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Bars on a terminal, lines elsewhere.
    People,
    /// JSON lines on standard output.
    Json,
    /// Nothing but errors.
    Quiet,
}

/// One node as the display shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeStatus {
    pub name: String,
    pub slots: usize,
    /// Slots that render now.
    pub busy: usize,
    /// Rows of this node that went into the picture.
    pub rows: u32,
    /// Why it does nothing, where that needs saying.
    pub trouble: Option<String>,
}

/// How far a render has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub rows_done: u32,
    pub rows_total: u32,
    /// Share of the predicted cost that is done, 0 to 1.
    pub share: f64,
    /// Seconds since the start.
    pub elapsed: f64,
    /// Seconds that are left, once that can be told.
    pub left: Option<f64>,
    pub nodes: Vec<NodeStatus>,
}

/// Where things are told. One for the whole run of the program.
#[derive(Debug)]
pub enum Progress {
    Bars(bars::Bars),
    Lines(lines::Lines),
    Json(json::Json),
    Quiet,
}

impl Progress {
    #[must_use]
    pub fn new(manner: Manner) -> Self {
        match manner {
            Manner::Quiet => Self::Quiet,
            Manner::Json => Self::Json(json::Json::default()),
            Manner::People if std::io::stderr().is_terminal() => Self::Bars(bars::Bars::default()),
            Manner::People => Self::Lines(lines::Lines::default()),
        }
    }

    /// A sentence that the user should see.
    pub fn note(&mut self, text: &str) {
        match self {
            Self::Bars(bars) => bars.note(text),
            Self::Lines(_) => print_line(&format!("td: {text}")),
            Self::Json(_) => print_event("note", [("text", Value::from(text))]),
            Self::Quiet => {}
        }
    }

    /// A line of the report at the end, as it is.
    pub fn line(&self, text: &str) {
        print_line(text);
    }

    /// What goes on before rows come, in a few words.
    pub fn stage(&mut self, text: &str) {
        match self {
            Self::Bars(bars) => bars.stage(text),
            Self::Json(_) => print_event("stage", [("text", Value::from(text))]),
            Self::Lines(_) | Self::Quiet => {}
        }
    }

    /// How far the render has come. Call it as often as there is news.
    pub fn status(&mut self, status: &Status) {
        match self {
            Self::Bars(bars) => bars.status(status),
            Self::Lines(lines) => lines.status(status),
            Self::Json(json) => json.status(status),
            Self::Quiet => {}
        }
    }

    /// Something that only programs want to know.
    pub fn detail(&mut self, event: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
        if let Self::Json(_) = self {
            print_event(event, fields);
        }
    }

    /// A strip was started on a node.
    pub fn strip(&mut self, node: &str, slot: u32, rows: Rows) {
        self.detail("strip", [("node", node.into()), ("slot", slot.into()), ("rows", rows_value(rows))]);
    }

    /// Takes the bars away; the terminal is as it was.
    pub fn clear(&mut self) {
        if let Self::Bars(bars) = self {
            bars.clear();
        }
    }
}

/// A line on standard error. A reader that has gone away is no reason to fail.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Rows as `[first, last]`, 1-based and inclusive, as POV-Ray counts.
#[must_use]
pub fn rows_value(rows: Rows) -> Value {
    Value::from(vec![rows.start + 1, rows.end])
}

/// `75 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=99 => format!("{whole} s"),
        100..=5999 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Seconds until the last row, as fast as it went so far; none as long as that tells little.
#[must_use]
pub fn time_left(at_begin: u32, done: u32, total: u32, elapsed: f64) -> Option<f64> {
    let (done_now, left_at_begin) = (done.saturating_sub(at_begin), total.saturating_sub(at_begin));
    let share = f64::from(done_now) / f64::from(left_at_begin.max(1));
    (share > 0.02).then(|| elapsed / share - elapsed)
}

#[cfg(test)]
mod tests {
    use super::{duration, time_left};

    #[test]
    fn rows_that_were_taken_back_leave_no_time_to_tell() {
        assert_eq!(time_left(0, 50, 100, 10.0), Some(10.0));
        assert_eq!(time_left(60, 80, 100, 10.0), Some(10.0));
        assert_eq!(time_left(80, 48, 100, 10.0), None);
        assert_eq!(time_left(100, 100, 100, 10.0), None);
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(0.4), "0 s");
        assert_eq!(duration(99.4), "99 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(7500.0), "2 h 5 min");
    }
}

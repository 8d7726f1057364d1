//! `td jobs` for people and for programs. No I/O.

use serde_json::{Value, json};

use super::listing::{Entry, State};
use crate::progress::duration;

/// The table, newest last; one sentence where there is no job.
#[must_use]
pub fn table_lines(entries: &[Entry], now: f64) -> Vec<String> {
    if entries.is_empty() {
        return vec!["no jobs yet; td render begins one".to_owned()];
    }
    let head = ["ID", "STATE", "ROWS", "AGE", "SCENE", "PICTURE"].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(entries.iter().map(|entry| {
        let job = &entry.history.job;
        [
            entry.id.to_string(),
            entry.state.word().to_owned(),
            format!("{} of {}", entry.rows_done, entry.rows_total()),
            duration(now - entry.made()),
            job.scene.to_string(),
            job.output.to_string(),
        ]
    }));
    let widths: Vec<usize> =
        (0..6).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    let unfinished = entries.iter().filter(|entry| entry.state.is_unfinished());
    if let Some(entry) = unfinished.max_by(|a, b| a.last_heard().total_cmp(&b.last_heard())) {
        lines.push(format!("td resume {} goes on with what is unfinished; td cancel ID forgets it", entry.id));
    }
    lines
}

/// One line of JSON for each job, newest last.
#[must_use]
pub fn json_lines(entries: &[Entry]) -> Vec<String> {
    let line = |entry: &Entry| {
        let job = &entry.history.job;
        let end = entry.history.end.as_ref().filter(|_| !matches!(entry.state, State::Running(_)));
        let pid = match &entry.state {
            State::Running(Some(owner)) => Value::from(owner.pid),
            _ => Value::Null,
        };
        json!({
            "event": "job",
            "id": entry.id.as_str(),
            "state": entry.state.word(),
            "resumable": entry.state.is_unfinished(),
            "rows_done": entry.rows_done,
            "rows_total": entry.rows_total(),
            "scene": job.scene.to_string(),
            "out": job.output.to_string(),
            "typed": job.typed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "begun": whole(job.made),
            "last_heard": whole(entry.last_heard()),
            "pid": pid,
            "message": end.map(|end| end.message.as_str()).filter(|message| !message.is_empty()),
            "bytes": entry.bytes,
            "td": job.td,
        })
        .to_string()
    };
    entries.iter().map(line).collect()
}

/// Milliseconds are enough.
fn whole(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

//! JSON lines on standard output, one event each.

use std::io::Write as _;

use serde_json::{Map, Value, json};

use crate::progress::Status;

/// Seconds between two `progress` events.
const EVERY: f64 = 1.0;

#[derive(Debug, Default)]
pub struct Json {
    last: f64,
}

impl Json {
    pub fn status(&mut self, status: &Status) {
        if status.elapsed - self.last < EVERY {
            return;
        }
        self.last = status.elapsed;
        let nodes: Map<String, Value> = status
            .nodes
            .iter()
            .map(|node| {
                let mut fields = json!({ "rows": node.rows, "busy": node.busy, "slots": node.slots });
                if let Some(trouble) = &node.trouble {
                    fields["trouble"] = trouble.as_str().into();
                }
                (node.name.clone(), fields)
            })
            .collect();
        print_event(
            "progress",
            [
                ("rows_done", status.rows_done.into()),
                ("rows_total", status.rows_total.into()),
                ("share", rounded(status.share)),
                ("elapsed", rounded(status.elapsed)),
                ("left", status.left.map_or(Value::Null, rounded)),
                ("nodes", nodes.into()),
            ],
        );
    }
}

/// Milliseconds are enough for people and programs; more digits are noise.
fn rounded(value: f64) -> Value {
    Value::from((value * 1000.0).round() / 1000.0)
}

/// Prints one event. A reader that has gone away is no reason to fail: the picture still counts.
pub fn print_event(event: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let mut object = Map::new();
    object.insert("event".to_owned(), event.into());
    object.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{}", Value::Object(object));
    let _ = stdout.flush();
}

//! The JSON lines that `--json` prints.

use crate::process::Outcome;

/// One line: an object with `"event"`.
pub type Event = serde_json::Map<String, serde_json::Value>;

/// All lines of standard output, each an event.
///
/// # Errors
/// A sentence, when a line is no event.
pub fn all(outcome: &Outcome) -> Result<Vec<Event>, String> {
    let parse = |line: &str| match serde_json::from_str(line) {
        Ok(serde_json::Value::Object(event)) if event.get("event").is_some_and(serde_json::Value::is_string) => {
            Ok(event)
        }
        _ => Err(format!("standard output has a line that is no event: {line}\n{}", outcome.transcript())),
    };
    outcome.out().lines().map(parse).collect()
}

/// The last event, which is `done`.
///
/// # Errors
/// A sentence, when it is another one or there is none.
pub fn last(outcome: &Outcome) -> Result<Event, String> {
    let done = all(outcome)?.pop().filter(|event| event["event"] == "done");
    done.ok_or_else(|| format!("the last event is not `done`\n{}", outcome.transcript()))
}

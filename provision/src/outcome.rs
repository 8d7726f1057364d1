//! How a run over many nodes ends: the recap and the exit code.

use serde_json::json;

use crate::crew::{Crew, NodeError};
use crate::output::Outcome;
use crate::report::{Recap, Report, rounded};
use crate::words;

/// Tells a node's failure at once.
pub fn tell(report: &Report, node: &str, error: &NodeError) {
    let event = if error.is_unreachable() { "unreachable" } else { "failed" };
    let message = error.to_string();
    report.event(&json!({ "event": event, "node": node, "kind": error.kind(), "message": message }));
    if !report.json() {
        report.bars().suspend(|| eprintln!("{node}: {}", words::harmless(&message)));
    }
}

/// A node's recap: of its failure, or with what `count` gives (ok, changed, failed).
pub fn recap<T>(crew: &Crew, result: &Result<T, NodeError>, count: impl FnOnce(&T) -> (u32, u32, u32)) -> Recap {
    let seconds = crew.seconds();
    match result {
        Ok(value) => {
            let (ok, changed, failed) = count(value);
            Recap { ok, changed, failed, seconds, ..Recap::default() }
        }
        Err(error) => {
            let unreachable = error.is_unreachable();
            let why = Some(error.to_string());
            Recap { failed: u32::from(!unreachable), unreachable, why, seconds, ..Recap::default() }
        }
    }
}

/// Tells the recap and gives the exit code: 130 interrupted, 1 failed, 4 unreachable, 0.
pub fn close(crew: &Crew, recaps: &[(String, Recap)], changed: &str) -> Outcome {
    crew.report.recap(recaps, changed);
    let outcome = outcome(crew.stop.is_asked(), recaps);
    let sum = |of: fn(&Recap) -> u32| recaps.iter().map(|(_, recap)| of(recap)).sum::<u32>();
    crew.report.event(&json!({
        "event": "done",
        "ok": outcome == Outcome::Done,
        "nodes": recaps.len(),
        "changed": sum(|recap| recap.changed),
        "failed": sum(|recap| recap.failed),
        "unreachable": sum(|recap| u32::from(recap.unreachable)),
        "seconds": rounded(crew.seconds()),
    }));
    outcome
}

fn outcome(interrupted: bool, recaps: &[(String, Recap)]) -> Outcome {
    if interrupted {
        Outcome::Interrupted
    } else if recaps.iter().any(|(_, recap)| recap.failed > 0) {
        Outcome::Failed
    } else if recaps.iter().any(|(_, recap)| recap.unreachable) {
        Outcome::Unreachable
    } else {
        Outcome::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_most() {
        let fine = || ("a".to_owned(), Recap { ok: 1, ..Recap::default() });
        let failed = || ("b".to_owned(), Recap { failed: 1, ..Recap::default() });
        let away = || ("c".to_owned(), Recap { unreachable: true, ..Recap::default() });
        assert_eq!(outcome(false, &[fine()]), Outcome::Done);
        assert_eq!(outcome(false, &[fine(), away()]), Outcome::Unreachable);
        assert_eq!(outcome(false, &[fine(), away(), failed()]), Outcome::Failed);
        assert_eq!(outcome(true, &[failed()]), Outcome::Interrupted);
    }
}

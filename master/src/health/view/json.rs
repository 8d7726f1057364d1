//! The survey as one JSON document; docs/health.schema.json is its schema.

use serde_json::{Value, json};
use td_protocol::version;

use crate::exit::ExitStatus;
use crate::health::checks::Check;
use crate::health::finding::Finding;
use crate::health::survey::{NodeHealth, Standing, Survey};

/// The form's version. New fields do not raise it.
pub const VERSION: u32 = 1;

/// The document. `problem` is why nobody could be asked at all.
#[must_use]
pub fn document(survey: &Survey, problem: Option<&str>, status: ExitStatus) -> Value {
    let count = |standing| survey.count(standing);
    json!({
        "version": VERSION,
        "td": version::TD,
        "asked": milliseconds(survey.asked),
        "seconds": milliseconds(survey.seconds),
        "timeout": survey.timeout,
        "state": if problem.is_some() { Value::Null } else { survey.worst().word().into() },
        "exit_code": status.code(),
        "problem": problem,
        "counts": {
            "nodes": survey.nodes.len(),
            "ok": count(Standing::Ok),
            "warn": count(Standing::Warn),
            "fail": count(Standing::Fail),
            "unreachable": count(Standing::Unreachable),
        },
        "nodes": survey.nodes.iter().map(node).collect::<Vec<_>>(),
    })
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

fn node(node: &NodeHealth) -> Value {
    let heard = node.answer.as_ref().ok();
    let unreachable = node.answer.as_ref().err();
    json!({
        "name": node.name,
        "address": node.address,
        "state": node.standing().word(),
        "seconds": milliseconds(node.seconds),
        "unreachable": unreachable.map(|unreachable| json!({ "why": unreachable.why, "sentence": unreachable.sentence })),
        "td": heard.map(|heard| super::super::text::plain(&heard.report.td)).filter(|td| !td.is_empty()),
        "slots": heard.and_then(|heard| heard.report.slots),
        "busy": heard.and_then(|heard| heard.report.busy),
        "checks": heard.map_or(&[][..], |heard| heard.findings.as_slice()).iter().map(check).collect::<Vec<_>>(),
    })
}

fn check((check, finding): &(&'static Check, Finding)) -> Value {
    let bounds = finding.bounds;
    let facts: serde_json::Map<_, _> =
        finding.facts.iter().map(|(name, is)| ((*name).to_owned(), (*is).into())).collect();
    json!({
        "name": check.name,
        "state": finding.verdict.word(),
        "value": Some(&finding.value).filter(|value| !value.is_empty()),
        "measured": finding.measured,
        "unit": finding.bounds.and(check.limit).map(|limit| limit.unit),
        "warn": bounds.and_then(|bounds| bounds.warn),
        "fail": bounds.and_then(|bounds| bounds.fail),
        "wanted": finding.wanted,
        "facts": facts,
        "sentence": finding.sentence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::view::samples::survey;

    /// The golden file: a change of it is a change that scripts see.
    #[test]
    fn the_document_is_kept() {
        let document = document(&survey(), None, ExitStatus::Unreachable);
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
    }

    #[test]
    fn a_document_without_nodes() {
        let document = document(&Survey::default(), Some("inventory.yaml: there is no such file"), ExitStatus::Refused);
        assert_eq!(document["state"], Value::Null);
        assert_eq!(document["exit_code"], 2);
        assert_eq!(document["nodes"], json!([]));
    }
}

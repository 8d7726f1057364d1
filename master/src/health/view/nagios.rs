//! One line for Nagios and what speaks its language (Icinga, Naemon): a word, what is wrong, and performance data.
//!
//! Form and exit codes: <https://nagios-plugins.org/doc/guidelines.html>.

use td_inventory::health::Worse;

use crate::health::survey::{NodeHealth, Standing, Survey};
use crate::health::view::fold::fold;
use crate::health::view::table::summary;

/// Nagios's own exit codes.
pub const OK: u8 = 0;
pub const WARNING: u8 = 1;
pub const CRITICAL: u8 = 2;
pub const UNKNOWN: u8 = 3;

/// Longest text before the performance data: Nagios keeps 8 KB of a line.
const MOST_TEXT: usize = 2000;

/// The line and the exit code. A node that is unreachable is critical.
#[must_use]
pub fn line(survey: &Survey) -> (String, u8) {
    let code = match survey.worst() {
        _ if survey.nodes.is_empty() => UNKNOWN,
        Standing::Ok => OK,
        Standing::Warn => WARNING,
        Standing::Fail | Standing::Unreachable => CRITICAL,
    };
    let mut says = summary(survey);
    let mut bad: Vec<&NodeHealth> = survey.nodes.iter().filter(|node| node.standing() > Standing::Ok).collect();
    bad.sort_by_key(|node| std::cmp::Reverse(node.standing()));
    // Nodes of which the same is told are told of together.
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for node in bad {
        let text = match &node.answer {
            Err(unreachable) => format!("unreachable: {}", unreachable.sentence),
            Ok(_) => {
                let problems = node.problems();
                let problems = problems.iter().map(|(check, finding)| format!("{}: {}", check.name, finding.sentence));
                format!("{}: {}", node.standing().word(), problems.collect::<Vec<_>>().join(", "))
            }
        };
        match told.iter_mut().find(|(other, _)| *other == text) {
            Some((_, names)) => names.push(&node.name),
            None => told.push((text, vec![&node.name])),
        }
    }
    for (text, names) in told {
        says.push_str(&format!("; {} {text}", fold(&names).join(",")));
    }
    let data = match survey.nodes.as_slice() {
        [node] => of_node(node),
        _ => of_cluster(survey),
    };
    (format!("TD {} - {} | {data}", word(code), plain(&says)), code)
}

/// The line for what kept td from asking anybody.
#[must_use]
pub fn unknown(problem: &str) -> String {
    format!("TD {} - {}", word(UNKNOWN), plain(problem))
}

fn word(code: u8) -> &'static str {
    match code {
        OK => "OK",
        WARNING => "WARNING",
        CRITICAL => "CRITICAL",
        _ => "UNKNOWN",
    }
}

/// One line without `|`, which would begin the performance data.
fn plain(text: &str) -> String {
    let one_line = |c: char| {
        if c == '|' {
            '/'
        } else if c.is_control() {
            ' '
        } else {
            c
        }
    };
    let mut out: String = text.chars().take(MOST_TEXT).map(one_line).collect();
    if text.chars().count() > MOST_TEXT {
        out.push_str("...");
    }
    out
}

fn of_cluster(survey: &Survey) -> String {
    let nodes = survey.nodes.len();
    let counts = Standing::ALL.map(|standing| format!("{}={};;;0;{nodes}", standing.word(), survey.count(standing)));
    format!("nodes={nodes};;;0 {} time={:.3}s;;;0;{}", counts.join(" "), survey.seconds, survey.timeout)
}

/// Each number of the node with its limits.
fn of_node(node: &NodeHealth) -> String {
    let findings = node.answer.as_ref().map(|heard| heard.findings.as_slice()).unwrap_or_default();
    let numbers = findings.iter().filter_map(|(check, finding)| {
        let (limit, measured, bounds) = (check.limit?, finding.measured?, finding.bounds?);
        // A range `10:` means: bad below 10.
        let side = if limit.worse == Worse::Low { ":" } else { "" };
        let bound = |bound: Option<f64>| bound.map_or_else(String::new, |bound| format!("{bound}{side}"));
        // Nagios knows few units; the others are in the names of docs/health.md.
        let unit = match limit.unit {
            unit @ ("%" | "s" | "MB") => unit,
            _ => "",
        };
        let measured = (measured * 1e3).round() / 1e3;
        Some(format!("'{}'={measured}{unit};{};{}", check.name, bound(bounds.warn), bound(bounds.fail)))
    });
    let up = u8::from(node.answer.is_ok());
    std::iter::once(format!("'up'={up}")).chain(numbers).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::view::samples::{one, survey};

    #[test]
    fn lines_and_codes() {
        let mut said = Vec::new();
        for survey in [survey(), one(0), one(1), one(2), one(4), Survey::default()] {
            let (line, code) = line(&survey);
            assert_eq!(line.lines().count(), 1);
            assert_eq!(line.matches('|').count(), 1);
            said.push(format!("{code}: {line}"));
        }
        insta::assert_snapshot!(said.join("\n"));
        assert_eq!(unknown("no\nfile | here"), "TD UNKNOWN - no file / here");
    }
}

//! A check's page, for `--explain` and for docs/health.md.

use std::fmt::Write as _;

use td_inventory::health::{Bounds, Limit};

use crate::health::checks::{ALL, Check};
use crate::health::finding::range;
use crate::health::view::table::COLUMNS;
use crate::health::view::wrap::wrap;

/// The page.
#[must_use]
pub fn page(check: &Check) -> String {
    let mut out = format!("{}\n", check.name);
    let mut part = |text: &str| {
        out.push('\n');
        for line in wrap(text, COLUMNS) {
            let _ = writeln!(out, "{line}");
        }
    };
    part(check.meaning);
    for line in when(check) {
        part(&line);
    }
    if let Some(limit) = check.limit {
        part(&format!("In the inventory: {}.", example(limit)));
    }
    part(check.remedy);
    out
}

/// When it is bad, a sentence for each reason.
fn when(check: &Check) -> Vec<String> {
    let by_number = check.limit.map(|limit| {
        let Bounds { warn, fail } = limit.bounds();
        let said = |word: &str, bound: Option<f64>| match bound {
            Some(bound) => format!("{word} {}", range(limit, bound)),
            None => format!("no {word} by a number"),
        };
        format!("{}, {}, unless the inventory says otherwise.", said("warn", warn), said("fail", fail))
    });
    let by_words = (!check.when.is_empty()).then(|| format!("{}.", check.when.trim_end_matches(':')));
    by_words.into_iter().chain(by_number).collect()
}

fn example(limit: &Limit) -> String {
    let Bounds { warn, fail } = limit.bounds();
    let said = |bound: Option<f64>| bound.map_or_else(|| "none".to_owned(), |bound| limit.amount(bound));
    format!("health: {{ {}: {{ warn: {}, fail: {} }} }}", limit.check, said(warn), said(fail))
}

/// All checks as a table in Markdown, for docs/health.md (a test compares the two).
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from("| check | what it looks at | warn | fail |\n|---|---|---|---|\n");
    for check in ALL {
        let (warn, fail) = match check.limit {
            Some(limit) => {
                let bounds = limit.bounds();
                let said = |bound: Option<f64>| bound.map_or_else(|| "-".to_owned(), |bound| range(limit, bound));
                (said(bounds.warn), said(bounds.fail))
            }
            None => (String::new(), String::new()),
        };
        let when = check.when.trim_end_matches(':');
        let when = if when.is_empty() { String::new() } else { format!(" ({when})") };
        let _ = writeln!(out, "| `{}` | {}{when} | {warn} | {fail} |", check.name, check.meaning);
    }
    out
}

/// The names of all checks.
#[must_use]
pub fn names() -> String {
    ALL.map(|check| check.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::checks::named;

    #[test]
    fn pages() {
        let pages = ["temperature", "under-voltage", "reboot"].map(|name| page(named(name).unwrap()));
        insta::assert_snapshot!(pages.join("----\n"));
        for check in ALL {
            assert!(page(check).lines().all(|line| line.chars().count() <= COLUMNS), "{}", check.name);
        }
    }

    #[test]
    fn the_documentation_has_the_table() {
        let docs = include_str!("../../../../docs/health.md");
        assert!(docs.contains(&markdown()), "docs/health.md should hold:\n\n{}", markdown());
    }
}

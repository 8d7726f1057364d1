//! All nodes in a table of at most 80 columns, the worst first, equal ones folded.

use crate::health::survey::{NodeHealth, Standing, Survey};
use crate::health::view::fold::fold;
use crate::health::view::paint::Paint;
use crate::health::view::wrap::{wrap, wrap_names};

/// What a terminal has at least.
pub const COLUMNS: usize = 80;
/// Widest column of names.
const MOST_NAME: usize = 24;
const STANDING: usize = 11;
const GAP: &str = "  ";

/// What a row says; nodes that say the same share one.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    standing: Standing,
    /// Each with the standing that it alone would give the node.
    says: Vec<(Standing, String)>,
}

impl Row {
    fn of(node: &NodeHealth) -> Self {
        let says = match &node.answer {
            Err(unreachable) => vec![(Standing::Unreachable, unreachable.sentence.clone())],
            Ok(_) => {
                let problems = node.problems().into_iter();
                problems
                    .map(|(check, finding)| (finding.verdict.into(), format!("{}: {}", check.name, finding.sentence)))
                    .collect()
            }
        };
        Self { standing: node.standing(), says }
    }
}

/// The table's lines, with how many nodes are how at the end.
#[must_use]
pub fn lines(survey: &Survey, paint: Paint) -> Vec<String> {
    let mut rows: Vec<(Row, Vec<&str>)> = Vec::new();
    for node in &survey.nodes {
        let row = Row::of(node);
        match rows.iter_mut().find(|(other, _)| *other == row) {
            Some((_, names)) => names.push(&node.name),
            None => rows.push((row, vec![&node.name])),
        }
    }
    // Stable: equally bad ones stay in the inventory's order.
    rows.sort_by_key(|(row, _)| std::cmp::Reverse((row.standing, row.says.len())));
    let rows: Vec<(Row, Vec<String>)> = rows.into_iter().map(|(row, names)| (row, fold(&names))).collect();
    let widest = rows.iter().map(|(_, names)| names.join(",").chars().count()).max().unwrap_or(0);
    let name_width = widest.clamp(4, MOST_NAME);
    let mut out = Vec::new();
    if !rows.is_empty() {
        out.push(format!("{:name_width$}{GAP}{:STANDING$}{GAP}WHAT", "NODE", "STATE").trim_end().to_owned());
    }
    let says_width = COLUMNS - name_width - STANDING - 2 * GAP.len();
    for (row, names) in &rows {
        let names = wrap_names(names, name_width);
        let mut says: Vec<(String, String)> = Vec::new();
        for (standing, text) in &row.says {
            for (number, line) in wrap(text, says_width).into_iter().enumerate() {
                let word = if number == 0 { paint.standing(*standing, STANDING) } else { " ".repeat(STANDING) };
                says.push((word, line));
            }
        }
        if says.is_empty() {
            says.push((paint.standing(row.standing, STANDING), String::new()));
        }
        let blank = (" ".repeat(STANDING), String::new());
        for number in 0..names.len().max(says.len()) {
            let name = names.get(number).map_or("", String::as_str);
            let (word, text) = says.get(number).unwrap_or(&blank);
            out.push(format!("{name:name_width$}{GAP}{word}{GAP}{text}").trim_end().to_owned());
        }
    }
    out.push(summary(survey));
    out
}

/// `8 nodes: 5 ok, 2 warn, 1 unreachable`.
#[must_use]
pub fn summary(survey: &Survey) -> String {
    let counts = Standing::ALL.map(|standing| (survey.count(standing), standing.word()));
    let said: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let nodes = survey.nodes.len();
    match said.is_empty() {
        true => "no nodes".to_owned(),
        false => format!("{nodes} {}: {}", if nodes == 1 { "node" } else { "nodes" }, said.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::view::samples::{survey, thousand};

    #[test]
    fn the_worst_first_and_equal_ones_together() {
        insta::assert_snapshot!(lines(&survey(), Paint::Plain).join("\n"));
    }

    #[test]
    fn no_line_is_wider_than_the_table() {
        for survey in [survey(), thousand()] {
            for line in lines(&survey, Paint::Plain) {
                assert!(line.chars().count() <= COLUMNS, "{line}");
                assert_eq!(line.trim_end(), line);
            }
        }
        // A thousand nodes that are well are one line, and one of them that is not another.
        assert_eq!(lines(&thousand(), Paint::Plain).len(), 5);
    }

    #[test]
    fn colours_change_no_letter() {
        let coloured = lines(&survey(), Paint::Colours).join("\n");
        assert!(coloured.contains("\x1b[1;31mfail\x1b[0m"));
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\x1b') {
            plain.push_str(before);
            rest = after.split_once('m').expect("a colour ends").1;
        }
        plain.push_str(rest);
        assert_eq!(plain, lines(&survey(), Paint::Plain).join("\n"));
    }

    #[test]
    fn nobody_to_ask() {
        assert_eq!(lines(&Survey::default(), Paint::Plain), ["no nodes"]);
    }
}

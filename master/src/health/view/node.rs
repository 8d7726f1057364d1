//! One node with all of its checks.

use crate::health::checks::Check;
use crate::health::finding::{Finding, Verdict, range};
use crate::health::survey::NodeHealth;
use crate::health::view::paint::Paint;
use crate::health::view::table::COLUMNS;
use crate::health::view::wrap::wrap;

const CHECK: usize = 17;
const VERDICT: usize = 11;
const INDENT: &str = "  ";

/// The node's lines: a head, then the checks, the worst first; those that the node cannot answer by their reasons at the end.
#[must_use]
pub fn lines(node: &NodeHealth, paint: Paint) -> Vec<String> {
    let mut out = vec![format!("{}  {}  ({})", node.name, paint.standing(node.standing(), 0), node.address)];
    let heard = match &node.answer {
        Err(unreachable) => {
            out.extend(
                wrap(&unreachable.sentence, COLUMNS - INDENT.len()).into_iter().map(|line| format!("{INDENT}{line}")),
            );
            return out;
        }
        Ok(heard) => heard,
    };
    let mut known: Vec<&(&Check, Finding)> =
        heard.findings.iter().filter(|(_, finding)| finding.verdict != Verdict::Unsupported).collect();
    known.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.verdict));
    for (check, finding) in known {
        row(&mut out, check.name, finding.verdict, &says(check, finding), paint);
    }
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (check, finding) in heard.findings.iter().filter(|(_, finding)| finding.verdict == Verdict::Unsupported) {
        match reasons.iter_mut().find(|(reason, _)| *reason == finding.sentence) {
            Some((_, names)) => names.push(check.name),
            None => reasons.push((&finding.sentence, vec![check.name])),
        }
    }
    for (reason, names) in reasons {
        let (first, more) = names.split_first().unwrap_or((&"", &[]));
        let text = if more.is_empty() { reason.to_owned() } else { format!("and {}: {reason}", more.join(", ")) };
        row(&mut out, first, Verdict::Unsupported, &text, paint);
    }
    out
}

/// The sentence, with the limits where it does not say them itself.
fn says(check: &Check, finding: &Finding) -> String {
    let limits = check.limit.zip(finding.bounds).filter(|_| finding.verdict == Verdict::Ok);
    let Some((limit, bounds)) = limits else { return finding.sentence.clone() };
    let said = [("warn", bounds.warn), ("fail", bounds.fail)];
    let said: Vec<String> =
        said.into_iter().filter_map(|(word, bound)| Some(format!("{word} {}", range(limit, bound?)))).collect();
    match said.is_empty() {
        true => finding.sentence.clone(),
        false => format!("{} ({})", finding.sentence, said.join(", ")),
    }
}

fn row(out: &mut Vec<String>, check: &str, verdict: Verdict, text: &str, paint: Paint) {
    let width = COLUMNS - INDENT.len() * 3 - CHECK - VERDICT;
    for (number, line) in wrap(text, width).into_iter().enumerate() {
        let (check, word) =
            if number == 0 { (check, paint.verdict(verdict, VERDICT)) } else { ("", " ".repeat(VERDICT)) };
        out.push(format!("{INDENT}{check:CHECK$}{INDENT}{word}{INDENT}{line}").trim_end().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::view::samples::survey;

    #[test]
    fn all_checks_of_a_node() {
        let survey = survey();
        let text: Vec<String> = survey.nodes.iter().take(3).flat_map(|node| lines(node, Paint::Plain)).collect();
        assert!(text.iter().all(|line| line.chars().count() <= COLUMNS));
        insta::assert_snapshot!(text.join("\n"));
    }
}

//! Findings as text: one line each, and on a terminal the line of the file with carets under the culprit.

use std::fmt::Write as _;

use crate::finding::{Finding, Findings, Severity, Span};
use crate::quote::is_harmful;

/// How findings are shown. The default is plain lines, as for a log or an editor's error list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// The line of the file under each finding, with carets.
    pub excerpt: bool,
}

/// Characters of the file's line that an excerpt shows at most; longer lines are cut around the place.
const WIDTH: usize = 100;

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const CYAN: &str = "\x1b[36m";
const FAINT: &str = "\x1b[2m";

pub(crate) fn render(findings: &Findings, style: Style) -> String {
    let lines = if style.excerpt { split_lines(&findings.text) } else { Vec::new() };
    let mut out = String::new();
    for finding in &findings.items {
        head(&mut out, findings, finding, style);
        // What concerns the whole file points at no line.
        if finding.span != Span::START
            && !finding.secret
            && let Some(line) = lines.get(finding.span.line.saturating_sub(1))
        {
            excerpt(&mut out, line, finding, style, findings.severity);
        }
    }
    out
}

/// The text's lines as the YAML parser counts them: `\n`, `\r\n` and a lone `\r` each end one.
pub(crate) fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        lines.extend(line.strip_suffix('\r').unwrap_or(line).split('\r'));
    }
    lines
}

fn paint(style: Style, code: &str, text: &str) -> String {
    if style.color { format!("{code}{text}{RESET}") } else { text.to_owned() }
}

fn head(out: &mut String, findings: &Findings, finding: &Finding, style: Style) {
    let name: String = findings.name.chars().map(|c| if is_harmful(c) { '\u{FFFD}' } else { c }).collect();
    let place = format!("{name}:{}:{}:", finding.span.line, finding.span.column);
    out.push_str(&paint(style, BOLD, &place));
    if findings.severity == Severity::Note {
        out.push(' ');
        out.push_str(&paint(style, CYAN, "note:"));
    }
    if !finding.path.is_empty() {
        out.push(' ');
        out.push_str(&paint(style, BOLD, &format!("{}:", finding.path)));
    }
    let _ = writeln!(out, " {}", finding.message);
}

fn excerpt(out: &mut String, line: &str, finding: &Finding, style: Style, severity: Severity) {
    let column = finding.span.column.saturating_sub(1);
    // A long line is cut so that the place stands in the middle.
    let first = if column > WIDTH * 3 / 4 { column - WIDTH / 2 } else { 0 };
    // Exactly one visible character for one of the file, so that the carets stand where they belong.
    let shown: String = line
        .chars()
        .skip(first)
        .take(WIDTH)
        .map(|c| match c {
            '\t' => '→',
            c if is_harmful(c) => '\u{FFFD}',
            c => c,
        })
        .collect();
    let room = shown.chars().count().saturating_sub(column - first);
    let carets = "^".repeat(finding.span.length.min(room).max(1));
    let number = finding.span.line.to_string();
    let margin = " ".repeat(number.len());
    let bar = paint(style, FAINT, "|");
    let color = match severity {
        Severity::Error => RED,
        Severity::Note => CYAN,
    };
    let _ = writeln!(out, "  {} {bar} {}", paint(style, FAINT, &number), shown.trim_end());
    let _ = writeln!(out, "  {margin} {bar} {}{}", " ".repeat(column - first), paint(style, color, &carets));
}

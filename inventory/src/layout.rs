//! Tabs and control characters, before YAML sees them.
//!
//! YAML forbids tabs in the indentation only, and parsers answer with whatever comes out of the wrong depth. Tabs between
//! words are legal but look like the indentation that is not. So: no tab outside comments, and the sentence says so.

use crate::excerpt::split_lines;
use crate::finding::{Finding, Span};

/// What [`inspect`] found.
pub(crate) struct Layout {
    /// Tabs and control characters, at most one finding per line.
    pub findings: Vec<Finding>,
    /// Whether the depth of some line is unknown, so that a parse would only produce more noise.
    pub hopeless: bool,
}

pub(crate) fn inspect(text: &str) -> Layout {
    let mut layout = Layout { findings: Vec::new(), hopeless: false };
    for (index, line) in split_lines(text).into_iter().enumerate() {
        inspect_line(index + 1, line, &mut layout);
    }
    layout
}

fn inspect_line(number: usize, line: &str, layout: &mut Layout) {
    let place = |column: usize| Span { line: number, column: column + 1, length: 1 };
    if let Some((column, c)) = line.chars().enumerate().find(|(_, c)| c.is_control() && *c != '\t') {
        layout.hopeless = true;
        layout.findings.push(Finding::new(
            place(column),
            "",
            format!("the control character U+{:04X} does not belong into a text file", u32::from(c)),
        ));
        return;
    }
    let blank = |c: char| c == ' ' || c == '\t';
    if line.chars().all(blank) {
        return;
    }
    let mut indentation = true;
    let mut before = ' ';
    for (column, c) in line.chars().enumerate() {
        indentation &= blank(c);
        match c {
            '#' if blank(before) => return,
            '\t' if indentation => {
                layout.hopeless = true;
                layout.findings.push(Finding::new(
                    place(column),
                    "",
                    "a tab in the indentation: YAML takes spaces only",
                ));
                return;
            }
            '\t' => {
                layout.findings.push(Finding::new(
                    place(column),
                    "",
                    "a tab: write spaces (tabs may stand in comments only)",
                ));
                return;
            }
            _ => before = c,
        }
    }
}

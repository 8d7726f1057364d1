//! One thing that is wrong (or worth a note) in an inventory, and a list of them.

use std::fmt;
use std::sync::Arc;

use crate::excerpt::{self, Style};

/// Where something stands in the file. Lines and columns count from 1, columns in characters (not bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters on that line that belong to it; 0 where there is only a place (an empty value).
    pub length: usize,
}

impl Span {
    /// The first character of a file.
    pub const START: Span = Span { line: 1, column: 1, length: 0 };
}

/// One finding: place, path of keys, sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Place in the file: that of the value, or of the key where the key itself is wrong.
    pub span: Span,
    /// Keys from the top, `nodes.pi113.slots`; empty where the whole file is meant.
    pub path: String,
    /// What was expected and what is there, without place and path.
    pub message: String,
    /// Whether the line may hold a secret, so that it is not shown.
    pub secret: bool,
}

impl Finding {
    pub(crate) fn new(span: Span, path: impl Into<String>, message: impl Into<String>) -> Self {
        Finding { span, path: path.into(), message: message.into(), secret: false }
    }
}

/// How bad the findings of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used; the reader should know something.
    Note,
}

/// Findings of one file in the order of their places, with the text they point into.
#[derive(Debug, Clone)]
pub struct Findings {
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
    pub(crate) severity: Severity,
    pub(crate) items: Vec<Finding>,
}

impl Findings {
    /// Sorts by place. One wrong value behind an anchor is met once per alias: of findings with the same place and
    /// sentence the first is kept.
    pub(crate) fn new(name: &str, text: Arc<str>, severity: Severity, mut items: Vec<Finding>) -> Self {
        items.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        items.dedup_by(|b, a| a.span == b.span && a.message == b.message);
        Findings { name: name.to_owned(), text, severity, items }
    }

    /// The file's name as it was given.
    pub fn file(&self) -> &str {
        &self.name
    }

    /// Whether these are errors or notes.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The findings in the order of their places.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.items.iter()
    }

    /// The findings as text, one `file:line:column: path: message` each, with a newline after every line.
    /// `style` says whether the line of the file is shown under it with a caret, and whether colours are used.
    pub fn render(&self, style: Style) -> String {
        excerpt::render(self, style)
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Everything that is wrong with an inventory; never empty. Its `Display` is the plain list, one line each.
#[derive(Debug, Clone)]
pub struct InventoryErrors(pub(crate) Findings);

impl InventoryErrors {
    /// The errors in the order of their places.
    pub fn findings(&self) -> &Findings {
        &self.0
    }

    /// See [`Findings::render`].
    pub fn render(&self, style: Style) -> String {
        self.0.render(style)
    }
}

impl fmt::Display for InventoryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Style::default()).trim_end())
    }
}

impl std::error::Error for InventoryErrors {}

//! saphyr-parser's places and complaints in our words.

use saphyr_parser::{Marker, ScanError, Span as RawSpan};

use crate::finding::{Finding, Span};
use crate::quote;

/// Our span for the parser's, cut at the end of its first line.
pub(super) fn place(raw: &RawSpan) -> Span {
    let length = if raw.end.line() == raw.start.line() { raw.end.col().saturating_sub(raw.start.col()) } else { 1 };
    Span { length, ..mark(&raw.start) }
}

fn mark(marker: &Marker) -> Span {
    Span { line: marker.line(), column: marker.col() + 1, length: 0 }
}

/// The parser's complaint; the ones that people meet get a sentence that says what to do.
pub(super) fn syntax(error: &ScanError) -> Finding {
    let info = error.info();
    let message = if info.contains("unknown anchor") {
        "the alias names no anchor (`&name`) that stands before it".to_owned()
    } else if info.contains("mapping values are not allowed") {
        "a `:` is not possible here: is the line above indented differently, or does a text with `: ` need quotes?"
            .to_owned()
    } else if info.contains("did not find expected key") {
        "a key is expected here: keys of one mapping start in the same column".to_owned()
    } else if info.contains("flow mapping") {
        "a `,` or `}` is missing before this".to_owned()
    } else if info.contains("flow sequence") {
        "a `,` or `]` is missing before this".to_owned()
    } else if info.contains("quoted scalar") {
        "the text in quotes has no right end: is the second quote missing?".to_owned()
    } else if info.contains("unexpected character") {
        "no text can begin with this character: put it in quotes".to_owned()
    } else {
        format!("not YAML: {}", quote::plain(info))
    };
    Finding::new(mark(error.marker()), "", message)
}

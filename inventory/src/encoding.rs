//! Bytes to text: UTF-8, with or without its mark. Everything else is refused by its name, since "invalid UTF-8" alone
//! tells nobody what to do in an editor.

use crate::finding::{Finding, Span};

/// The text of the file without a byte order mark, or the one finding.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Finding> {
    if let Some(other) = other_unicode(bytes) {
        return Err(Finding::new(Span::START, "", format!("the file is {other}: save it as UTF-8")));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        Finding::new(
            place_after(&String::from_utf8_lossy(good)),
            "",
            format!(
                "the byte 0x{byte:02X} is not UTF-8 (is the file in Latin-1, or not text at all?): save it as UTF-8"
            ),
        )
    })
}

/// The name of the Unicode encoding other than UTF-8 that `bytes` starts as: by its mark, or by the zero bytes that
/// plain ASCII gets in it (no inventory starts with a zero character).
fn other_unicode(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [1..=0x7F, 0, 0, 0, ..] => Some("UTF-32 (little endian)"),
        [0, 0, 0xFE, 0xFF, ..] | [0, 0, 0, 1..=0x7F, ..] => Some("UTF-32 (big endian)"),
        [0xFF, 0xFE, ..] | [1..=0x7F, 0, 1..=0x7F, 0, ..] => Some("UTF-16 (little endian)"),
        [0xFE, 0xFF, ..] | [0, 1..=0x7F, 0, 1..=0x7F, ..] => Some("UTF-16 (big endian)"),
        _ => None,
    }
}

/// The place right after `text`.
fn place_after(text: &str) -> Span {
    let lines = crate::excerpt::split_lines(text);
    Span { line: lines.len(), column: lines.last().map_or(0, |last| last.chars().count()) + 1, length: 1 }
}

//! Other people's text inside our messages: made harmless for a terminal, and short.

/// Longest piece of a file that a message repeats, in characters.
const LONGEST: usize = 60;

/// Characters that a terminal acts upon, or that reorder the line for the eye (bidirectional controls).
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// `text` with harmful characters escaped and everything after 60 characters replaced by `...`.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push_str("...");
            break;
        }
        if is_harmful(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// [`plain`] between double quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text))
}

/// Appends `key` to a path: `nodes.pi113`; a key that itself has a dot or odd characters is put in quotes.
pub(crate) fn join(path: &str, key: &str) -> String {
    let simple = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '<' | '+'));
    let key = if simple { plain(key) } else { quoted(key) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

//! Other people's text in our sentences: made harmless for a terminal, and short.

/// `text` as one line of at most `most` characters, control characters and those that reorder a line left out.
pub fn one_line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        if count > 0 {
            out.push(' ');
            count += 1;
        }
        for c in word.chars().filter(|c| !is_harmful(*c)) {
            if count >= most {
                out.push_str("...");
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out
}

/// `text` line by line, harmless; the lines stay.
pub fn harmless(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || *c == '\t' || !is_harmful(*c)).collect()
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// `1 node`, `2 nodes`.
pub fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_harmless() {
        assert_eq!(one_line(" a\n\tb\x1b[31m \u{202e}c ", 80), "a b[31m c");
        assert_eq!(one_line("abcdef", 3), "abc...");
        assert_eq!(harmless("a\r\n\tb\x07"), "a\n\tb");
        assert_eq!((count(1, "node"), count(2, "node")), ("1 node".to_owned(), "2 nodes".to_owned()));
    }
}

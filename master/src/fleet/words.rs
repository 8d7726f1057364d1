//! An agent's own words, before they go into a sentence for people: a node may be hostile, and a terminal does what it is told.

use td_protocol::hello::{Hello, PovrayState};

/// Longest text of an agent that an error repeats, in characters.
const LONGEST: usize = 1000;

/// Made harmless for a terminal: one line, no control characters, not too long.
pub(crate) fn plain(text: &str) -> String {
    shortened(text, LONGEST)
}

/// As [`plain`], of so many characters at most.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    let mut out: String = text.trim().chars().take(longest).map(|c| if harmful(c) { ' ' } else { c }).collect();
    if text.trim().chars().count() > longest {
        out.push_str("...");
    }
    out
}

/// What POV-Ray printed there: its lines stay, for they are read again. So do characters that are not seen: a file's name may
/// have them, and the file has to be found.
pub(crate) fn lines(text: &str) -> String {
    // POV-Ray ends a line of its progress by a carriage return.
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\n' | '\r' => '\n',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

/// An agent's first answer, with plain words.
pub(crate) fn of_hello(mut hello: Hello) -> Hello {
    for text in [&mut hello.td, &mut hello.name] {
        *text = plain(text);
    }
    match &mut hello.povray {
        PovrayState::Ready { fingerprint, .. } => fingerprint.povray = plain(&fingerprint.povray),
        PovrayState::Unusable { message } => *message = plain(message),
    }
    hello
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_povray_printed_keeps_its_lines() {
        let printed =
            "Rendering line 1\rRendering line 2\r\nFile 'a\u{200C}b.inc' line 2:\u{1b}]0;x\u{7} \u{9b}2J\n  }";
        assert_eq!(lines(printed), "Rendering line 1\nRendering line 2\nFile 'a\u{200C}b.inc' line 2: ]0;x   2J\n  }");
    }
}

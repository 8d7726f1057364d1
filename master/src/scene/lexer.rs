//! The words of POV-Ray's scene description language.
//!
//! The lexer never fails: bytes that mean nothing are skipped, a comment or a string that is not closed runs to
//! the end of the file. POV-Ray itself will say what is wrong with such a scene; td only must not be misled by
//! what stands in comments and strings.

/// One token and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'a> {
    pub kind: TokenKind<'a>,
    /// 1-based line of its first byte.
    pub line: u32,
    /// Byte offset of its first byte.
    pub offset: usize,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TokenKind<'a> {
    /// A keyword or an identifier.
    Word(&'a str),
    /// `#include`, `#declare` ...: the word behind the `#`.
    Directive(&'a str),
    /// The bytes between the quotes, escapes as they stand in the text.
    Text(&'a [u8]),
    /// A literal number (no sign).
    Number(f64),
    /// Any other printable ASCII character.
    Punct(u8),
}

/// Reads tokens from bytes.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Lexer<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1 }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn bump(&mut self) {
        if self.peek(0) == Some(b'\n') {
            self.line = self.line.saturating_add(1);
        }
        self.at += 1;
    }

    /// Skips spaces, comments and bytes that mean nothing.
    fn skip_blank(&mut self) {
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'/')) => {
                    while self.peek(0).is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                }
                (b'/', Some(b'*')) => self.skip_block_comment(),
                _ if byte.is_ascii_graphic() => return,
                _ => self.bump(),
            }
        }
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.bump(),
            }
        }
    }

    fn slice(&self, from: usize) -> &'a [u8] {
        self.bytes.get(from..self.at.min(self.bytes.len())).unwrap_or_default()
    }

    fn word(&mut self) -> &'a str {
        let from = self.at;
        while self.peek(0).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        std::str::from_utf8(self.slice(from)).unwrap_or_default()
    }

    fn text(&mut self) -> &'a [u8] {
        self.bump();
        let from = self.at;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    let inside = self.slice(from);
                    self.at += 1;
                    return inside;
                }
                b'\\' => {
                    self.bump();
                    if self.peek(0).is_some() {
                        self.bump();
                    }
                }
                _ => self.bump(),
            }
        }
        self.slice(from)
    }

    fn digits(&mut self) {
        while self.peek(0).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> f64 {
        let from = self.at;
        self.digits();
        if self.peek(0) == Some(b'.') {
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if self.peek(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1 + sign;
                self.digits();
            }
        }
        std::str::from_utf8(self.slice(from)).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let (offset, line) = (self.at, self.line);
        let byte = self.peek(0)?;
        let kind = match byte {
            b'"' => TokenKind::Text(self.text()),
            b'#' => {
                self.at += 1;
                while matches!(self.peek(0), Some(b' ' | b'\t')) {
                    self.at += 1;
                }
                TokenKind::Directive(self.word())
            }
            b'.' if self.peek(1).is_some_and(|b| b.is_ascii_digit()) => TokenKind::Number(self.number()),
            _ if byte.is_ascii_digit() => TokenKind::Number(self.number()),
            _ if byte.is_ascii_alphabetic() || byte == b'_' => TokenKind::Word(self.word()),
            _ => {
                self.at += 1;
                TokenKind::Punct(byte)
            }
        };
        Some(Token { kind, line, offset })
    }
}

/// A string literal as POV-Ray's string functions see it, with `\"`, `\\` and the like replaced.
#[must_use]
pub fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(other) => out.push(other),
            None => out.push(b'\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind<'_>> {
        Lexer::new(text.as_bytes()).map(|token| token.kind).collect()
    }

    #[test]
    fn comments_nest_and_strings_hide_them() {
        let tokens = kinds("a /* x /* y */ crand */ b // crand\n\"/* no \\\" comment\" c");
        assert_eq!(
            tokens,
            [TokenKind::Word("a"), TokenKind::Word("b"), TokenKind::Text(b"/* no \\\" comment"), TokenKind::Word("c")]
        );
    }

    #[test]
    fn directives_numbers_and_lines() {
        let tokens: Vec<_> = Lexer::new(b"#version 3.7;\n# declare A=.5e-1*2;").collect();
        assert_eq!(tokens[0].kind, TokenKind::Directive("version"));
        assert_eq!(tokens[1].kind, TokenKind::Number(3.7));
        assert_eq!(tokens[3].kind, TokenKind::Directive("declare"));
        assert_eq!(tokens[3].line, 2);
        assert_eq!(tokens[6].kind, TokenKind::Number(0.05));
    }

    #[test]
    fn unterminated_things_end_with_the_file() {
        assert_eq!(kinds("\"abc"), [TokenKind::Text(b"abc")]);
        assert_eq!(kinds("\"abc\\"), [TokenKind::Text(b"abc\\")]);
        assert!(kinds("/* abc /* */").is_empty());
        assert!(kinds("\u{feff}").is_empty());
    }

    proptest! {
        #[test]
        fn never_panics_and_moves_on(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut last = None;
            for token in Lexer::new(&bytes) {
                prop_assert!(Some(token.offset) > last);
                prop_assert!(token.offset < bytes.len());
                last = Some(token.offset);
                if let TokenKind::Text(raw) = token.kind {
                    let _ = unescape(raw);
                }
            }
        }

        #[test]
        fn never_panics_on_what_looks_like_a_scene(text in "([\"#/*.{}e0-9a\\\\ \n-]|include|/\\*|\\*/){0,80}") {
            let lines = text.bytes().filter(|b| *b == b'\n').count() + 1;
            for token in Lexer::new(text.as_bytes()) {
                prop_assert!(token.line as usize <= lines);
            }
        }
    }
}

//! POV-Ray's ini files, read by POV-Ray's rules.
//!
//! - `;` and `#` begin a comment; values may be in quotes of either kind; a value with blanks and no quotes goes to the
//!   end of its line.
//! - One `NAME=VALUE` a line (what follows it is not read), but any number of switches, scenes and ini files.
//! - `Library_Path=a, b` gives two values.
//! - `[name]` begins a section. Settings before the first section always count; those of a section only if it was
//!   asked for, as `file.ini[name]`.

use crate::options::tokens::{Token, is_space};

/// A token and its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub token: Token,
    pub line: u32,
}

/// What an ini file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub tokens: Vec<Placed>,
    /// The sections it has, for a message when the one asked for is not there.
    pub sections: Vec<String>,
    /// Parts of lines that POV-Ray does not read.
    pub unread: Vec<(u32, String)>,
}

/// Splits `file.ini[section]`. As in POV-Ray, a bracket that is not closed makes it no name at all.
#[must_use]
pub fn split_section(name: &str) -> Option<(&str, Option<&str>)> {
    match name.split_once('[') {
        None => Some((name, None)),
        Some((file, section)) => section.split_once(']').map(|(section, _)| (file, Some(section))),
    }
}

/// Reads a whole file. `is_name` says which names POV-Ray knows; `is_command` those whose value is a shell command.
#[must_use]
pub fn read(text: &str, section: Option<&str>, is_name: fn(&str) -> bool, is_command: fn(&str) -> bool) -> Contents {
    let characters: Vec<char> = text.trim_start_matches('\u{feff}').chars().collect();
    let mut reader = Reader { characters, at: 0, line: 1, is_name, is_command, contents: Contents::default() };
    reader.file(section);
    reader.contents
}

struct Reader {
    characters: Vec<char>,
    at: usize,
    line: u32,
    is_name: fn(&str) -> bool,
    is_command: fn(&str) -> bool,
    contents: Contents,
}

impl Reader {
    fn file(&mut self, wanted: Option<&str>) {
        let mut counts = true;
        loop {
            self.skip(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            let Some(first) = self.peek() else { return };
            match first {
                '[' => {
                    self.step();
                    let name = self.take(|c| c != ']');
                    self.step();
                    counts = wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case(&name));
                    self.contents.sections.push(name);
                }
                _ if !counts => self.skip_line(),
                ';' | '#' => self.skip_line(),
                '+' | '-' => self.switch(first == '+'),
                '"' | '\'' => {
                    self.step();
                    let name = self.quoted(first);
                    self.push(Token::Name(name));
                }
                _ => self.setting_or_name(),
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn step(&mut self) {
        if self.peek() == Some('\n') || (self.peek() == Some('\r') && self.characters.get(self.at + 1) != Some(&'\n')) {
            self.line += 1;
        }
        self.at += 1;
    }

    fn skip(&mut self, while_is: fn(char) -> bool) {
        while self.peek().is_some_and(while_is) {
            self.step();
        }
    }

    fn take(&mut self, while_is: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|&c| while_is(c)) {
            taken.push(c);
            self.step();
        }
        taken
    }

    fn skip_line(&mut self) {
        self.skip(|c| !ends_line(c));
    }

    fn skip_blanks(&mut self) {
        self.skip(is_blank);
    }

    fn push(&mut self, token: Token) {
        self.push_at(token, self.line);
    }

    fn push_at(&mut self, token: Token, line: u32) {
        self.contents.tokens.push(Placed { token, line });
    }

    /// Up to the closing quote, which is taken, too; it may be lines away.
    fn quoted(&mut self, quote: char) -> String {
        let inside = self.take(|c| c != quote);
        self.step();
        inside
    }

    fn opening_quote(&mut self) -> Option<char> {
        let quote = self.peek().filter(|&c| matches!(c, '"' | '\''))?;
        self.step();
        Some(quote)
    }

    fn switch(&mut self, on: bool) {
        let line = self.line;
        self.step();
        let text = self.take(|c| !ends_key(c));
        let quoted = self.opening_quote().map(|quote| self.quoted(quote));
        self.push_at(Token::Switch { on, text, quoted }, line);
    }

    fn setting_or_name(&mut self) {
        let (start, line) = (self.at, self.line);
        let name = self.take(|c| !ends_key(c));
        if (self.is_name)(&name) {
            self.skip_blanks();
            if self.peek() == Some('=') {
                self.step();
                self.values(&name);
                return;
            }
        }
        (self.at, self.line) = (start, line);
        let mut word = self.unquoted();
        if word.is_empty() {
            // A stray comma or bracket: POV-Ray stops here.
            word = self.take(|c| !ends_line(c));
        } else if !word.contains('=') {
            return self.push_at(Token::Name(word), line);
        }
        self.push_at(Token::Strange(word), line);
        self.skip_line();
    }

    fn values(&mut self, name: &str) {
        loop {
            self.skip_blanks();
            let line = self.line;
            let value = if (self.is_command)(name) {
                self.command()
            } else if let Some(quote) = self.opening_quote() {
                self.quoted(quote)
            } else {
                self.unquoted()
            };
            self.push_at(Token::Setting { name: name.to_owned(), value }, line);
            self.skip_blanks();
            if self.peek() != Some(',') {
                break;
            }
            self.step();
        }
        let line = self.line;
        let unread = self.take(|c| !ends_line(c));
        if !unread.is_empty() && !unread.starts_with([';', '#']) {
            self.contents.unread.push((line, unread.trim_end().to_owned()));
        }
    }

    /// A word; or, when a blank in it is not followed by a comment, a comma, a switch or the line's end, all up to that end.
    fn unquoted(&mut self) -> String {
        let mut word = self.take(|c| !ends_value(c));
        if self.peek().is_some_and(is_blank) && !word.is_empty() && self.goes_on_behind_blank() {
            word += &self.take(|c| !ends_line(c) && !matches!(c, ';' | '#'));
        }
        word.truncate(word.trim_end().len());
        word
    }

    fn goes_on_behind_blank(&self) -> bool {
        let mut ahead = self.characters.get(self.at..).unwrap_or(&[]).iter().copied().skip_while(|&c| is_blank(c));
        match ahead.next() {
            None | Some(';' | '#' | ',') => false,
            Some('+' | '-') => !ahead.next().is_some_and(|c| c.is_ascii_alphabetic()),
            Some(c) => !ends_line(c),
        }
    }

    fn command(&mut self) -> String {
        let mut open: Option<char> = None;
        let mut command = String::new();
        while let Some(c) = self.peek().filter(|&c| !ends_line(c)) {
            match open {
                None if matches!(c, ';' | '#') => break,
                None if matches!(c, '"' | '\'') => open = Some(c),
                Some(quote) if quote == c => open = None,
                _ => {}
            }
            command.push(c);
            self.step();
        }
        command.trim_end().to_owned()
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

fn ends_value(c: char) -> bool {
    is_space(c) || matches!(c, ',' | ';' | '#' | '"' | '\'')
}

fn ends_key(c: char) -> bool {
    ends_value(c) || matches!(c, '[' | ']' | '=')
}

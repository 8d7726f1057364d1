//! One argument of the command line, cut as POV-Ray cuts it.
//!
//! POV-Ray reads each argument as a small command line of its own: `"+W320 +H240"` is two switches, quotes may be
//! nested in the shell's (`+I"my scene.pov"`), and `;`, `#`, brackets and blanks end a switch.

/// One thing said, on the command line or in an ini file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `+W320`: the sign, and what is behind it; `quoted` is a value in quotes right behind that.
    Switch { on: bool, text: String, quoted: Option<String> },
    /// `Width=320`.
    Setting { name: String, value: String },
    /// A scene, an ini file, or a folder.
    Name(String),
    /// Neither: a name with `=` that POV-Ray does not know, a stray character.
    Strange(String),
}

impl Token {
    /// As it was typed, for messages.
    #[must_use]
    pub fn spelled(&self) -> String {
        match self {
            Self::Switch { on, text, quoted } => {
                let sign = if *on { '+' } else { '-' };
                match quoted {
                    Some(quoted) => format!("{sign}{text}\"{quoted}\""),
                    None => format!("{sign}{text}"),
                }
            }
            Self::Setting { name, value } => format!("{name}={value}"),
            Self::Name(name) | Self::Strange(name) => name.clone(),
        }
    }
}

/// Cuts one argument. `is_name` says which names POV-Ray knows for `NAME=VALUE`.
#[must_use]
pub fn of_argument(argument: &str, is_name: fn(&str) -> bool) -> Vec<Token> {
    if is_file_name(argument, is_name) {
        return vec![Token::Name(argument.to_owned())];
    }
    let mut rest = argument.trim_start_matches([' ', '\t']);
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, behind) = match first {
            '"' | '\'' => quoted_name(rest, first),
            '+' | '-' => switch(rest, first == '+'),
            _ => setting(rest, is_name).unwrap_or_else(|| plain(rest)),
        };
        tokens.push(token);
        rest = behind.trim_start_matches([' ', '\t']);
    }
    tokens
}

/// A shell has already taken the quotes off `td render "my scene.pov"`, so such an argument is one name, although
/// POV-Ray would cut it at the blank. Names that begin with a path may hold `=`, too.
fn is_file_name(argument: &str, is_name: fn(&str) -> bool) -> bool {
    match argument.chars().next() {
        None | Some('+' | '-' | '"' | '\'' | ';' | '#' | ' ' | '\t') => false,
        Some('.' | '/') => true,
        Some(_) => match argument.split_once('=') {
            Some((head, _)) => head.contains('/') && !is_name(head),
            None => true,
        },
    }
}

fn ends_word(c: char) -> bool {
    is_space(c) || matches!(c, ';' | '#' | '"' | '\'')
}

fn ends_key(c: char) -> bool {
    ends_word(c) || matches!(c, '[' | ']' | '=')
}

/// C's `isspace`.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

fn cut(text: &str, ends: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// What is between quotes, and what is behind the closing one; the end of the text closes them, too.
fn between(text: &str, quote: char) -> (String, &str) {
    match text.split_once(quote) {
        Some((inside, behind)) => (inside.to_owned(), behind),
        None => (text.to_owned(), ""),
    }
}

fn opening_quote(text: &str) -> Option<(char, &str)> {
    ['"', '\''].into_iter().find_map(|quote| Some((quote, text.strip_prefix(quote)?)))
}

fn quoted_name(text: &str, quote: char) -> (Token, &str) {
    let (name, behind) = between(text.get(1..).unwrap_or(""), quote);
    (Token::Name(name), behind)
}

fn switch(text: &str, on: bool) -> (Token, &str) {
    let (key, behind) = cut(text.get(1..).unwrap_or(""), ends_key);
    let (quoted, behind) = match opening_quote(behind) {
        Some((quote, inside)) => {
            let (value, behind) = between(inside, quote);
            (Some(value), behind)
        }
        None => (None, behind),
    };
    (Token::Switch { on, text: key.to_owned(), quoted }, behind)
}

fn setting(text: &str, is_name: fn(&str) -> bool) -> Option<(Token, &str)> {
    let (name, behind) = cut(text, ends_key);
    let behind = behind.strip_prefix('=').filter(|_| is_name(name))?;
    let (value, behind) = match opening_quote(behind) {
        Some((quote, inside)) => between(inside, quote),
        None => {
            let (value, behind) = cut(behind, ends_word);
            (value.to_owned(), behind)
        }
    };
    Some((Token::Setting { name: name.to_owned(), value }, behind))
}

fn plain(text: &str) -> (Token, &str) {
    let (word, behind) = cut(text, ends_word);
    if word.is_empty() {
        // A stray `;` or `#`: POV-Ray stops here.
        return (Token::Strange(text.to_owned()), "");
    }
    let token = if word.contains('=') { Token::Strange(word.to_owned()) } else { Token::Name(word.to_owned()) };
    (token, behind)
}

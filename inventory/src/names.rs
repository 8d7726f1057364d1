//! The kinds of text in an inventory: what each must look like, for the reader (a sentence) and for editors (a pattern).

use crate::address::Address;
use crate::jump::{Jump, host_and_port};

/// A kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// The cluster's name or a group: one word.
    Label,
    /// A node's name, which becomes its host name.
    HostName,
    /// An [`Address`].
    Address,
    /// A login name.
    User,
    /// An absolute path of a folder.
    Folder,
    /// A file of the master: absolute, or below `~/`.
    File,
    /// Machines on the way to a node, as ssh's ProxyJump, or `none`.
    Jump,
    /// A Debian package.
    Package,
    /// An apt proxy, or `none`.
    Proxy,
    /// An environment variable.
    Variable,
    /// A command line for `sh`.
    Command,
}

/// Longest name that Linux takes as a host name (HOST_NAME_MAX).
const HOST_NAME_MAX: usize = 64;

const HOST_PATTERN: &str = "(?!([^.]*\\.)*[0-9]+$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\
                            (\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*";

impl Text {
    /// Why `text` is not of this kind, as it follows the key: `must be ..., is ...` without the "is".
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Text::Label => label(text),
            Text::HostName => host_name(text).map_err(|why| format!("must be a host name: {why}")),
            Text::Address => {
                text.parse::<Address>().map(drop).map_err(|why| format!("must be an IP address or a host name: {why}"))
            }
            Text::User => user(text),
            Text::Folder => folder(text),
            Text::File => file(text),
            Text::Jump => jump(text),
            Text::Package => package(text),
            Text::Proxy => proxy(text),
            Text::Variable => variable(text),
            Text::Command if text.trim().is_empty() => Err("must be a command for sh: it is empty".to_owned()),
            Text::Command => Ok(()),
        }
    }

    /// Several of this kind, as in "a list of words".
    pub(crate) fn several(self) -> &'static str {
        match self {
            Text::Package => "Debian packages",
            _ => "words",
        }
    }

    /// What is expected, as it follows "must be".
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Text::Label => "a word",
            Text::HostName => "a host name",
            Text::Address => "an IP address or a host name",
            Text::User => "a login name",
            Text::Folder => "an absolute path",
            Text::File => "a path (absolute, or below `~/`)",
            Text::Jump => "`[user@]host[:port]`, several with commas, or `none`",
            Text::Package => "a Debian package",
            Text::Proxy => "`http://host:port`, or `none`",
            Text::Variable => "a variable's name",
            Text::Command => "a command for sh",
        }
    }

    /// A regular expression (ECMA 262) for editors. It takes all that [`Text::check`] takes, and a little more.
    pub(crate) fn pattern(self) -> String {
        match self {
            Text::Label => "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$".to_owned(),
            Text::HostName => format!("^{HOST_PATTERN}$"),
            Text::Address => {
                format!("^({HOST_PATTERN}|[0-9]+(\\.[0-9]+){{3}}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$")
            }
            Text::User => "^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$".to_owned(),
            Text::Folder => "^(/[A-Za-z0-9._+@-]+)+$".to_owned(),
            Text::File => "^(~/.|/.).*$".to_owned(),
            Text::Jump => "^[A-Za-z0-9._@:,\\[\\]-]+$".to_owned(),
            Text::Package => "^[a-z0-9][a-z0-9+.-]{1,}$".to_owned(),
            Text::Proxy => "^(none|https?://[A-Za-z0-9.:\\[\\]-]+/?)$".to_owned(),
            Text::Variable => "^[A-Za-z_][A-Za-z0-9_]*$".to_owned(),
            Text::Command => "\\S".to_owned(),
        }
    }
}

fn label(text: &str) -> Result<(), String> {
    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if first && text.len() <= 63 && text.chars().all(is_word) {
        Ok(())
    } else {
        Err("must be a word of 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit first".to_owned())
    }
}

fn user(text: &str) -> Result<(), String> {
    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if first && text.len() <= 32 && text.chars().all(is_word) {
        Ok(())
    } else {
        Err("must be a login name: 1 to 32 letters, digits, `-`, `_` and `.`, no `-` or `.` first".to_owned())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Why `text` is no host name (RFC 1123, and short enough for Linux); not a name that reads as an address either.
pub(crate) fn host_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > HOST_NAME_MAX {
        return Err(format!("Linux takes at most {HOST_NAME_MAX} characters"));
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.')) {
        let odd = crate::quote::plain(&odd.to_string());
        return Err(format!("`{odd}` is not possible, only letters a to z, digits, `-` and `.`"));
    }
    let mut last = "";
    for part in text.split('.') {
        if part.is_empty() || part.len() > 63 {
            return Err("between dots stand 1 to 63 characters".to_owned());
        }
        if part.starts_with('-') || part.ends_with('-') {
            return Err("no part begins or ends with `-`".to_owned());
        }
        last = part;
    }
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err("digits alone (after the last dot) read as an address".to_owned());
    }
    Ok(())
}

/// Folders go into /etc/exports, /etc/fstab and unit files, each with its own quoting: so no character that needs any.
fn folder(text: &str) -> Result<(), String> {
    let fail = |why: &str| Err(format!("must be an absolute path: {why}"));
    let Some(rest) = text.strip_prefix('/') else {
        return fail("it does not begin with `/`");
    };
    if rest.is_empty() {
        return fail("not `/` itself");
    }
    if text.len() > 255 {
        return fail("at most 255 characters");
    }
    if let Some(odd) =
        text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '/' | '.' | '_' | '+' | '@' | '-'))
    {
        let odd = crate::quote::plain(&odd.to_string());
        return fail(&format!("`{odd}` would need quotes in /etc/fstab and /etc/exports"));
    }
    match rest.split('/').find(|part| matches!(*part, "" | "." | "..")) {
        Some("") => fail("no `//`, and no `/` at the end"),
        Some(_) => fail("without `.` and `..`"),
        None => Ok(()),
    }
}

fn file(text: &str) -> Result<(), String> {
    let below = text.strip_prefix("~/").or_else(|| text.strip_prefix('/'));
    match below {
        None => Err("must be a path: absolute, or below `~/`".to_owned()),
        Some("") => Err("must be a path of a file: it names a folder".to_owned()),
        Some(_) => Ok(()),
    }
}

/// As ssh's ProxyJump: the way to a node, one machine after the other.
fn jump(text: &str) -> Result<(), String> {
    match text.parse::<Jump>() {
        Ok(_) => Ok(()),
        Err(why) => Err(format!("must be `[user@]host[:port]`, several with commas, or `none`: {why}")),
    }
}

/// Debian policy 5.6.1.
fn package(text: &str) -> Result<(), String> {
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.len() >= 2 && text.starts_with(small) && text.chars().all(|c| small(c) || matches!(c, '+' | '-' | '.')) {
        Ok(())
    } else {
        Err("must be a Debian package: letters a to z, digits, `+`, `-` and `.`, two at least".to_owned())
    }
}

/// Goes into apt's configuration between double quotes, and into no shell.
fn proxy(text: &str) -> Result<(), String> {
    if text == "none" {
        return Ok(());
    }
    let fail = |why: &str| Err(format!("must be `http://host:port`, or `none`: {why}"));
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        return fail("it begins with neither `http://` nor `https://`");
    };
    if rest.contains('@') {
        return fail("no user and no password here (the file would hold a secret)");
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match host_and_port(rest) {
        Ok((_, Some(_))) => Ok(()),
        Ok((_, None)) => fail("the port is missing"),
        Err(why) => fail(&why),
    }
}

fn variable(text: &str) -> Result<(), String> {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(())
    } else {
        Err("must be a variable's name: letters, digits and `_`, no digit first, without `$`".to_owned())
    }
}

//! Everything that POV-Ray 3.7 can be told, as data: names, switches, values, and what td does with each.
//!
//! Nothing that is not in this table reaches POV-Ray. The rows are those of POV-Ray 3.7's own two tables (111 names
//! for ini files, 82 forms of switches); a test counts them. `docs/switches.md` is made from it.

mod picture;
mod rest;
mod setting;

pub use setting::Setting;

/// One setting.
#[derive(Debug)]
pub struct Row {
    pub setting: Setting,
    /// Names for `NAME=VALUE` and ini files, the usual one first.
    pub names: &'static [&'static str],
    pub switches: &'static [Switch],
    pub kind: Kind,
    pub does: Does,
    /// For the documentation: what it is, or what becomes of it.
    pub about: &'static str,
}

/// One form of a switch: `+A0<number>` and plain `+A` are two.
#[derive(Debug)]
pub struct Switch {
    /// In capitals; POV-Ray takes either case.
    pub letters: &'static str,
    pub takes_value: bool,
    /// A second setting that the sign, `+` or `-`, turns on or off.
    pub toggles: Option<Setting>,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    OnOff,
    Whole {
        least: i64,
        most: i64,
        beyond: Beyond,
    },
    Number {
        least: f64,
        most: f64,
        beyond: Beyond,
    },
    /// A number above 0, or `sRGB`.
    Gamma,
    /// `N`, `N16`, `Ng`, `J`...
    FileType,
    /// `B2`, `B3`, `B4`, `D1`, `D2`, `FS`.
    DitherMethod,
    Text,
    /// `name=value`, may be given several times.
    Declaration,
    /// A folder, may be given several times.
    Folder,
    /// Another ini file, read at once.
    IniFile,
}

/// What POV-Ray does with a value above the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// Takes the largest instead; td does the same, and says so.
    Clipped,
    Refused,
}

/// What td does with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// POV-Ray gets it; this is its default without any ini file (empty: not set).
    Passes { default: &'static str },
    /// td does this itself, for the whole picture.
    Handles { default: &'static str },
    /// Without effect on the picture: left out, without a word.
    Ignores,
    /// Left out; who typed it is told this.
    Notes(&'static str),
    /// The job is refused, unless it is off or empty.
    Refuses { why: &'static str, instead: &'static str },
}

/// The whole table.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    picture::ROWS.iter().chain(rest::ROWS)
}

/// The row of a setting.
#[must_use]
pub fn row(setting: Setting) -> Option<&'static Row> {
    rows().find(|row| row.setting == setting)
}

/// The row with this name in `NAME=VALUE`, in any case.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The switch that POV-Ray finds in `text` (without its sign), and the value behind its letters.
///
/// POV-Ray takes the first form in its table whose letters match and that wants a value exactly if there is one;
/// its table has longer forms first, so that is the longest.
#[must_use]
pub fn by_switch<'a>(text: &'a str, quoted: Option<&'a str>) -> Option<(&'static Row, &'static Switch, &'a str)> {
    let mut found: Option<(&'static Row, &'static Switch, &'a str)> = None;
    for row in rows() {
        for switch in row.switches {
            let Some(value) = value_behind(text, quoted, switch.letters) else {
                continue;
            };
            let longer = found.is_none_or(|(_, known, _)| switch.letters.len() > known.letters.len());
            if switch.takes_value != value.is_empty() && longer {
                found = Some((row, switch, value));
            }
        }
    }
    found
}

fn value_behind<'a>(text: &'a str, quoted: Option<&'a str>, letters: &str) -> Option<&'a str> {
    let head = text.get(..letters.len())?;
    let tail = text.get(letters.len()..)?;
    if !head.eq_ignore_ascii_case(letters) {
        return None;
    }
    match quoted {
        None => Some(tail),
        Some(quoted) if tail.is_empty() => Some(quoted),
        Some(_) => None,
    }
}

const fn plain(letters: &'static str) -> Switch {
    Switch { letters, takes_value: false, toggles: None }
}

const fn with_value(letters: &'static str) -> Switch {
    Switch { letters, takes_value: true, toggles: None }
}

const fn toggling(letters: &'static str, toggles: Setting) -> Switch {
    Switch { letters, takes_value: true, toggles: Some(toggles) }
}

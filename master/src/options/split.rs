//! Which of `td render`'s arguments are td's own, and which are POV-Ray's.
//!
//! td's are everything with two dashes, and the exact, lower-case `-i FILE`, `-o FILE`, `-q`, `-v`, `-h`. All else is
//! read as POV-Ray would: `-v` asks td to say more, `-V` and `-v0` are POV-Ray's; `-o x.png` is td's, `-ox.png`
//! POV-Ray's (and names the same file).

use std::ffi::{OsStr, OsString};

/// The two halves, each in the order in which it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// For clap.
    pub own: Vec<OsString>,
    /// For [`super::Settings::from_args`]: switches, settings, and the scene.
    pub povray: Vec<OsString>,
}

/// Splits the arguments of `td render` (without `td` and `render`). `long_with_value` names td's long options that take
/// a value (`"assets"` for `--assets DIR`), so that the value is not taken for a scene.
pub fn split<I>(arguments: I, long_with_value: &[&str]) -> Split
where
    I: IntoIterator<Item = OsString>,
{
    let mut parts = Split::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match reach(&argument, long_with_value) {
            Reach::Alone => parts.own.push(argument),
            Reach::WithNext => {
                parts.own.push(argument);
                parts.own.extend(arguments.next());
            }
            Reach::PovRays => parts.povray.push(argument),
            Reach::Rest => parts.povray.extend(arguments.by_ref()),
        }
    }
    parts
}

enum Reach {
    Alone,
    WithNext,
    PovRays,
    /// `--`: all that follows is POV-Ray's.
    Rest,
}

fn reach(argument: &OsStr, long_with_value: &[&str]) -> Reach {
    // Only the beginning matters, and td's own options are ASCII.
    match argument.to_string_lossy().as_ref() {
        "--" => Reach::Rest,
        "-i" | "-o" => Reach::WithNext,
        "-q" | "-v" | "-h" => Reach::Alone,
        text => match text.strip_prefix("--") {
            Some(name) if long_with_value.contains(&name) => Reach::WithNext,
            Some(_) => Reach::Alone,
            None => Reach::PovRays,
        },
    }
}

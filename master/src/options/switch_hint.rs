//! What to say about a switch or a name that POV-Ray does not have.

use crate::options::error::Problem;
use crate::options::suggest;
use crate::options::table::{self, Kind, Row, Switch};

/// Why `text`, behind its sign, is no switch.
pub fn problem(on: bool, text: &str, quoted: bool) -> Problem {
    let sign = if on { '+' } else { '-' };
    let forms = || table::rows().flat_map(|row| row.switches.iter().map(move |switch| (row, switch)));
    let exact = forms().find(|(_, switch)| switch.takes_value && switch.letters.eq_ignore_ascii_case(text));
    if let Some((row, switch)) = exact {
        return Problem::NeedsValue(format!("+{}{}", switch.letters, example(row, switch)));
    }
    // +A.3 and +A1 are the common slips.
    let threshold =
        text.strip_prefix(['A', 'a']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'));
    if threshold {
        return Problem::Threshold;
    }
    let begins = |switch: &Switch| {
        text.get(..switch.letters.len()).is_some_and(|head| head.eq_ignore_ascii_case(switch.letters))
    };
    let plain = forms()
        .filter(|(_, switch)| !switch.takes_value && begins(switch))
        .max_by_key(|(_, switch)| switch.letters.len());
    match plain {
        Some((_, switch)) if quoted || text.len() <= switch.letters.len() + 4 => {
            Problem::TakesNoValue(format!("{sign}{}", switch.letters))
        }
        _ => Problem::UnknownSwitch(None),
    }
}

/// The known name nearest to what was typed.
pub fn nearest_name(typed: &str) -> Option<String> {
    suggest::nearest(typed, table::rows().flat_map(|row| row.names.iter().copied())).map(str::to_owned)
}

/// Words that the povray program takes before it reads switches: `-help` is not a height.
pub fn programs_own(on: bool, text: &str) -> Option<Problem> {
    let sentence = match text {
        _ if on => return None,
        "help" | "?" => "write td render --help",
        "version" => "write td --version",
        "benchmark" => "write td bench",
        _ => return None,
    };
    Some(Problem::Povs(sentence))
}

fn example(row: &Row, switch: &Switch) -> &'static str {
    match row.kind {
        _ if switch.letters == "A0" => ".3",
        Kind::Whole { most, .. } if most > 1000 => "320",
        Kind::Whole { .. } => "2",
        Kind::Number { .. } => "0.5",
        Kind::FileType => "N16",
        Kind::DitherMethod => "FS",
        _ => "NAME",
    }
}

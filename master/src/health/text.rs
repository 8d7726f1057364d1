//! Numbers and words for people.

use crate::fleet::words::shortened;

/// Longest text of a node that is repeated, in characters.
const LONGEST: usize = 160;

/// A node's own words, made harmless for a terminal: one line, no control characters, not too long.
pub(super) fn plain(text: &str) -> String {
    shortened(text, LONGEST)
}

/// The first few of a node's words, with commas.
pub(super) fn several(words: &[String]) -> String {
    const FEW: usize = 3;
    let mut out: Vec<String> = words.iter().take(FEW).map(|word| plain(word)).collect();
    if words.len() > FEW {
        out.push(format!("{} more", words.len() - FEW));
    }
    out.join(", ")
}

/// With as many digits as tell something: `0.042`, `7.3`, `512`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 || size == size.trunc() && size < 1e9 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.1}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Bytes as MB or GB (of a thousand each, as disks are sold).
pub(super) fn bytes(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    if mb >= 10_000.0 { format!("{:.0} GB", mb / 1e3) } else { format!("{} MB", number(mb.round())) }
}

/// Seconds as `42 s`, `12 min`, `5.3 h`, `3.1 days`.
pub(super) fn span(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{} s", number(s)),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

/// How much `part` is of `whole`, in percent; `None` where there is nothing to be a part of.
pub(super) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            ["0", "0.042", "7.3", "12", "512"],
            [0.0, 0.042, 7.31, 12.0, 511.7].map(number).each_ref().map(|s| s.as_str())
        );
        assert_eq!(span(5.0), "5 s");
        assert_eq!(span(7200.0), "2.0 h");
        assert_eq!(bytes(76_800_000), "77 MB");
        assert_eq!(percent(1, 0), None);
    }

    #[test]
    fn a_nodes_words_cannot_reach_the_terminal() {
        assert_eq!(plain("\u{1b}[31mred\nline"), " [31mred line");
        assert!(plain(&"x".repeat(1000)).len() < 200);
    }
}

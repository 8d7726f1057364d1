//! Names in a row as one: `pi111-pi118`.

/// The names in their order, each run of successive numbers behind one stem as `first-last`.
pub(super) fn fold(names: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut rest = names;
    while let Some((first, more)) = rest.split_first() {
        let mut last = *first;
        let mut length = 0;
        for next in more {
            if !follows(last, next) {
                break;
            }
            last = next;
            length += 1;
        }
        // Two beside each other are as short with a comma.
        let run = if length >= 2 { length } else { 0 };
        out.push(if run > 0 { format!("{first}-{last}") } else { (*first).to_owned() });
        rest = more.get(run..).unwrap_or_default();
    }
    out
}

/// Whether `next` is `name` with the next number at its end.
fn follows(name: &str, next: &str) -> bool {
    let ((stem, number), (next_stem, next_number)) = (split(name), split(next));
    let value = |digits: &str| digits.parse::<u64>().ok();
    let plain = |digits: &str| digits == "0" || !digits.starts_with('0');
    stem == next_stem
        && value(number).zip(value(next_number)).is_some_and(|(a, b)| a.checked_add(1) == Some(b))
        // With leading zeros as many digits: pi09 and pi10, not pi09 and pi010.
        && (number.len() == next_number.len() || plain(number) && plain(next_number))
}

fn split(name: &str) -> (&str, &str) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name.get(stem.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn runs_are_folded() {
        assert_eq!(fold(&["pi111", "pi112", "pi113", "pi118"]), ["pi111-pi113", "pi118"]);
        assert_eq!(fold(&["pi1", "pi2"]), ["pi1", "pi2"]);
        assert_eq!(fold(&["pi08", "pi09", "pi10", "pi011"]), ["pi08-pi10", "pi011"]);
        assert_eq!(fold(&["pi8", "pi9", "pi10"]), ["pi8-pi10"]);
        assert_eq!(fold(&["a", "b", "pi3", "pi2", "pi1"]), ["a", "b", "pi3", "pi2", "pi1"]);
        assert_eq!(fold(&[]), [""; 0]);
    }
}

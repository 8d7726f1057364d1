//! OpenSSH's patterns: `*` is any text, `?` one character, `!` in front excludes. Upper and lower case are one, as host
//! names have it.

/// Whether one pattern (without `!`) means the whole of `text`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // The classic walk with one point of return: the last `*` and the text that it has swallowed so far. It takes
    // pattern times text steps at most, however many stars there are.
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || c.eq_ignore_ascii_case(&text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((star, taken)) => {
                    back = Some((star, taken + 1));
                    p = star + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether a list means `text`: one pattern does, and none with `!`.
pub fn matches_list<S: AsRef<str>>(patterns: &[S], text: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.as_ref().strip_prefix('!') {
            Some(excluded) if matches(excluded, text) => return false,
            Some(_) => {}
            None => found |= matches(pattern.as_ref(), text),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_marks() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "pi", true),
            ("pi1?", "pi11", true),
            ("pi1?", "pi1", false),
            ("*.local", "pi.LOCAL", true),
            ("*.local", "local", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXb", false),
            ("", "", true),
            ("", "a", false),
            ("192.0.2.*", "192.0.2.110", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(matches_list(&["a*", "!ab"], "ac"));
        assert!(!matches_list(&["a*", "!ab"], "ab"));
        assert!(!matches_list(&["!ab"], "ac"), "only an exclusion means nobody");
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39)), "no explosion");
    }

    proptest! {
        #[test]
        fn a_text_with_any_part_replaced_by_a_star(text in "[a-z.]{0,12}", from in 0usize..12, length in 0usize..12) {
            let from = from.min(text.len());
            let to = (from + length).min(text.len());
            let pattern = format!("{}*{}", &text[..from], &text[to..]);
            prop_assert!(matches(&pattern, &text));
            // No letter of the text, in either case.
            let longer = format!("{text}-");
            prop_assert_eq!(matches(&pattern, &longer), pattern.ends_with('*'));
        }
    }
}

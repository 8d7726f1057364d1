//! Text in a column.

/// The text in lines of at most `width` characters, broken at blanks, or where a word is longer than a line.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    pieces(text.split(' ').filter(|word| !word.is_empty()), " ", width)
}

/// Names with commas in lines of at most `width` characters, broken behind commas.
pub(super) fn wrap_names(names: &[String], width: usize) -> Vec<String> {
    let last = names.len().saturating_sub(1);
    let with_commas: Vec<String> =
        names.iter().enumerate().map(|(at, name)| if at < last { format!("{name},") } else { name.clone() }).collect();
    pieces(with_commas.iter().map(String::as_str), "", width)
}

fn pieces<'a>(words: impl Iterator<Item = &'a str>, between: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = vec![String::new()];
    let mut used = 0;
    for word in words {
        let length = word.chars().count();
        let gap = if used == 0 { 0 } else { between.len() };
        if used > 0 && used + gap + length > width {
            lines.push(String::new());
            used = 0;
        } else if let Some(line) = lines.last_mut().filter(|_| used > 0) {
            line.push_str(between);
            used += gap;
        }
        for letter in word.chars() {
            if used == width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(letter);
            }
            used += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 6), ["incomp", "rehens", "ible"]);
        assert_eq!(wrap("", 6), [""]);
        let names = ["pi1", "pi3-pi5", "pi7"].map(str::to_owned);
        assert_eq!(wrap_names(&names, 12), ["pi1,pi3-pi5,", "pi7"]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_no_letter_lost(text in "[a-zä -]{0,60}", width in 1usize..20) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}

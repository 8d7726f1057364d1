//! Managed blocks: lines of td's own in a text file of other people.
//!
//! ```text
//! # td: begin, kept by td-provision: do not edit
//! 192.0.2.111 pi111
//! # td: end
//! ```
//!
//! Everything outside is left as it is, byte by byte. A block stays where it is; when there are several, or one was cut,
//! all of td's lines that can be told go and one block is put at the end.

/// The first line of a block. Any line that starts with [`BEGIN_MARK`] begins one.
pub const BEGIN: &str = "# td: begin, kept by td-provision: do not edit";
pub const BEGIN_MARK: &str = "# td: begin";
pub const END: &str = "# td: end";

/// A text's lines, each with its end.
#[must_use]
pub fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// A line without its end and without blanks around it.
#[must_use]
pub fn bare(line: &str) -> &str {
    line.trim()
}

/// The end that most lines of `text` have.
#[must_use]
pub fn line_end(text: &str) -> &'static str {
    let all = text.matches('\n').count();
    let crlf = text.matches("\r\n").count();
    if crlf * 2 > all { "\r\n" } else { "\n" }
}

/// `text` with exactly one block, of these lines. No lines: without a block.
///
/// `is_ours` tells td's own lines from other people's where a block lost its end.
#[must_use]
pub fn set(text: &str, wanted: &[String], is_ours: impl Fn(&str) -> bool) -> String {
    let found = find(text, &is_ours);
    let end = line_end(text);
    let block = render(wanted, end);
    if let [only] = found.as_slice()
        && only.whole
        && !wanted.is_empty()
    {
        let lines = lines(text);
        let (before, rest) = lines.split_at(only.start);
        let after = &rest[only.end - only.start..];
        let mut out = before.concat();
        out.push_str(&block);
        out.push_str(&after.concat());
        return out;
    }
    let mut out = without(text, &found);
    if !wanted.is_empty() {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push_str(end);
        }
        out.push_str(&block);
    }
    out
}

fn render(wanted: &[String], end: &str) -> String {
    let lines = std::iter::once(BEGIN).chain(wanted.iter().map(String::as_str)).chain(std::iter::once(END));
    lines.map(|line| format!("{line}{end}")).collect()
}

/// Lines `start..end` of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub start: usize,
    pub end: usize,
    /// It has a begin and an end.
    pub whole: bool,
}

/// All blocks, and markers that lost their other half.
#[must_use]
pub fn find(text: &str, is_ours: &impl Fn(&str) -> bool) -> Vec<Found> {
    let lines = lines(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at).map(|line| bare(line)) {
        if line == END {
            found.push(Found { start: at, end: at + 1, whole: false });
        } else if line.starts_with(BEGIN_MARK) {
            let rest = &lines[at + 1..];
            let marker = rest.iter().position(|line| bare(line) == END || bare(line).starts_with(BEGIN_MARK));
            let closed = marker.filter(|&marker| bare(rest[marker]) == END);
            let inside = match closed {
                Some(marker) => marker + 1,
                None => rest.iter().take_while(|line| is_ours(bare(line))).count(),
            };
            found.push(Found { start: at, end: at + 1 + inside, whole: closed.is_some() });
            at += inside;
        }
        at += 1;
    }
    found
}

fn without(text: &str, found: &[Found]) -> String {
    let ours = |at: usize| found.iter().any(|block| (block.start..block.end).contains(&at));
    lines(text).into_iter().enumerate().filter(|&(at, _)| !ours(at)).map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ours(line: &str) -> bool {
        line.starts_with("192.0.2.")
    }

    fn wanted() -> Vec<String> {
        vec!["192.0.2.1 a".to_owned(), "192.0.2.2 b".to_owned()]
    }

    const BLOCK: &str = "# td: begin, kept by td-provision: do not edit\n192.0.2.1 a\n192.0.2.2 b\n# td: end\n";

    #[test]
    fn a_block_goes_to_the_end_and_stays_where_it_is() {
        assert_eq!(set("", &wanted(), ours), BLOCK);
        assert_eq!(set("x", &wanted(), ours), format!("x\n{BLOCK}"));
        let in_the_middle = format!("x\n{BLOCK}y\n");
        assert_eq!(set(&in_the_middle, &wanted(), ours), in_the_middle);
        let edited = in_the_middle.replace("192.0.2.1 a", "192.0.2.9 z\n\nfoo");
        assert_eq!(set(&edited, &wanted(), ours), in_the_middle);
        assert_eq!(set(&edited, &[], ours), "x\ny\n");
    }

    #[test]
    fn broken_blocks_become_one() {
        let expected = format!("x\ny\n{BLOCK}");
        let twice = format!("x\n{BLOCK}y\n{BLOCK}");
        assert_eq!(set(&twice, &wanted(), ours), expected);
        let no_end = format!("x\n{}y\n", BLOCK.replace("# td: end\n", ""));
        assert_eq!(set(&no_end, &wanted(), ours), expected);
        let no_begin = "x\n# td: end\ny\n";
        assert_eq!(set(no_begin, &wanted(), ours), expected);
        let nested = format!("x\n# td: begin\n192.0.2.1 a\n{BLOCK}y\n");
        assert_eq!(set(&nested, &wanted(), ours), expected);
    }

    #[test]
    fn line_ends_are_those_of_the_file() {
        let text = set("x\r\ny\r\n", &wanted(), ours);
        assert_eq!(text, format!("x\ny\n{BLOCK}").replace('\n', "\r\n"));
        assert_eq!(set(&text, &wanted(), ours), text);
        assert_eq!(set(&text, &[], ours), "x\r\ny\r\n");
    }

    /// Lines of people, and of td in any disorder.
    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,12}",
            Just(BEGIN.to_owned()),
            Just(END.to_owned()),
            Just("192.0.2.7 old".to_owned()),
            Just("# td: begin once more".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn setting_twice_is_setting_once(all in prop::collection::vec(line(), 0..12), last in any::<bool>()) {
            let mut text = all.join("\n");
            if last {
                text.push('\n');
            }
            let once = set(&text, &wanted(), ours);
            prop_assert!(once.contains(BLOCK));
            prop_assert_eq!(find(&once, &ours).len(), 1);
            prop_assert_eq!(set(&once, &wanted(), ours), once.clone());
            let gone = set(&once, &[], ours);
            prop_assert!(find(&gone, &ours).is_empty());
            // Other people's lines are there, in their order. (Lines within a block are td's.)
            if find(&text, &ours).is_empty() {
                prop_assert_eq!(gone.trim_end_matches('\n'), text.trim_end_matches('\n'));
            }
        }
    }
}

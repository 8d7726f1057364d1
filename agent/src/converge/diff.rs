//! Differences as they are shown.

use similar::TextDiff;
use td_protocol::converge::event::Diff;

/// A text file before and after. Bytes that are no UTF-8 are shown as replacement characters.
#[must_use]
pub fn text(path: &str, old: &[u8], new: &[u8]) -> Diff {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
    let unified = diff.unified_diff().context_radius(2).header(path, path).to_string();
    Diff::Text { path: path.to_owned(), unified }
}

/// One value before and after.
pub fn value(what: impl Into<String>, old: Option<String>, new: Option<String>) -> Diff {
    Diff::Value { what: what.into(), old, new }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_unified_diff() {
        let Diff::Text { unified, .. } = text("/etc/hosts", b"a\nb\nc\nd\ne\n", b"a\nb\nc\nd\nf") else {
            panic!("a text was expected");
        };
        insta::assert_snapshot!(unified, @r"
        --- /etc/hosts
        +++ /etc/hosts
        @@ -3,3 +3,3 @@
         c
         d
        -e
        +f
        \ No newline at end of file
        ");
    }
}

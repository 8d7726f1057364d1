//! The text of /etc/fstab.

/// One line that mounts something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1.
    pub line: usize,
    pub source: String,
    pub path: String,
    pub fs: String,
    pub options: String,
}

/// The lines that mount something, by fstab(5).
pub fn entries(text: &str) -> impl Iterator<Item = Entry> + '_ {
    text.lines().enumerate().filter_map(|(at, line)| {
        let mut fields = line.split_whitespace();
        let source = fields.next().filter(|source| !source.starts_with('#'))?;
        let (path, fs) = (fields.next()?, fields.next()?);
        let path = unescape(path);
        // A slash at the end names the same place.
        let path = if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path };
        Some(Entry {
            line: at + 1,
            source: unescape(source),
            path,
            fs: fs.to_owned(),
            options: fields.next().unwrap_or("defaults").to_owned(),
        })
    })
}

/// `\040` and the like are bytes in octal.
#[must_use]
pub fn unescape(field: &str) -> String {
    let bytes = field.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let octal = bytes.get(at + 1..at + 4).filter(|digits| digits.iter().all(|digit| matches!(digit, b'0'..=b'7')));
        match octal {
            Some([a, b, c]) if byte == b'\\' => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                at += 4;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_read() {
        let text =
            "# <file system>\nPARTUUID=1-01  /boot/firmware\tvfat  defaults 0 2\n\n/dev/x /a\\040b/ ext4\nbroken\n";
        let entries: Vec<_> = entries(text).collect();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].line, entries[0].path.as_str()), (2, "/boot/firmware"));
        assert_eq!((entries[1].path.as_str(), entries[1].options.as_str()), ("/a b", "defaults"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\\\ /0-9a-z#\n\t]{0,60}") {
            prop_assert!(entries(&text).count() <= text.lines().count());
        }
    }
}

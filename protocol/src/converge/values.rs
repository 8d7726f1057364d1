//! Small values with a form of their own in JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A file's permissions; an octal text such as `"0640"` in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mode(pub u32);

/// A text that is no file mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no file mode: 3 or 4 octal digits were expected, such as \"0640\"")]
pub struct NotAMode(pub String);

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Mode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Self, NotAMode> {
        let wrong = || NotAMode(text.to_owned());
        if !matches!(text.len(), 3 | 4) || !text.bytes().all(|digit| matches!(digit, b'0'..=b'7')) {
            return Err(wrong());
        }
        u32::from_str_radix(text, 8).map(Self).map_err(|_| wrong())
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The text of a file, which may be a private key: `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(pub String);

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_texts() {
        for (text, mode) in [("640", 0o640), ("0640", 0o640), ("1777", 0o1777)] {
            assert_eq!(text.parse(), Ok(Mode(mode)));
        }
        for text in ["", "64", "0o640", "0648", "06400", "+644", "-755"] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
        assert_eq!(serde_json::to_string(&Mode(0o640)).unwrap(), r#""0640""#);
    }

    #[test]
    fn debug_hides_content() {
        assert_eq!(format!("{:?}", Content("BEGIN PRIVATE KEY".to_owned())), "<17 bytes>");
    }
}

//! Names and arguments as JSON: Linux knows bytes, JSON only text.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path or an argument that comes back byte for byte. In JSON it is text; a byte that is not part of UTF-8, and the
/// backslash, is written as `\xHH`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SavedText(pub OsString);

impl SavedText {
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }

    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        self.path().to_owned()
    }

    fn escaped(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        for chunk in self.0.as_bytes().utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '\\' => text.push_str("\\x5c"),
                    other => text.push(other),
                }
            }
            for byte in chunk.invalid() {
                text.push_str(&format!("\\x{byte:02x}"));
            }
        }
        text
    }

    fn unescaped(text: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((plain, escape)) = rest.split_once('\\') {
            bytes.extend(plain.as_bytes());
            let digits = escape.strip_prefix('x')?.get(..2)?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = escape.get(3..)?;
        }
        bytes.extend(rest.as_bytes());
        Some(Self(OsString::from_vec(bytes)))
    }
}

impl<T: AsRef<OsStr> + ?Sized> From<&T> for SavedText {
    fn from(text: &T) -> Self {
        Self(text.as_ref().to_owned())
    }
}

impl std::fmt::Display for SavedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path().display().fmt(f)
    }
}

impl Serialize for SavedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.escaped())
    }
}

impl<'de> Deserialize<'de> for SavedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::unescaped(&text).ok_or_else(|| serde::de::Error::custom("a name with a backslash that is no \\xHH"))
    }
}

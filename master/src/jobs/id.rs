//! A job's name.

use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{SystemTime, UNIX_EPOCH};

use td_protocol::hash::ContentHash;

/// Digits of an id: 48 bits, so that jobs of several masters on one agent keep apart.
const DIGITS: usize = 12;

/// A job's id: twelve hexadecimal digits that follow no order, so that a few of them name a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(String);

impl JobId {
    /// An id that no other job has.
    #[must_use]
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Keyed by the operating system's randomness.
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let seed = format!("{} {} {random}", since.as_nanos(), std::process::id());
        let mut digits = ContentHash::of(seed.as_bytes()).to_string();
        digits.truncate(DIGITS);
        Self(digits)
    }

    /// Only what td itself writes is an id: it is a part of file names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == DIGITS && is_hexadecimal(text)).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for JobId {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// The beginning of an id, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

/// Why a prefix names no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    #[error("there is no job {0}; td jobs lists all")]
    None(String),
    #[error("{prefix} is the beginning of several jobs ({}): write more of it", ids.join(", "))]
    Several { prefix: String, ids: Vec<String> },
}

impl std::str::FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        if (1..=DIGITS).contains(&lower.len()) && is_hexadecimal(&lower) {
            return Ok(Self(lower));
        }
        Err("a job's id has up to 12 digits and letters a to f, as td jobs shows them")
    }
}

impl Prefix {
    /// The one of `ids` that begins so.
    ///
    /// # Errors
    /// [`PrefixError`] where it is none or several.
    pub fn choose<'a>(&self, ids: impl IntoIterator<Item = &'a JobId>) -> Result<&'a JobId, PrefixError> {
        let mut found = ids.into_iter().filter(|id| id.0.starts_with(&self.0));
        let first = found.next().ok_or_else(|| PrefixError::None(self.0.clone()))?;
        let others: Vec<String> = found.map(ToString::to_string).collect();
        if others.is_empty() {
            return Ok(first);
        }
        let ids = std::iter::once(first.to_string()).chain(others).collect();
        Err(PrefixError::Several { prefix: self.0.clone(), ids })
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_of_files_and_jobs_of_the_protocol() {
        let (one, other) = (JobId::new(), JobId::new());
        assert_ne!(one, other);
        assert_eq!(JobId::parse(one.as_str()), Some(one.clone()));
        assert!(td_protocol::job::is_job_id(&format!("{one}-199-99999")));
        for wrong in ["", "..", "0123456789ag", "0123456789AB", "0123456789abc", "../456789abc"] {
            assert_eq!(JobId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_prefix_has_to_be_unique() {
        let ids = ["aa1111111111", "ab2222222222", "ab3333333333"].map(|id| JobId::parse(id).unwrap());
        let choose = |text: &str| text.parse::<Prefix>().unwrap().choose(&ids).map(ToString::to_string);
        assert_eq!(choose("aa"), Ok("aa1111111111".to_owned()));
        assert_eq!(choose("AB3"), Ok("ab3333333333".to_owned()));
        assert_eq!(choose("ab2222222222"), Ok("ab2222222222".to_owned()));
        assert_eq!(choose("c"), Err(PrefixError::None("c".to_owned())));
        let several = choose("ab").unwrap_err().to_string();
        assert!(several.contains("ab2222222222, ab3333333333"), "{several}");
        assert!("".parse::<Prefix>().is_err() && "../x".parse::<Prefix>().is_err());
    }
}

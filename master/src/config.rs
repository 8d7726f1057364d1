//! The user's own defaults: `$XDG_CONFIG_HOME/td/config.yaml`.
//!
//! ```yaml
//! # All keys may be left out.
//! seams: two-pass      # what to do where strips would show seams: two-pass, one-node or allow
//! slots: 2             # POV-Rays at a time on this machine
//! cache: /big/td       # folder for scenes and finished bands of td's own agents
//! timeout: 3600        # seconds without any progress after which a render is given up
//! ```
//!
//! What is typed counts more than what stands here.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::render::policy::SeamsChoice;

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 16;

/// What stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    pub seams: Option<Seams>,
    pub slots: Option<u32>,
    pub cache: Option<PathBuf>,
    pub timeout: Option<f64>,
}

/// `seams:` in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seams {
    TwoPass,
    OneNode,
    Allow,
}

impl From<Seams> for SeamsChoice {
    fn from(seams: Seams) -> Self {
        match seams {
            Seams::TwoPass => Self::TwoPass,
            Seams::OneNode => Self::OneNode,
            Seams::Allow => Self::Allow,
        }
    }
}

/// A file that is there and is not right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: it has more than {MOST_BYTES} bytes, which no configuration of td needs")]
    TooLarge { path: PathBuf },
    #[error("{path}: {reason}")]
    Wrong { path: PathBuf, reason: String },
}

impl Config {
    /// The user's configuration; the empty one where there is no file.
    ///
    /// # Errors
    /// [`ConfigError`] when there is one that is not right.
    pub fn load() -> Result<Self, ConfigError> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        match base.map(|base| base.join("td/config.yaml")) {
            Some(path) => Self::read(&path),
            None => Ok(Self::default()),
        }
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let size = match std::fs::metadata(path) {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(error)),
        };
        if size > MOST_BYTES {
            return Err(ConfigError::TooLarge { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text).map_err(|reason| ConfigError::Wrong { path: path.to_owned(), reason })
    }

    /// # Errors
    /// A sentence with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let config: Self = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        if config.slots.is_some_and(|slots| !(1..=1024).contains(&slots)) {
            return Err("slots: must be 1 to 1024".to_owned());
        }
        if config.timeout.is_some_and(|seconds| !(seconds.is_finite() && seconds > 0.0)) {
            return Err("timeout: must be more than 0 seconds".to_owned());
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_are_optional_and_strict() {
        assert_eq!(Config::parse(""), Ok(Config::default()));
        assert_eq!(Config::parse("# nothing\n"), Ok(Config::default()));
        let config = Config::parse("seams: one-node\nslots: 2\ntimeout: 60\ncache: /big/td\n").unwrap();
        assert_eq!(config.seams, Some(Seams::OneNode));
        assert_eq!((config.slots, config.timeout), (Some(2), Some(60.0)));
        assert!(Config::parse("seam: allow").unwrap_err().contains("unknown field `seam`"));
        assert!(Config::parse("seams: sometimes").unwrap_err().contains("two-pass"));
        assert!(Config::parse("slots: 0").is_err());
        assert!(Config::parse("timeout: .nan").is_err());
    }
}

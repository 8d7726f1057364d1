//! Passwords: kept out of every output, wiped from memory when dropped, fetched from where the inventory says.

use std::fmt;
use std::process::Stdio;

use td_inventory::PasswordSource;
use thiserror::Error;
use tokio::process::Command;
use zeroize::Zeroizing;

/// A secret text. Its `Debug` does not show it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The text, to be sent and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// Why a source gave no password. None of the sentences holds any output of the command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set; `password: {{ env: {0} }}` of the inventory names it")]
    NoVariable(String),
    /// The variable is empty or not UTF-8, or holds a line break.
    #[error("the environment variable {0} holds no password (it is empty, not UTF-8, or has more than one line)")]
    BadVariable(String),
    /// The command did not start or failed.
    #[error("the command for the password, `{command}`, {why}")]
    Command {
        /// As in the inventory.
        command: String,
        /// What happened.
        why: String,
    },
}

/// The password from its source.
///
/// # Errors
/// See [`SourceError`].
pub async fn fetch(source: &PasswordSource) -> Result<Secret, SourceError> {
    match source {
        PasswordSource::Env(name) => match std::env::var(name) {
            Ok(text) if text.is_empty() || text.contains(['\n', '\r', '\0']) => {
                Err(SourceError::BadVariable(name.clone()))
            }
            Ok(text) => Ok(Secret::new(text)),
            Err(std::env::VarError::NotPresent) => Err(SourceError::NoVariable(name.clone())),
            Err(std::env::VarError::NotUnicode(_)) => Err(SourceError::BadVariable(name.clone())),
        },
        PasswordSource::Command(command) => {
            let failed = |why: String| SourceError::Command { command: command.clone(), why };
            let output = Command::new("/bin/sh")
                .arg("-c")
                .arg(command)
                .stderr(Stdio::inherit())
                .stdin(Stdio::inherit())
                .kill_on_drop(true)
                .output()
                .await
                .map_err(|error| failed(format!("did not start: {error}")))?;
            if !output.status.success() {
                return Err(failed(format!("failed ({})", output.status)));
            }
            let text = Zeroizing::new(String::from_utf8(output.stdout).map_err(|_| failed("printed no UTF-8".into()))?);
            match text.lines().next() {
                Some(line) if !line.is_empty() && !line.contains('\0') => Ok(Secret::new(line.to_owned())),
                _ => Err(failed("printed no password".into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".into())), "Secret(...)");
    }

    #[tokio::test]
    async fn commands() {
        let run = |text: &str| {
            let source = PasswordSource::Command(text.to_owned());
            async move { fetch(&source).await }
        };
        assert_eq!(run("echo hunter2; echo more").await.expect("is one").reveal(), "hunter2");
        assert_eq!(run("printf ' spaces stay '").await.expect("is one").reveal(), " spaces stay ");
        for (command, why) in [
            ("echo hunter2; exit 3", "failed (exit status: 3)"),
            ("true", "printed no password"),
            ("printf '\\377'", "printed no UTF-8"),
        ] {
            let error = run(command).await.expect_err("fails").to_string();
            assert_eq!(error, format!("the command for the password, `{command}`, {why}"));
        }
    }

    #[tokio::test]
    async fn variables() {
        let error = fetch(&PasswordSource::Env("TD_NO_SUCH_VARIABLE".into())).await.expect_err("is not there");
        assert!(error.to_string().contains("TD_NO_SUCH_VARIABLE is not set"), "{error}");
        let path = fetch(&PasswordSource::Env("PATH".into())).await.expect("is set");
        assert!(!path.reveal().is_empty());
    }
}

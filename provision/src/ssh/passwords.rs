//! Passwords of this run: each asked for once, however many nodes want it.

use std::collections::HashMap;

use td_inventory::PasswordSource;
use tokio::sync::Mutex;

use super::target::Target;
use crate::secret::{self, Secret, SourceError};
use crate::terminal::Terminal;

/// How often a password is asked for when it is refused.
pub const TRIES: u32 = 3;

/// What is known so far.
#[derive(Debug, Default)]
pub struct Passwords {
    /// By where they come from.
    fetched: Mutex<HashMap<Origin, Result<Secret, SourceError>>>,
    /// By login name: the one that was asked for last.
    asked: Mutex<HashMap<String, Secret>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Origin {
    Env(String),
    Command(String),
}

/// The next password to try.
#[derive(Debug)]
pub enum Next {
    /// This one.
    Try(Secret),
    /// There is none but the refused one: the inventory's.
    Refused,
    /// It would have to be asked for, and there is no terminal.
    NoTerminal,
    /// Asked for three times.
    TooOften,
    /// The person gave none.
    GivenUp,
}

impl Passwords {
    /// The password of `target`'s user, for the login or for sudo. `refused` are those that this machine did not take,
    /// in their order; `what` asks: `Password of pi on pi111`.
    ///
    /// # Errors
    /// The inventory's source gives none.
    pub async fn next(&self, target: &Target, terminal: &Terminal, refused: &[Secret]) -> Result<Next, SourceError> {
        if let Some(source) = &target.password {
            let secret = self.fetch(source).await?;
            return Ok(if refused.contains(&secret) { Next::Refused } else { Next::Try(secret) });
        }
        // Held while asking, so that others of the same user wait for the same answer.
        let mut asked = self.asked.lock().await;
        if let Some(secret) = asked.get(&target.user)
            && !refused.contains(secret)
        {
            return Ok(Next::Try(secret.clone()));
        }
        if refused.len() >= TRIES as usize {
            return Ok(Next::TooOften);
        }
        if !terminal.asks() {
            return Ok(Next::NoTerminal);
        }
        let _turn = terminal.turn().await;
        let again = if refused.is_empty() { String::new() } else { format!("{} does not take it. ", target.name) };
        let question = format!("{again}Password of {} on {}: ", target.user, target.name);
        match terminal.secret(&question).await {
            Some(secret) if !secret.reveal().is_empty() => {
                asked.insert(target.user.clone(), secret.clone());
                Ok(Next::Try(secret))
            }
            _ => Ok(Next::GivenUp),
        }
    }

    async fn fetch(&self, source: &PasswordSource) -> Result<Secret, SourceError> {
        let origin = match source {
            PasswordSource::Env(name) => Origin::Env(name.clone()),
            PasswordSource::Command(command) => Origin::Command(command.clone()),
        };
        let mut fetched = self.fetched.lock().await;
        if let Some(known) = fetched.get(&origin) {
            return known.clone();
        }
        let secret = secret::fetch(source).await;
        fetched.insert(origin, secret.clone());
        secret
    }
}

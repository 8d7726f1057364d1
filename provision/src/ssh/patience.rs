//! A deadline for a server's answer that does not run while a person is asked.
//!
//! One call to russh does all of a login by key: the offer, the server's answer, the signature, the server's verdict. The
//! signature may need a passphrase, or the ssh-agent asks its user; that has no deadline. A server that says nothing has.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use russh::Signer;
use russh::keys::HashAlg;
use russh::keys::agent::AgentIdentity;
use tokio::time::timeout;

/// How often a signature was begun or ended: odd while one is made.
#[derive(Debug, Default)]
pub(super) struct Turns(AtomicU64);

impl Turns {
    fn turn(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A signer that notes when it is at work.
pub(super) struct Signing<'a, S> {
    pub signer: &'a mut S,
    pub turns: &'a Turns,
}

impl<S: Signer + Send> Signer for Signing<'_, S> {
    type Error = S::Error;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, S::Error> {
        self.turns.turn();
        let signed = self.signer.auth_sign(key, hash, to_sign).await;
        self.turns.turn();
        signed
    }
}

/// What `step` gives; `None` when it takes longer than `deadline` while nothing is signed. A signature begins the deadline
/// anew, so that at most two of them pass in silence.
pub(super) async fn within<F: Future>(deadline: Duration, turns: &Turns, step: F) -> Option<F::Output> {
    let mut step = std::pin::pin!(step);
    let mut seen = turns.now();
    loop {
        if let Ok(done) = timeout(deadline, &mut step).await {
            return Some(done);
        }
        let now = turns.now();
        if now == seen && now.is_multiple_of(2) {
            return None;
        }
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let turns = Turns::default();
        assert_eq!(within(SHORT, &turns, std::future::pending::<()>()).await, None);
        assert_eq!(within(SHORT, &turns, async { 7 }).await, Some(7));
        // Nor does one hold out that was silent only after the signature.
        let signed = async {
            turns.turn();
            turns.turn();
            std::future::pending::<()>().await;
        };
        assert_eq!(within(SHORT, &turns, signed).await, None);
    }

    #[tokio::test]
    async fn a_person_takes_as_long_as_they_like() {
        let turns = Turns::default();
        let asked = async {
            turns.turn();
            tokio::time::sleep(20 * SHORT).await;
            turns.turn();
            "signed"
        };
        assert_eq!(within(SHORT, &turns, asked).await, Some("signed"));
    }
}

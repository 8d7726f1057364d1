//! A word to each agent every few seconds, while a job is open there and nothing else is said to it: an agent closes a job whose
//! master is silent, and a first pass, a probe or the bands of a cache may take far longer. The answers tell nothing: what is
//! waited for tells who is lost. Once strips are given out, the heartbeats (`heartbeat`) do the same and listen.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::fleet::client::Client;

/// Silence of the master after which agents close a job and stop its POV-Rays, in seconds.
pub const MASTER_SILENCE: f64 = 20.0;
/// Pause between two words, and how long an answer may take.
const WORD_EVERY: Duration = Duration::from_secs(5);

/// Jobs are kept open as long as this is held.
#[derive(Debug)]
#[must_use = "the words end when this is dropped"]
pub struct KeptOpen(#[expect(dead_code, reason = "held: its tasks end with it")] JoinSet<()>);

impl KeptOpen {
    /// Keeps `job` open on these agents.
    pub fn on(agents: impl IntoIterator<Item = Client>, job: &str) -> Self {
        let mut words = JoinSet::new();
        for agent in agents {
            let job = job.to_owned();
            words.spawn(async move {
                loop {
                    tokio::time::sleep(WORD_EVERY).await;
                    let _ = agent.alive(&job, WORD_EVERY).await;
                }
            });
        }
        Self(words)
    }
}

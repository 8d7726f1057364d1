//! A word to each node every second: it keeps the job open there, and tells when a node no longer answers.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::fleet::client::{AgentError, Client};
use crate::render::heard::Heard;
use crate::schedule::NodeId;

/// Pause between two words.
const EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Words that may go unanswered before a node counts as silent.
const UNANSWERED: u32 = 3;

/// Starts the task for one node. It ends with the loop that listens.
pub(super) fn watch_node(client: Client, job: String, node: NodeId, tell: Sender<Heard>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut unanswered = 0;
        loop {
            tokio::time::sleep(EVERY).await;
            match client.alive(&job, PATIENCE).await {
                Ok(()) => unanswered = 0,
                Err(AgentError::Unreachable { .. }) if unanswered < UNANSWERED => unanswered += 1,
                Err(error) => {
                    unanswered = 0;
                    if tell.send(Heard::NodeSilent { node, error }).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
}

//! A word to each node every second: it keeps the job open there, and its answer is the node's heartbeat. Whether silence
//! means death is for [`Heartbeats`](crate::schedule::heartbeat::Heartbeats) to say.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::fleet::client::{AgentError, Client};
use crate::render::fitness;
use crate::render::heard::Heard;
use crate::schedule::NodeId;

/// Pause between two words.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take before another word is tried, on another connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts the task for one node. It ends with the loop that listens. `listens`: the node is asked for its health, too.
pub(super) fn watch_node(
    client: Client,
    job: String,
    node: NodeId,
    listens: bool,
    tell: Sender<Heard>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        if listens {
            tokio::join!(beats(&client, &job, node, &tell), fitness::listen(&client, node, &tell));
        } else {
            beats(&client, &job, node, &tell).await;
        }
    })
}

async fn beats(client: &Client, job: &str, node: NodeId, tell: &Sender<Heard>) {
    loop {
        let asked = Instant::now();
        let told = match client.alive(job, PATIENCE).await {
            Ok(()) => Heard::Beat { node, round_trip: asked.elapsed().as_secs_f64() },
            // Silence is measured, not counted.
            Err(AgentError::Unreachable { reason, .. }) => Heard::BeatMissed { node, reason },
            // The job is not open there any more, or it is no td-agent: no need to wait.
            Err(error) => Heard::NodeLost { node, error },
        };
        if tell.send(told).await.is_err() {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

//! Reboots: told by the boot's own number, waited for with a deadline.

use std::time::{Duration, Instant};

use td_inventory::Node;

use crate::crew::{Crew, Hand, NodeError};

/// A Pi 1 with a slow card and a file system to check needs minutes.
const DEADLINE: Duration = Duration::from_secs(600);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// A node that is back.
pub struct Rebooted<'a> {
    /// Its new connection.
    pub hand: Hand<'a>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// The number of the boot that a node is in.
///
/// # Errors
/// See [`NodeError`].
pub async fn boot_id(hand: &mut Hand<'_>) -> Result<String, NodeError> {
    let reply = hand.sh("cat /proc/sys/kernel/random/boot_id", "cat").await?;
    let id = reply.stdout.trim().to_owned();
    if reply.code != 0 || id.is_empty() {
        return Err(NodeError::Broken(reply.complaint()));
    }
    Ok(id)
}

/// Reboots a node and waits until it is back in another boot than `before`.
///
/// # Errors
/// See [`NodeError`].
pub async fn reboot<'a>(crew: &'a Crew, mut hand: Hand<'a>, before: &str) -> Result<Rebooted<'a>, NodeError> {
    let node = hand.node;
    let began = Instant::now();
    crew.report.doing(&node.name, "rebooting");
    // After a moment, so that the answer and our good-bye come through first.
    hand.sh("(sleep 1; systemctl reboot) </dev/null >/dev/null 2>&1 &", "systemctl reboot").await?;
    hand.close().await;
    let hand = back_again(crew, node, before).await?;
    Ok(Rebooted { hand, seconds: began.elapsed().as_secs_f64() })
}

/// Waits until a node answers in another boot than `before`.
///
/// # Errors
/// See [`NodeError`]; the last reason why it did not answer.
pub async fn back_again<'a>(crew: &'a Crew, node: &'a Node, before: &str) -> Result<Hand<'a>, NodeError> {
    let began = Instant::now();
    let mut stop = crew.stop.clone();
    loop {
        let last = match Hand::open(crew, node).await {
            Ok(mut hand) => match boot_id(&mut hand).await {
                Ok(id) if id != before => return Ok(hand),
                Ok(_) => {
                    hand.close().await;
                    NodeError::Unfit("it still runs: `systemctl reboot` did nothing; look at it there".to_owned())
                }
                Err(error) => error,
            },
            // These do not go away by waiting.
            Err(error @ (NodeError::Interrupted | NodeError::Root(_))) if !is_early(&error) => return Err(error),
            Err(error) => error,
        };
        if began.elapsed() > DEADLINE {
            let text = format!(
                "it is not back {} s after its reboot ({last}): look at its screen or its lamp",
                DEADLINE.as_secs()
            );
            return Err(NodeError::Unfit(text));
        }
        crew.report.doing(&node.name, &format!("rebooting, {} s", began.elapsed().as_secs()));
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.asked() => return Err(NodeError::Interrupted),
        }
    }
}

/// A login that sshd refuses because the system is still starting (pam_nologin), or just going down.
fn is_early(error: &NodeError) -> bool {
    use crate::root::RootError;
    matches!(error, NodeError::Root(RootError::NoCommands { .. } | RootError::Gone))
}

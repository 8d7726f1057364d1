//! `td-provision reboot` and `poweroff`: for the keeper of a shelf. Nodes side by side; the share's server last, so that
//! nobody's mount loses it while they still write.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use td_inventory::Node;

use crate::apply::{self, Rebooted, boot_id};
use crate::crew::{self, Common, Crew, Hand, NodeError, Refused};
use crate::outcome;
use crate::output::Outcome;
use crate::report::{Recap, rounded};
use crate::stop::Stop;
use crate::words::count;

/// `td-provision reboot`, `td-provision poweroff`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Off and on again.
    Reboot,
    /// Off.
    PowerOff,
}

/// A node that shuts down must be gone after that long; systemd itself gives services 90 s.
const OFF_DEADLINE: Duration = Duration::from_secs(150);

/// Runs it.
///
/// # Errors
/// What is no node's fault.
pub async fn run(what: What, arguments: Arguments, stop: Stop) -> Result<Outcome> {
    let Some(crew) = crew::gather(&arguments.common, stop)? else {
        return Ok(Outcome::Refused);
    };
    let server = apply::server(&crew);
    if !arguments.yes {
        if !crew.ssh.terminal.asks() {
            return Err(Refused("there is no terminal to ask on, so nothing was done: --yes".to_owned()).into());
        }
        let verb = if what == What::Reboot { "Reboot" } else { "Power off" };
        let last = server.map(|name| format!(", {name} last")).unwrap_or_default();
        let question = format!("{verb} {}{last}? (yes/no) ", count(crew.nodes.len(), "node"));
        if !apply::yes(&crew, &question).await {
            return Ok(if crew.stop.is_asked() { Outcome::Interrupted } else { Outcome::Refused });
        }
    }
    let mut recaps = vec![Recap::default(); crew.nodes.len()];
    for servers in [false, true] {
        let chosen =
            crew.nodes.iter().zip(&mut recaps).filter(|(node, _)| (Some(node.name.as_str()) == server) == servers);
        crew.each(chosen, |(node, recap)| {
            let crew = &crew;
            async move {
                let result = match what {
                    What::Reboot => reboot(crew, node).await,
                    What::PowerOff => power_off(crew, node).await,
                };
                match result {
                    Ok(()) => recap.changed = 1,
                    Err(error) => apply::failed(crew, &node.name, recap, &error),
                }
                recap.seconds = crew.seconds();
                crew.report.idle(&node.name);
            }
        })
        .await;
    }
    let recaps: Vec<_> = crew.nodes.iter().map(|node| node.name.clone()).zip(recaps).collect();
    Ok(outcome::close(&crew, &recaps, "changed"))
}

async fn reboot(crew: &Crew, node: &Node) -> Result<(), NodeError> {
    let mut hand = Hand::open(crew, node).await?;
    let before = boot_id(&mut hand).await?;
    let Rebooted { hand, seconds } = apply::reboot(crew, hand, &before).await?;
    crew.report.event(&json!({ "event": "rebooted", "node": node.name, "seconds": rounded(seconds) }));
    crew.report.text(&format!("{}: is back after {seconds:.0} s\n", node.name));
    hand.close().await;
    Ok(())
}

/// Off is when nobody answers any more; no network can tell more than that.
async fn power_off(crew: &Crew, node: &Node) -> Result<(), NodeError> {
    let mut hand = Hand::open(crew, node).await?;
    let began = Instant::now();
    crew.report.doing(&node.name, "powering off");
    hand.sh("(sleep 1; systemctl poweroff) </dev/null >/dev/null 2>&1 &", "systemctl poweroff").await?;
    hand.close().await;
    let mut stop = crew.stop.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.asked() => return Err(NodeError::Interrupted),
        }
        match Hand::open(crew, node).await {
            Err(NodeError::Interrupted) => return Err(NodeError::Interrupted),
            Err(error) if error.is_unreachable() && !error.is_answer() => break,
            // It answers, if only to refuse: it is still going down.
            Ok(hand) => hand.close().await,
            Err(_) => {}
        }
        if began.elapsed() > OFF_DEADLINE {
            return Err(NodeError::Unfit(format!(
                "it still answers {} s after `systemctl poweroff`",
                OFF_DEADLINE.as_secs()
            )));
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    crew.report.event(&json!({ "event": "off", "node": node.name, "seconds": rounded(seconds) }));
    crew.report.text(&format!("{}: does not answer any more, after {seconds:.0} s\n", node.name));
    Ok(())
}

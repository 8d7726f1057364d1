//! `td-provision reboot` and `poweroff`: for the keeper of a shelf. Nodes side by side; jump hosts after the nodes behind
//! them, and the share's server last, so that nobody's mount loses it while they still write.

mod order;

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
use crate::ssh::target::Target;
use crate::stop::Stop;
use crate::words::count;

/// A node that did not answer so many times in a row, two seconds apart, is off.
const SILENT_TIMES: u32 = 3;

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
    let verb = if what == What::Reboot { "reboot" } else { "poweroff" };
    let _lock = apply::lock(&crew, &format!("td-provision {verb}"))?;
    let groups = order::order(&ways(&crew), server(&crew));
    if !arguments.yes {
        if !crew.ssh.terminal.asks() {
            return Err(Refused("there is no terminal to ask on, so nothing was done: --yes".to_owned()).into());
        }
        let verb = if what == What::Reboot { "Reboot" } else { "Power off" };
        let question = format!("{verb} {}{}? (yes/no) ", count(crew.nodes.len(), "node"), said(&crew, &groups));
        if !apply::yes(&crew, &question).await {
            return Ok(if crew.stop.is_asked() { Outcome::Interrupted } else { Outcome::Refused });
        }
    }
    let mut recaps = vec![Recap::default(); crew.nodes.len()];
    for group in groups {
        let all = crew.nodes.iter().zip(&mut recaps).enumerate();
        let chosen = all.filter(|(index, _)| group.contains(index)).map(|(_, both)| both);
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

/// Which of the chosen nodes the way to each passes.
fn ways(crew: &Crew) -> Vec<Vec<usize>> {
    let target = |node: &Node| crew.person().target(&crew.inventory, node).ok();
    let targets: Vec<_> = crew.nodes.iter().map(target).collect();
    // A jump host may be written as the node's name or by its address.
    let is = |hop: &Target, node: &Target| hop.name == node.name || (&hop.host, hop.port) == (&node.host, node.port);
    let passed = |target: &Target| {
        let nodes = targets.iter().enumerate();
        let on_it =
            nodes.filter(|(_, node)| node.as_ref().is_some_and(|node| target.via.iter().any(|hop| is(hop, node))));
        on_it.map(|(index, _)| index).collect()
    };
    // A way that cannot be gone is told when the node's turn comes.
    targets.iter().map(|target| target.as_ref().map(passed).unwrap_or_default()).collect()
}

/// The share's server among the chosen nodes.
fn server(crew: &Crew) -> Option<usize> {
    let server = apply::server(crew)?;
    crew.nodes.iter().position(|node| node.name == server)
}

/// What the question says of the order.
fn said(crew: &Crew, groups: &[Vec<usize>]) -> String {
    let names = |group: &Vec<usize>| {
        let names: Vec<&str> = group.iter().map(|&index| crew.nodes[index].name.as_str()).collect();
        names.join(", ")
    };
    match groups {
        [] | [_] => String::new(),
        [_, last] => format!(", {} last", names(last)),
        more => format!(", one after the other: {}", more.iter().map(names).collect::<Vec<_>>().join("; then ")),
    }
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
    // A node that has much to do does not answer every time.
    let mut silent = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.asked() => return Err(NodeError::Interrupted),
        }
        match Hand::open(crew, node).await {
            Err(NodeError::Interrupted) => return Err(NodeError::Interrupted),
            Err(error) if error.is_unreachable() && !error.is_answer() => silent += 1,
            // It answers, if only to refuse: it is still going down.
            Ok(hand) => {
                hand.close().await;
                silent = 0;
            }
            Err(_) => silent = 0,
        }
        if silent == SILENT_TIMES {
            break;
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

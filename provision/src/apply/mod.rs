//! `td-provision apply`: look, show, ask, change exactly that, reboot where needed, prove.

mod change;
mod order;
mod prove;
mod reboot;

pub use change::tell;
pub use prove::{agents, prove};
pub use reboot::{Rebooted, boot_id, reboot};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use td_inventory::ServerPlace;

use crate::certs::ensure::Due;
use crate::crew::{self, Building, Common, Crew, NodeError, Refused};
use crate::lock;
use crate::outcome;
use crate::output::Outcome;
use crate::plan::{self, Looked, Only, Seen, Wanted};
use crate::report::Recap;
use crate::stop::Stop;

/// `td-provision apply`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    only: Only,
    #[command(flatten)]
    building: Building,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Do not reboot; what waits for one is told
    #[arg(long)]
    no_reboot: bool,
}

/// Runs it.
///
/// # Errors
/// What is no node's fault.
pub async fn run(arguments: Arguments, stop: Stop) -> Result<Outcome> {
    let Some(crew) = crew::gather(&arguments.common, stop)? else {
        return Ok(Outcome::Refused);
    };
    let crew = crew.building(&arguments.building);
    let _lock = lock(&crew, "td-provision apply")?;
    let Some(mut wanted) = plan::prepare(&crew, &arguments.only, Due::Make).await? else {
        return Ok(Outcome::Unreachable);
    };
    plan::with_cheap_proofs(&mut wanted);
    let looked = plan::look_all(&crew, &wanted).await;
    let pending = plan::tell(&crew, &looked);
    let reboots = looked.iter().filter(|one| one.result.as_ref().is_ok_and(needs_reboot)).count();
    if pending == 0 && (reboots == 0 || arguments.no_reboot) {
        return nothing(&crew, &wanted, looked, arguments.only.agent()).await;
    }
    if !arguments.yes && !agreed(&crew, &looked, reboots, arguments.no_reboot).await? {
        for one in looked {
            if let Some(hand) = one.hand {
                hand.close().await;
            }
        }
        return Ok(if crew.stop.is_asked() { Outcome::Interrupted } else { Outcome::Refused });
    }
    let mut works = change::all(&crew, looked).await;
    if !arguments.no_reboot {
        order::reboots(&crew, &mut works, server(&crew)).await;
    }
    // td-agent's answers, the mount, the firmware's values and a test render: after a change all of it.
    prove::after_change(&crew, &wanted, &mut works, arguments.only.agent()).await;
    let mut recaps = Vec::new();
    for work in works {
        if let Some(hand) = work.hand {
            hand.close().await;
        }
        recaps.push((work.node.name.clone(), work.recap));
    }
    Ok(outcome::close(&crew, &recaps, "changed"))
}

/// The cluster's lock; who holds it is told in an event, too.
///
/// # Errors
/// Somebody holds it, or there is none.
pub fn lock(crew: &Crew, what: &str) -> Result<lock::Lock> {
    let folder = td_inventory::credentials::ClusterFolder::of(crew.inventory.cluster(), &crew.file)?;
    lock::take(folder.path(), crew.inventory.cluster(), what).map_err(|error| {
        crew.report.event(&json!({ "event": "failed", "kind": "locked", "message": error.to_string(), "code": 1 }));
        error.into()
    })
}

fn needs_reboot(seen: &Seen) -> bool {
    seen.plan().is_some_and(|plan| plan.needs_reboot)
}

/// The node that serves the share, if it is among the chosen ones.
pub fn server(crew: &Crew) -> Option<&str> {
    match crew.inventory.share().map(|share| &share.server) {
        Some(ServerPlace::Node(name)) => crew.nodes.iter().map(|node| node.name.as_str()).find(|node| node == name),
        _ => None,
    }
}

/// Nothing to change anywhere: the cheap proofs have run with the plan; what is left is to ask the agents.
async fn nothing(crew: &Crew, wanted: &Wanted, looked: Vec<Looked<'_>>, agent: bool) -> Result<Outcome> {
    let mut works: Vec<_> = looked.into_iter().map(change::Work::from_looked).collect();
    prove::answers(crew, wanted, &mut works, agent).await;
    let mut recaps = Vec::new();
    let closing = works.into_iter().map(|work| async {
        if let Some(hand) = work.hand {
            hand.close().await;
        }
        (work.node.name.clone(), work.recap)
    });
    recaps.extend(futures_util::future::join_all(closing).await);
    Ok(outcome::close(crew, &recaps, "changed"))
}

async fn agreed(crew: &Crew, looked: &[Looked<'_>], reboots: usize, no_reboot: bool) -> Result<bool> {
    let nodes = looked.iter().filter(|one| one.result.as_ref().is_ok_and(|seen| seen.pending() > 0)).count();
    if !crew.ssh.terminal.asks() {
        let text =
            "there is no terminal to ask on, so nothing was changed: look at the plan, then run apply with --yes";
        crew.report.event(&json!({ "event": "failed", "message": text, "code": 2 }));
        return Err(Refused(text.to_owned()).into());
    }
    let away = looked.iter().filter(|one| one.result.is_err()).count();
    let without = if away > 0 { format!(", without {}", crate::words::count(away, "node")) } else { String::new() };
    let reboot = match (reboots, no_reboot) {
        (0, _) | (_, true) => String::new(),
        (some, false) => format!(", then reboot {}", crate::words::count(some, "node")),
    };
    let question = format!("Change {}{reboot}{without}? (yes/no) ", crate::words::count(nodes, "node"));
    Ok(yes(crew, &question).await)
}

/// Asks until it is yes or no.
pub async fn yes(crew: &Crew, question: &str) -> bool {
    let _turn = crew.ssh.terminal.turn().await;
    let mut question = question.to_owned();
    let mut stop = crew.stop.clone();
    loop {
        let answer = tokio::select! {
            answer = crew.ssh.terminal.line(&question) => answer,
            () = stop.asked() => None,
        };
        match answer.as_deref().map(str::trim) {
            Some("yes" | "y") => return true,
            Some("no" | "n" | "") | None => return false,
            Some(_) => "Please type yes or no: ".clone_into(&mut question),
        }
    }
}

/// A failure that is told and counted.
pub fn failed(crew: &Crew, node: &str, recap: &mut Recap, error: &NodeError) {
    outcome::tell(&crew.report, node, error);
    if error.is_unreachable() {
        recap.unreachable = true;
    } else {
        recap.failed += 1;
    }
    recap.why = Some(error.to_string());
    recap.seconds = crew.seconds();
}

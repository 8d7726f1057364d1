//! `td-provision remove`: takes back what td put on the nodes.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use td_inventory::Node;
use td_protocol::converge::desired::DesiredState;
use td_protocol::converge::event::Outcome as Of;

use crate::apply;
use crate::crew::{self, Common, Crew, Hand, Mode, NodeError, Refused};
use crate::desired::{Certificates, desired};
use crate::outcome;
use crate::output::Outcome;
use crate::report::Recap;
use crate::resolve;
use crate::stop::Stop;
use crate::words::count;

/// `td-provision remove`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Remove the packages too
    #[arg(long)]
    packages: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Runs it.
///
/// # Errors
/// What is no node's fault.
pub async fn run(arguments: Arguments, stop: Stop) -> Result<Outcome> {
    let Some(crew) = crew::gather(&arguments.common, stop)? else {
        return Ok(Outcome::Refused);
    };
    let _lock = apply::lock(&crew, "td-provision remove")?;
    let what = if arguments.packages {
        "td's blocks, unit, user, export, mount, agent and packages"
    } else {
        "td's blocks, unit, user, export, mount and agent (packages stay)"
    };
    if !arguments.yes {
        if !crew.ssh.terminal.asks() {
            return Err(Refused("there is no terminal to ask on, so nothing was removed: --yes".to_owned()).into());
        }
        let question = format!("Take {what} from {}? (yes/no) ", count(crew.nodes.len(), "node"));
        if !apply::yes(&crew, &question).await {
            return Ok(if crew.stop.is_asked() { Outcome::Interrupted } else { Outcome::Refused });
        }
    }
    // A name without an address only leaves its line out, and all lines of a block go.
    let (addresses, _) = resolve::all(&crew.inventory).await;
    let server = apply::server(&crew);
    let mut recaps = vec![Recap::default(); crew.nodes.len()];
    // The server last: the others unmount first.
    for servers in [false, true] {
        let chosen =
            crew.nodes.iter().zip(&mut recaps).filter(|(node, _)| (Some(node.name.as_str()) == server) == servers);
        crew.each(chosen, |(node, recap)| {
            let nothing = Certificates { ca: String::new(), certificate: String::new(), key: String::new() };
            let mut state = desired(&crew.inventory, node, &addresses, &nothing);
            state.remove_packages = arguments.packages;
            let crew = &crew;
            async move {
                match one(crew, node, &state, recap).await {
                    Ok(()) => {}
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

async fn one(crew: &Crew, node: &Node, state: &DesiredState, recap: &mut Recap) -> Result<(), NodeError> {
    let mut hand = Hand::open(crew, node).await?;
    hand.ready().await?;
    let call = hand.call(Mode::Remove, state).await?;
    for done in &call.resources {
        match done.outcome {
            Of::Ok => recap.ok += 1,
            Of::Changed => recap.changed += 1,
            Of::Failed => {
                recap.failed += 1;
                recap.why = Some(done.message.clone());
            }
            Of::Pending | Of::Skipped => {}
        }
        apply::tell(crew, &node.name, done);
    }
    if call.done.as_ref().is_some_and(|done| done.needs_reboot) {
        crew.report.note(
            Some(&node.name),
            "its config.txt is without td's block, and the firmware runs with it until the next boot \
             (`td-provision reboot`)",
        );
    }
    // td-agent itself goes last, and only when it has taken back all the rest: else it is needed once more.
    let whole = call.done.as_ref().is_some_and(|done| done.failed == 0 && !done.interrupted);
    if whole {
        let reply = hand.sh(REMOVE_BINARY, "rm").await?;
        if reply.code != 0 {
            return Err(NodeError::Broken(reply.complaint()));
        }
        if reply.stdout.contains("gone") {
            recap.changed += 1;
            crew.report.event(&json!({
                "event": "resource", "node": node.name, "kind": "binary", "name": "/usr/local/bin/td-agent",
                "outcome": "changed", "message": "td-agent was removed",
            }));
            crew.report.text(&format!("{}: changed: binary /usr/local/bin/td-agent: removed\n", node.name));
        }
    }
    hand.close().await;
    Ok(())
}

const REMOVE_BINARY: &str =
    "p=/usr/local/bin/td-agent; if [ -e $p ]; then rm -f $p $p.old && echo gone; else rm -f $p.old; fi";

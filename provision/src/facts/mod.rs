//! `td-provision facts`: what the nodes are.

mod model;
mod save;
mod show;

use anyhow::Result;
use serde_json::json;
use td_inventory::Node;
use td_protocol::converge::facts::Facts;

pub use model::model_of;

use crate::crew::{self, Common, Crew, Hand, NodeError};
use crate::output::Outcome;
use crate::report::Recap;
use crate::stop::Stop;

/// `td-provision facts`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Write what differs from the inventory to FILE, a new one, as a suggestion to be copied into it
    #[arg(long, value_name = "FILE")]
    save: Option<std::path::PathBuf>,
}

/// Runs it.
///
/// # Errors
/// What is no node's fault.
pub async fn run(arguments: Arguments, stop: Stop) -> Result<Outcome> {
    let Some(crew) = crew::gather(&arguments.common, stop)? else {
        return Ok(Outcome::Refused);
    };
    if let Some(file) = &arguments.save {
        save::free(file)?;
    }
    let results = crew.each(&crew.nodes, |node| look(&crew, node)).await;
    let mut recaps = Vec::new();
    let mut known = Vec::new();
    for (node, (result, recap)) in crew.nodes.iter().zip(results) {
        match result {
            Ok(facts) => {
                crew.report.event(&json!({ "event": "facts", "node": node.name, "facts": facts }));
                crew.report.text(&show::facts(node, &facts));
                known.push((node, facts));
            }
            Err(error) => crate::outcome::tell(&crew.report, &node.name, &error),
        }
        recaps.push((node.name.clone(), recap));
    }
    let names: Vec<(&str, &Facts)> = known.iter().map(|(node, facts)| (node.name.as_str(), facts)).collect();
    for (a, b, why) in crate::twins::all(&names) {
        crew.report.note(None, &format!("{a} and {b} {why}"));
    }
    if let Some(file) = &arguments.save {
        save::write(file, &save::suggestion(&known))?;
        crew.report.note(None, &format!("{}: what differs from the inventory", file.display()));
    }
    Ok(crate::outcome::close(&crew, &recaps, "changed"))
}

async fn look(crew: &Crew, node: &Node) -> (Result<Facts, NodeError>, Recap) {
    let result = async {
        let mut hand = Hand::open(crew, node).await?;
        let facts = hand.facts().await;
        hand.close().await;
        facts
    }
    .await;
    let recap = crate::outcome::recap(crew, &result, |_| (1, 0, 0));
    (result, recap)
}

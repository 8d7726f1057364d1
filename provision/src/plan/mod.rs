//! `td-provision plan`: what an `apply` would change.

mod look;
mod show;

pub use look::{Looked, Seen, Wanted, look_all, prepare, tell_time, with_cheap_proofs};
pub use show::diffs;

use anyhow::Result;
use clap::Args;
use td_protocol::converge::kind::Group;

use crate::certs::ensure::Due;
use crate::crew::{self, Building, Common, Crew};
use crate::outcome;
use crate::output::Outcome;
use crate::stop::Stop;

/// `td-provision plan`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    only: Only,
    #[command(flatten)]
    building: Building,
}

/// Which resources.
#[derive(Debug, Clone, Args)]
pub struct Only {
    /// Only these kinds of resources, with commas: hostname, packages, boot, nfs, clock, agent
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    only: Vec<Group>,
}

impl Only {
    /// All of them.
    pub fn all() -> Only {
        Only { only: Vec::new() }
    }

    /// The kinds; all for none.
    pub fn groups(&self) -> Option<&[Group]> {
        (!self.only.is_empty()).then_some(self.only.as_slice())
    }

    /// Whether td-agent itself is among them.
    pub fn agent(&self) -> bool {
        self.only.is_empty() || self.only.contains(&Group::Agent)
    }
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
    let Some(wanted) = prepare(&crew, &arguments.only, Due::Show).await? else {
        return Ok(Outcome::Unreachable);
    };
    let looked = look_all(&crew, &wanted).await;
    let pending = tell(&crew, &looked);
    let mut recaps = Vec::new();
    for Looked { node, hand, recap, .. } in looked {
        if let Some(hand) = hand {
            hand.close().await;
        }
        recaps.push((node.name.clone(), recap));
    }
    let outcome = outcome::close(&crew, &recaps, "pending");
    Ok(if outcome == Outcome::Done && pending > 0 { Outcome::Pending } else { outcome })
}

/// Tells all plans in the order of the nodes; the answer is how many changes are pending.
pub fn tell(crew: &Crew, looked: &[Looked<'_>]) -> usize {
    let mut pending = 0;
    for one in looked {
        crew.report.idle(&one.node.name);
        match &one.result {
            Ok(seen) => {
                pending += seen.pending();
                for event in show::events(&one.node.name, seen) {
                    crew.report.event(&event);
                }
                crew.report.text(&show::plan(&one.node.name, seen, crew.report.verbose()));
            }
            Err(error) => outcome::tell(&crew.report, &one.node.name, error),
        }
    }
    pending
}

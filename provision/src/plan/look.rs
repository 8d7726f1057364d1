//! Looking at all nodes: the first part of `plan` and of `apply`.

use anyhow::Result;
use td_build_agent::Target;
use td_inventory::Node;
use td_protocol::converge::desired::{DesiredState, Proofs};
use td_protocol::converge::event::{Outcome as Of, Plan, ResourceDone};
use td_protocol::converge::facts::Facts;
use td_protocol::converge::resource::Resource;

use super::Only;
use crate::certs::ensure::{Due, certificates};
use crate::crew::{BinaryChange, Call, Crew, Hand, NodeError};
use crate::desired::{complete, desired, fit};
use crate::report::Recap;
use crate::resolve;
use crate::twins;

/// What the nodes are to be like, in their order.
pub struct Wanted {
    /// One per node of the crew.
    pub states: Vec<DesiredState>,
    /// Where the certificates lie.
    pub folder: td_inventory::credentials::ClusterFolder,
    /// Where the agents answer.
    pub addresses: resolve::Addresses,
    /// Whether td-agent's binary is to be changed.
    pub agent: bool,
}

/// What came of a node.
pub struct Looked<'a> {
    /// The node.
    pub node: &'a Node,
    /// Its connection, still open.
    pub hand: Option<Hand<'a>>,
    /// What was seen.
    pub result: Result<Seen, NodeError>,
    /// What the node is to be like, its own facts considered.
    pub state: DesiredState,
    /// For the recap.
    pub recap: Recap,
}

/// A node's plan.
#[derive(Debug)]
pub struct Seen {
    /// All that td-agent told.
    pub call: Call,
    /// The change of td-agent itself.
    pub binary: Option<BinaryChange>,
    /// Remarks.
    pub notes: Vec<String>,
}

impl Seen {
    /// Changes that an apply would make.
    pub fn pending(&self) -> usize {
        self.changes().count() + usize::from(self.binary.is_some())
    }

    /// The resources that would be changed.
    pub fn changes(&self) -> impl Iterator<Item = &ResourceDone> {
        self.call.resources.iter().filter(|done| done.outcome == Of::Pending)
    }

    /// The resources that cannot be converged as things are.
    pub fn failures(&self) -> impl Iterator<Item = &ResourceDone> {
        self.call.resources.iter().filter(|done| done.outcome == Of::Failed)
    }

    /// The plan's summary; td-agent has told one, or the call would have failed.
    pub fn plan(&self) -> Option<&Plan> {
        self.call.plan.as_ref()
    }

    /// What it is.
    pub fn facts(&self) -> Option<&Facts> {
        self.call.facts.as_deref()
    }
}

/// Names to addresses, certificates (`due`: what is done about those that are to be made), desired states; `None` when a name has no address, which was said.
///
/// # Errors
/// What is no node's fault.
pub async fn prepare(crew: &Crew, only: &Only, due: Due) -> Result<Option<Wanted>> {
    let (addresses, errors) = resolve::all(&crew.inventory).await;
    if !errors.is_empty() {
        for error in &errors {
            let node = crew.inventory.node(&error.whose).map(|node| node.name.as_str());
            crew.report.event(&serde_json::json!({
                "event": "unreachable", "node": node, "kind": "name", "message": error.to_string(),
            }));
            if !crew.report.json() {
                eprintln!("{error}");
            }
        }
        if !crew.report.json() {
            eprintln!(
                "td-provision: every node's address goes into the others' /etc/hosts and exports, so nothing was begun"
            );
        }
        return Ok(None);
    }
    let ensured = certificates(&crew.inventory, &crew.file, &crew.nodes, due).inspect_err(|error| {
        let code = if crate::certs::is_refusal(error) { 2 } else { 1 };
        crew.report.event(&serde_json::json!({ "event": "failed", "message": format!("{error:#}"), "code": code }));
    })?;
    for note in &ensured.notes {
        crew.report.note(None, note);
    }
    let states = crew.nodes.iter().zip(&ensured.certificates).map(|(node, certificates)| {
        let mut state = desired(&crew.inventory, node, &addresses, certificates);
        if let Some(groups) = only.groups() {
            state = state.only(groups);
        }
        state.facts = true;
        state
    });
    let states = states.collect();
    Ok(Some(Wanted { states, folder: ensured.folder, addresses, agent: only.agent() }))
}

/// Looks at all nodes side by side, with agents that are as td's sources are (see [`Crew::build`]). Machines that are there twice, and those that are not what the inventory says, have
/// failed afterwards.
pub async fn look_all<'a>(crew: &'a Crew, wanted: &Wanted) -> Vec<Looked<'a>> {
    crew.build_for_models().await;
    let items = crew.nodes.iter().zip(&wanted.states);
    let mut looked = crew.each(items, |(node, state)| look(crew, node, state, wanted.agent)).await;
    build_and_look_again(crew, wanted, &mut looked).await;
    let known: Vec<(&str, &Facts)> =
        looked.iter().filter_map(|one| Some((one.node.name.as_str(), one.result.as_ref().ok()?.facts()?))).collect();
    for (a, b, why) in twins::copies(&known) {
        crew.report.note(None, &format!("{a} and {b} {why}"));
    }
    let twins: Vec<(String, String)> = twins::twins(&known)
        .into_iter()
        .flat_map(|(a, b, why)| {
            let text = format!("{a} and {b} {why}");
            [(a.to_owned(), text.clone()), (b.to_owned(), text)]
        })
        .collect();
    for one in &mut looked {
        let twin = twins.iter().find(|(name, _)| *name == one.node.name).map(|(_, why)| why.clone());
        if let Some(why) = twin.or_else(|| unfit(one)) {
            one.result = Err(NodeError::Unfit(why));
        }
        one.recap = crate::outcome::recap(crew, &one.result, |seen| {
            let count = |of: Of| seen.call.resources.iter().filter(|done| done.outcome == of).count();
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            (number(count(Of::Ok)), number(seen.pending()), number(count(Of::Failed)))
        });
    }
    looked
}

/// The nodes that turned out to be of an architecture that the inventory's models do not tell.
async fn build_and_look_again<'a>(crew: &'a Crew, wanted: &Wanted, looked: &mut [Looked<'a>]) {
    let lacking: Vec<(usize, Target)> = looked
        .iter()
        .enumerate()
        .filter_map(|(index, one)| match one.result {
            Err(NodeError::NotBuilt(target)) => Some((index, target)),
            _ => None,
        })
        .collect();
    crew.build(lacking.iter().map(|(_, target)| *target)).await;
    let again = lacking.iter().map(|(index, _)| (&crew.nodes[*index], &wanted.states[*index]));
    let again = crew.each(again, |(node, state)| look(crew, node, state, wanted.agent)).await;
    for ((index, _), again) in lacking.into_iter().zip(again) {
        looked[index] = again;
    }
}

fn unfit(one: &mut Looked<'_>) -> Option<String> {
    let seen = one.result.as_mut().ok()?;
    let fit = fit(one.node, seen.call.facts.as_deref()?);
    seen.notes = fit.notes;
    fit.refused
}

async fn look<'a>(crew: &'a Crew, node: &'a Node, state: &DesiredState, agent: bool) -> Looked<'a> {
    let mut state = state.clone();
    // A clock that is plainly wrong is part of the plan, or the apply would find another one.
    tell_time(&mut state);
    let (hand, result) = match Hand::open(crew, node).await {
        Ok(mut hand) => {
            if let Some(target) = hand.lacks() {
                hand.close().await;
                let result = Err(NodeError::NotBuilt(target));
                return Looked { node, hand: None, result, state, recap: Recap::default() };
            }
            let result = plan(&mut hand, &mut state).await.map(|(call, binary)| Seen {
                call,
                binary: binary.filter(|_| agent),
                notes: Vec::new(),
            });
            (Some(hand), result)
        }
        Err(error) => (None, Err(error)),
    };
    crew.report.doing(&node.name, "looked at");
    Looked { node, hand, result, state, recap: Recap::default() }
}

/// Asked twice only where the node's facts change what it is to be like.
async fn plan(hand: &mut Hand<'_>, state: &mut DesiredState) -> Result<(Call, Option<BinaryChange>), NodeError> {
    let (call, binary) = hand.plan(state).await?;
    match &call.facts {
        Some(facts) if complete(state, facts) => hand.plan(state).await.map(|(call, again)| (call, binary.or(again))),
        _ => Ok((call, binary)),
    }
}

/// Puts this machine's time into a state that keeps clocks.
pub fn tell_time(state: &mut DesiredState) {
    if state.resources.iter().any(|resource| matches!(resource, Resource::Clock(_))) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        state.now = now.ok().map(|now| now.as_secs_f64());
    }
}

/// The state with the cheap proofs, as an apply asks for it at once: when nothing is pending, that was all.
pub fn with_cheap_proofs(wanted: &mut Wanted) {
    for state in &mut wanted.states {
        state.proofs = Proofs::Cheap;
    }
}

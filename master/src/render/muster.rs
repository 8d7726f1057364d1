//! Asking the agents who they are: all of them side by side, so that a node that is switched off delays nobody for long.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use td_inventory::credentials::{ClusterFolder, client_config};
use td_protocol::hello::{Hello, PovrayState};
use tokio::task::JoinSet;

use crate::fleet::client::{AgentError, Client};
use crate::fleet::cluster::Cluster;
use crate::render::failure::RenderError;

/// Once somebody has answered, the others have so long. An agent at its very first start renders its fingerprint scene, on a
/// Raspberry Pi 1 for some seconds.
const STRAGGLERS: Duration = Duration::from_secs(15);

/// Which agents to use.
#[derive(Debug, Clone)]
pub enum Where {
    /// Agents of td's own on this machine.
    Embedded {
        /// POV-Rays at a time; one per core if not said.
        slots: Option<u32>,
        cache: Option<PathBuf>,
    },
    /// Agents that run already, on Unix sockets or loopback addresses of this machine.
    Running(Vec<RunningAgent>),
    /// The nodes of an inventory, over TLS.
    Nodes { nodes: Vec<td_inventory::Node>, credentials: ClusterFolder },
}

/// An agent that runs already.
#[derive(Debug, Clone)]
pub struct RunningAgent {
    pub name: String,
    pub address: AgentAddress,
}

#[derive(Debug, Clone)]
pub enum AgentAddress {
    Socket(PathBuf),
    Loopback(std::net::SocketAddr),
}

/// An agent to be asked.
#[derive(Debug)]
pub struct Candidate {
    pub client: Client,
    /// Slots that the inventory wants of it.
    pub slots: Option<u32>,
}

/// What came of asking.
#[derive(Debug, Default)]
pub struct Answers {
    /// In the order in which they were named.
    pub agents: Vec<(Client, Hello)>,
    /// Sentences: who is left out and why, and slots that are others than was asked for.
    pub notes: Vec<String>,
}

/// The agents on sockets and loopback addresses.
///
/// # Errors
/// When an HTTP client cannot be set up.
pub fn running(agents: &[RunningAgent]) -> Result<Vec<Candidate>, RenderError> {
    let candidate = |agent: &RunningAgent| {
        let client = match &agent.address {
            AgentAddress::Socket(path) => Client::unix(&agent.name, path)?,
            AgentAddress::Loopback(address) => Client::loopback(&agent.name, *address)?,
        };
        Ok(Candidate { client, slots: None })
    };
    agents.iter().map(candidate).collect()
}

/// The nodes of an inventory.
///
/// # Errors
/// When this master has no certificates for them, or a name cannot be asked for.
pub fn of_inventory(nodes: &[td_inventory::Node], credentials: &ClusterFolder) -> Result<Vec<Candidate>, RenderError> {
    let cluster = Cluster::new(client_config(credentials)?, nodes)?;
    nodes.iter().map(|node| Ok(Candidate { client: cluster.node(node)?, slots: node.slots })).collect()
}

/// Asks all of them.
///
/// # Errors
/// When none answered: [`RenderError::Unreachable`], or [`RenderError::Nodes`] where they are there and of no use.
pub async fn ask(candidates: Vec<Candidate>) -> Result<Answers, RenderError> {
    let names: Vec<String> = candidates.iter().map(|candidate| candidate.client.name().to_owned()).collect();
    let mut asking = JoinSet::new();
    for (number, Candidate { client, slots }) in candidates.into_iter().enumerate() {
        asking.spawn(async move {
            let answer = client.hello().await.and_then(|hello| settle(&client, hello, slots));
            (number, client, answer)
        });
    }
    let mut heard: Vec<Option<Heard>> = names.iter().map(|_| None).collect();
    let mut deadline: Option<Instant> = None;
    while !asking.is_empty() {
        let next = asking.join_next();
        let next = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), next).await,
            None => Ok(next.await),
        };
        let Ok(next) = next else { break };
        let Some(Ok((number, client, answer))) = next else { continue };
        if answer.is_ok() {
            deadline.get_or_insert_with(|| Instant::now() + STRAGGLERS);
        }
        if let Some(place) = heard.get_mut(number) {
            *place = Some((client, answer));
        }
    }
    sum_up(&names, heard)
}

type Heard = (Client, Result<(Hello, Option<String>), AgentError>);

fn sum_up(names: &[String], heard: Vec<Option<Heard>>) -> Result<Answers, RenderError> {
    let mut answers = Answers::default();
    let mut all_unreachable = true;
    for (name, heard) in names.iter().zip(heard) {
        match heard {
            Some((client, Ok((hello, note)))) => {
                answers.notes.extend(note);
                answers.agents.push((client, hello));
            }
            Some((_, Err(error))) => {
                all_unreachable &= matches!(error, AgentError::Unreachable { .. });
                answers.notes.push(error.to_string());
            }
            None => answers.notes.push(format!(
                "{name} is left out: the others have answered, and it has not within {} seconds more",
                STRAGGLERS.as_secs()
            )),
        }
    }
    if !answers.agents.is_empty() {
        return Ok(answers);
    }
    Err(if all_unreachable {
        RenderError::Unreachable(answers.notes)
    } else {
        RenderError::Nodes(format!("no agent can be used: {}", answers.notes.join("; ")))
    })
}

/// Checks what an agent offers, and takes as many of its slots as the inventory says.
pub(super) fn settle(
    client: &Client,
    mut hello: Hello,
    wanted: Option<u32>,
) -> Result<(Hello, Option<String>), AgentError> {
    if !is_sane(&hello) {
        let reason = format!("it offers {} slots and a speed that make no sense", hello.slots);
        return Err(AgentError::Garbage { agent: client.name().to_owned(), reason });
    }
    let (slots, note) = slots(client.name(), hello.slots, wanted);
    hello.slots = slots;
    Ok((hello, note))
}

/// How many slots are used of those offered: fewer where the inventory wants so, never more.
fn slots(name: &str, offered: u32, wanted: Option<u32>) -> (u32, Option<String>) {
    match wanted {
        Some(wanted) if wanted > offered => {
            let note =
                format!("{name}: the inventory says {wanted} slots, its agent offers {offered}: {offered} are used");
            (offered, Some(note))
        }
        Some(wanted) => (wanted.max(1), None),
        None => (offered, None),
    }
}

/// Slots and speed as an honest agent tells them. One without a POV-Ray tells no speed.
fn is_sane(hello: &Hello) -> bool {
    let is_speed = match &hello.povray {
        PovrayState::Ready { speed, .. } => speed.is_finite() && *speed > 0.0,
        PovrayState::Unusable { .. } => true,
    };
    (1..=1024).contains(&hello.slots) && is_speed
}

#[cfg(test)]
mod tests {
    use super::slots;

    #[test]
    fn the_inventory_may_ask_for_fewer_slots_and_not_for_more() {
        assert_eq!(slots("pi", 4, None), (4, None));
        assert_eq!(slots("pi", 4, Some(2)), (2, None));
        let (used, note) = slots("pi", 4, Some(6));
        assert_eq!(used, 4);
        assert!(note.is_some_and(|note| note.contains("says 6") && note.contains("offers 4")));
    }
}

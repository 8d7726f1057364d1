//! The agents that take part in a job.

use std::collections::HashMap;
use std::path::PathBuf;

use td_protocol::hello::{Fingerprint, Hello, PovrayState};

use crate::fleet::client::Client;
use crate::fleet::embedded::Embedded;
use crate::render::failure::RenderError;
use crate::render::muster::{self, Candidate, Where};
use crate::render::own_probe::OwnProbe;
use crate::render::recall::{OwnAgent, Returned, cache_or_default};
use crate::schedule::{NodeId, SlotId};

/// One agent that answered.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: NodeId,
    pub client: Client,
    pub hello: Hello,
    /// The scheduler's numbers of its slots.
    pub slots: Vec<SlotId>,
    pub speed: f64,
    pub state_file_proven: bool,
}

/// Agents that draw alike, and the sum of their speeds.
type Group = (Fingerprint, f64, Vec<(Client, Hello)>);

/// All agents of a job. Dropping it ends the embedded one.
#[derive(Debug)]
pub struct Crew {
    pub nodes: Vec<Node>,
    pub fingerprint: Fingerprint,
    /// Sentences for the user: who is left out, and why.
    pub notes: Vec<String>,
    places: HashMap<SlotId, usize>,
    /// The master's own agent for the probe, where nodes are elsewhere.
    pub own_probe: Option<OwnProbe>,
    embedded: Option<Embedded>,
    cache: Option<PathBuf>,
}

impl Crew {
    /// Starts or asks the agents.
    ///
    /// # Errors
    /// When no agent with a usable POV-Ray is left.
    pub async fn muster(place: &Where) -> Result<Self, RenderError> {
        let own_probe = OwnProbe::begin(place);
        let mut crew = match place {
            Where::Embedded { slots, cache } => Self::embedded(*slots, cache.clone()).await,
            Where::Running(agents) => Self::asked(muster::running(agents)?).await,
            Where::Nodes { nodes, credentials } => Self::asked(muster::of_inventory(nodes, credentials)?).await,
        }?;
        crew.own_probe = own_probe;
        Ok(crew)
    }

    async fn embedded(slots: Option<u32>, cache: Option<PathBuf>) -> Result<Self, RenderError> {
        let slots = slots.unwrap_or_else(cores);
        let cache = cache_or_default(cache.as_ref())?;
        let agent = Embedded::start(slots, &cache).await?;
        let client = agent.client().clone();
        let hello = client.hello().await?;
        let (hello, _) = muster::settle(&client, hello, None)?;
        let mut crew = Self::of(vec![(client, hello)])?;
        crew.embedded = Some(agent);
        crew.cache = Some(cache);
        Ok(crew)
    }

    async fn asked(candidates: Vec<Candidate>) -> Result<Self, RenderError> {
        let answers = muster::ask(candidates).await?;
        let mut crew = Self::of(answers.agents)?;
        crew.notes.splice(0..0, answers.notes);
        Ok(crew)
    }

    /// Keeps the agents that draw alike: the group with the most speed.
    fn of(answers: Vec<(Client, Hello)>) -> Result<Self, RenderError> {
        let mut notes = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        for (client, hello) in answers {
            match &hello.povray {
                PovrayState::Unusable { message } => notes.push(format!("{}: {message}", client.name())),
                PovrayState::Ready { fingerprint, speed, .. } => {
                    let weight = speed * f64::from(hello.slots);
                    match groups.iter_mut().find(|(other, _, _)| other == fingerprint) {
                        Some((_, total, members)) => {
                            *total += weight;
                            members.push((client, hello));
                        }
                        None => groups.push((fingerprint.clone(), weight, vec![(client, hello)])),
                    }
                }
            }
        }
        groups.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut groups = groups.into_iter();
        let Some((fingerprint, _, members)) = groups.next() else {
            return Err(RenderError::NoPovray(notes.join("\n")));
        };
        for (other, _, left_out) in groups {
            for (client, _) in left_out {
                notes.push(format!(
                    "{} is left out: its POV-Ray ({}, {} bit) draws otherwise than the others' ({}, {} bit)",
                    client.name(),
                    other.povray,
                    other.word_size,
                    fingerprint.povray,
                    fingerprint.word_size
                ));
            }
        }
        let mut next_slot = 0;
        let nodes = (0..).zip(members).map(|(number, (client, hello))| {
            let slots = (next_slot..next_slot + hello.slots).map(SlotId).collect();
            next_slot += hello.slots;
            let (speed, state_file_proven) = match &hello.povray {
                PovrayState::Ready { speed, state_file_proven, .. } => (*speed, *state_file_proven),
                PovrayState::Unusable { .. } => (1.0, false),
            };
            Node { id: NodeId(number), client, hello, slots, speed, state_file_proven }
        });
        let nodes: Vec<Node> = nodes.collect();
        let places = places(&nodes);
        Ok(Self { nodes, places, fingerprint, notes, own_probe: None, embedded: None, cache: None })
    }

    /// The node with the fastest slots.
    #[must_use]
    pub fn fastest(&self) -> Option<&Node> {
        self.nodes.iter().max_by(|a, b| a.speed.total_cmp(&b.speed))
    }

    #[must_use]
    pub fn node_of(&self, slot: SlotId) -> Option<&Node> {
        self.nodes.get(*self.places.get(&slot)?)
    }

    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The agent of td's own, handed out to be called back; `None` where the agents are others'.
    ///
    /// # Errors
    /// When there is no folder for its cache.
    pub fn take_own(&mut self) -> Result<Option<OwnAgent>, RenderError> {
        let Some(agent) = self.embedded.take() else { return Ok(None) };
        let slots = self.nodes.iter().map(|node| node.hello.slots).sum();
        Ok(Some(OwnAgent { agent, slots, cache: cache_or_default(self.cache.as_ref())? }))
    }

    /// A node that was lost is back; an agent that was started anew listens elsewhere.
    pub fn put_back(&mut self, id: NodeId, returned: Returned) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.id == id) {
            node.client = returned.client;
        }
        if let Some(own) = returned.own {
            self.embedded = Some(own.agent);
        }
    }

    /// Leaves these nodes out.
    pub fn leave_out(&mut self, ids: &[NodeId]) {
        self.nodes.retain(|node| !ids.contains(&node.id));
        self.places = places(&self.nodes);
    }
}

/// Where the node of each slot stands in the list.
fn places(nodes: &[Node]) -> HashMap<SlotId, usize> {
    let of_node = |(place, node): (usize, &Node)| node.slots.iter().map(|&slot| (slot, place)).collect::<Vec<_>>();
    nodes.iter().enumerate().flat_map(of_node).collect()
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

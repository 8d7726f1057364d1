//! The agents that take part in a job.

use std::path::PathBuf;

use td_protocol::hello::{Fingerprint, Hello, PovrayState};

use crate::fleet::client::{AgentError, Client};
use crate::fleet::embedded::{self, Embedded};
use crate::render::failure::RenderError;
use crate::schedule::{NodeId, SlotId};

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
    embedded: Option<Embedded>,
    cache: Option<PathBuf>,
}

impl Crew {
    /// Starts or asks the agents.
    ///
    /// # Errors
    /// When no agent with a usable POV-Ray is left.
    pub async fn muster(place: &Where) -> Result<Self, RenderError> {
        match place {
            Where::Embedded { slots, cache } => Self::embedded(*slots, cache.clone()).await,
            Where::Running(agents) => Self::running(agents).await,
        }
    }

    async fn embedded(slots: Option<u32>, cache: Option<PathBuf>) -> Result<Self, RenderError> {
        let slots = slots.unwrap_or_else(cores);
        let cache = match cache {
            Some(cache) => cache,
            None => embedded::default_cache()?,
        };
        let agent = Embedded::start(slots, &cache).await?;
        let client = agent.client().clone();
        let hello = client.hello().await?;
        let mut crew = Self::of(vec![(client, hello)])?;
        crew.embedded = Some(agent);
        crew.cache = Some(cache);
        Ok(crew)
    }

    async fn running(agents: &[RunningAgent]) -> Result<Self, RenderError> {
        let mut answers = Vec::new();
        let mut notes = Vec::new();
        for agent in agents {
            let client = match &agent.address {
                AgentAddress::Socket(path) => Client::unix(&agent.name, path)?,
                AgentAddress::Loopback(address) => Client::loopback(&agent.name, *address)?,
            };
            match client.hello().await {
                Ok(hello) => answers.push((client, hello)),
                Err(error) => notes.push(error.to_string()),
            }
        }
        if answers.is_empty() {
            return Err(RenderError::AllLost(notes.join("; ")));
        }
        let mut crew = Self::of(answers)?;
        crew.notes.splice(0..0, notes);
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
        if let Some((client, hello)) = members.iter().find(|(_, hello)| !is_sane(hello)) {
            let reason = format!("it offers {} slots and a speed that make no sense", hello.slots);
            return Err(AgentError::Garbage { agent: client.name().to_owned(), reason }.into());
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
        Ok(Self { nodes: nodes.collect(), fingerprint, notes, embedded: None, cache: None })
    }

    /// The node with the fastest slots.
    #[must_use]
    pub fn fastest(&self) -> Option<&Node> {
        self.nodes.iter().max_by(|a, b| a.speed.total_cmp(&b.speed))
    }

    #[must_use]
    pub fn node_of(&self, slot: SlotId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.slots.contains(&slot))
    }

    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Asks a node that was lost again; an embedded agent that died is started anew.
    ///
    /// # Errors
    /// When it cannot be had back.
    pub async fn call_back(&mut self, id: NodeId) -> Result<(), RenderError> {
        if let Some(agent) = &mut self.embedded
            && !agent.answers().await
        {
            let slots = self.nodes.iter().map(|node| node.hello.slots).sum();
            let cache = match &self.cache {
                Some(cache) => cache.clone(),
                None => embedded::default_cache()?,
            };
            self.embedded = None;
            let agent = Embedded::start(slots, &cache).await?;
            if let Some(node) = self.nodes.iter_mut().find(|node| node.id == id) {
                node.client = agent.client().clone();
            }
            self.embedded = Some(agent);
        }
        let Some(node) = self.node(id) else { return Ok(()) };
        let hello = node.client.hello().await?;
        match hello.povray {
            PovrayState::Ready { fingerprint, .. } if fingerprint == self.fingerprint => Ok(()),
            PovrayState::Ready { .. } => {
                Err(RenderError::NoPovray(format!("{}: its POV-Ray has changed", node.client.name())))
            }
            PovrayState::Unusable { message } => Err(RenderError::NoPovray(message)),
        }
    }
}

/// Slots and speed as an honest agent tells them.
fn is_sane(hello: &Hello) -> bool {
    let is_speed = |speed: f64| speed.is_finite() && speed > 0.0;
    let speed = matches!(&hello.povray, PovrayState::Ready { speed, .. } if is_speed(*speed));
    (1..=1024).contains(&hello.slots) && speed
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

//! The agents that take part in a job.

use std::collections::HashMap;
use std::path::PathBuf;

use td_protocol::health::Report;
use td_protocol::hello::{Fingerprint, Hello, PovrayState};

use crate::compose::Maker;
use crate::fleet::client::Client;
use crate::fleet::embedded::Embedded;
use crate::health::Expected;
use crate::render::failure::RenderError;
use crate::render::fitness;
use crate::render::groups::{self, GroupWish, Member};
use crate::render::memory;
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
    /// What its POV-Ray draws like.
    pub fingerprint: Fingerprint,
    /// The scheduler's numbers of its slots.
    pub slots: Vec<SlotId>,
    pub speed: f64,
    pub state_file_proven: bool,
    /// What the inventory expects of it, where there is one.
    pub expected: Expected,
    /// What it said of its health before the first strip.
    pub health: Option<Report>,
}

/// All agents of a job. Dropping it ends the embedded one.
#[derive(Debug)]
pub struct Crew {
    pub nodes: Vec<Node>,
    /// What they draw like; of a mixed crew, what its fastest group does.
    pub fingerprint: Fingerprint,
    /// Whether the user wanted agents together that draw differently.
    pub mixed: bool,
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
    pub async fn muster(place: &Where, wish: GroupWish) -> Result<Self, RenderError> {
        let own_probe = OwnProbe::begin(place);
        let mut crew = match place {
            Where::Embedded { slots, cache } => Self::embedded(*slots, cache.clone(), wish).await,
            Where::Running(agents) => Self::asked(muster::running(agents)?, wish).await,
            Where::Nodes { nodes, credentials } => Self::asked(muster::of_inventory(nodes, credentials)?, wish).await,
        }?;
        crew.own_probe = own_probe;
        if let Where::Nodes { nodes, .. } = place {
            for node in &mut crew.nodes {
                if let Some(found) = nodes.iter().find(|other| *other.name == *node.client.name()) {
                    node.expected.thresholds = found.health.clone();
                }
            }
        }
        // An agent of td's own says nothing that this machine's user does not see.
        if !matches!(place, Where::Embedded { .. }) {
            fitness::ask_all(&mut crew.nodes).await;
        }
        Ok(crew)
    }

    async fn embedded(slots: Option<u32>, cache: Option<PathBuf>, wish: GroupWish) -> Result<Self, RenderError> {
        let slots = slots.unwrap_or_else(cores);
        let cache = cache_or_default(cache.as_ref())?;
        let agent = Embedded::start(slots, &cache).await?;
        let client = agent.client().clone();
        let hello = client.hello().await?;
        let (hello, _) = muster::settle(&client, hello, None)?;
        let mut crew = Self::of(vec![(client, hello)], wish)?;
        crew.embedded = Some(agent);
        crew.cache = Some(cache);
        Ok(crew)
    }

    async fn asked(candidates: Vec<Candidate>, wish: GroupWish) -> Result<Self, RenderError> {
        let answers = muster::ask(candidates).await?;
        let mut crew = Self::of(answers.agents, wish)?;
        crew.notes.splice(0..0, answers.notes);
        Ok(crew)
    }

    /// Keeps the agents that are to work together.
    fn of(answers: Vec<(Client, Hello)>, wish: GroupWish) -> Result<Self, RenderError> {
        let mut notes = Vec::new();
        let (mut able, mut members) = (Vec::new(), Vec::new());
        for (client, hello) in answers {
            match &hello.povray {
                PovrayState::Unusable { message } => notes.push(format!("{}: {message}", client.name())),
                PovrayState::Ready { fingerprint, speed, .. } => {
                    let (name, fingerprint) = (client.name().to_owned(), fingerprint.clone());
                    members.push(Member { name, fingerprint, speed: speed * f64::from(hello.slots) });
                    able.push(Some((client, hello)));
                }
            }
        }
        let choice = groups::choose(&members, wish).map_err(|error| RenderError::Usage(error.to_string()))?;
        let Some(choice) = choice else {
            return Err(RenderError::NoPovray(notes.join("\n")));
        };
        notes.extend(choice.notes);
        let taken = choice.taken.iter().filter_map(|&number| {
            let (client, hello) = able.get_mut(number)?.take()?;
            Some((members.get(number)?.fingerprint.clone(), client, hello))
        });
        let mut next_slot = 0;
        let nodes = (0..).zip(taken).map(|(number, (fingerprint, client, hello))| {
            let slots = (next_slot..next_slot + hello.slots).map(SlotId).collect();
            next_slot += hello.slots;
            let (speed, state_file_proven) = match &hello.povray {
                PovrayState::Ready { speed, state_file_proven, .. } => (*speed, *state_file_proven),
                PovrayState::Unusable { .. } => (1.0, false),
            };
            Node {
                id: NodeId(number),
                client,
                hello,
                fingerprint,
                slots,
                speed,
                state_file_proven,
                expected: Expected::default(),
                health: None,
            }
        });
        let nodes: Vec<Node> = nodes.collect();
        let places = places(&nodes);
        let (fingerprint, mixed) = (choice.fingerprint, choice.mixed);
        Ok(Self { nodes, places, fingerprint, mixed, notes, own_probe: None, embedded: None, cache: None })
    }

    /// Uses no more slots of each node than its memory has room for with a picture of this size, and tells where that is fewer than
    /// it offers. Slots that the user has said stay.
    pub fn fit_memory(&mut self, place: &Where, width: u32, height: u32) {
        let need = memory::need(width, height);
        for node in &mut self.nodes {
            let by_hand = match place {
                Where::Embedded { slots, .. } => slots.is_some(),
                Where::Running(_) => false,
                Where::Nodes { nodes, .. } => {
                    nodes.iter().any(|other| other.slots.is_some() && *other.name == *node.client.name())
                }
            };
            let available = node.hello.memory_available;
            let (used, note) = memory::slots(node.client.name(), node.hello.slots, by_hand, available, need);
            node.slots.truncate(used as usize);
            self.notes.extend(note);
        }
        self.places = places(&self.nodes);
    }

    /// Whether the agents run by themselves, and not for this job only.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.embedded.is_none()
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

    /// The maker of rows that come from this node.
    #[must_use]
    pub fn maker(&self, id: NodeId) -> Maker {
        self.node(id).map_or(Maker::NOBODY, |node| Maker::of(node.client.name()))
    }

    /// The maker of rows that come from this slot.
    #[must_use]
    pub fn maker_on(&self, slot: SlotId) -> Maker {
        self.node_of(slot).map_or(Maker::NOBODY, |node| Maker::of(node.client.name()))
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
            node.health = None;
        }
        if let Some(own) = returned.own {
            self.embedded = Some(own.agent);
        }
    }

    /// Leaves these nodes out, and returns them.
    pub fn leave_out(&mut self, ids: &[NodeId]) -> Vec<Node> {
        let (out, nodes) = std::mem::take(&mut self.nodes).into_iter().partition(|node| ids.contains(&node.id));
        self.nodes = nodes;
        self.places = places(&self.nodes);
        out
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

//! `td-provision certs issue`, and the same for one node at a time.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::json;
use td_inventory::credentials::{self, ClusterFolder};
use td_inventory::{Inventory, Node};
use time::OffsetDateTime;

use super::look::{Kind, Seen, State, Wanted, look};
use super::make::Ca;
use super::{Refusal, now, say, say_event, store};
use crate::output::Outcome;

/// What was done for one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// There was none.
    Made,
    /// The one that was there was not good any more, or near its end.
    Renewed,
    /// A good one was there.
    Kept,
}

impl Issued {
    fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Renewed => "renewed",
            Self::Kept => "kept",
        }
    }
}

/// Gives certificates.
pub struct Office<'a> {
    folder: &'a ClusterFolder,
    ca_pem: String,
    ca: Ca,
    now: OffsetDateTime,
}

impl<'a> Office<'a> {
    /// Opens the CA.
    ///
    /// # Errors
    /// As [`Self::read`], or when the nodes' folder cannot be made.
    pub fn open(folder: &'a ClusterFolder) -> Result<Self> {
        let office = Self::read(folder)?;
        store::private_folder(&folder.nodes())?;
        Ok(office)
    }

    /// Opens the CA to tell what is due; nothing is written.
    ///
    /// # Errors
    /// [`credentials::CredentialsError`] or [`Refusal`] where there is none that can sign.
    pub fn read(folder: &'a ClusterFolder) -> Result<Self> {
        let now = now()?;
        let init = folder.init_command();
        credentials::certificate(&folder.ca(), &init)?;
        credentials::private_key(&folder.ca_key(), &init)?;
        let wanted = Wanted { kind: Kind::Ca, name: "", ca: None };
        let seen = look(&folder.ca(), &folder.ca_key(), wanted, now);
        let not_after = match (seen.state.is_usable(), seen.not_after) {
            (true, Some(not_after)) => not_after,
            _ => {
                let text = format!("{}: the CA's certificate: {}: `{init} --force`", folder.ca().display(), seen.state);
                return Err(Refusal(text).into());
            }
        };
        let read = |path: std::path::PathBuf| {
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let ca_pem = read(folder.ca())?;
        let ca = Ca::from_pem(&ca_pem, &read(folder.ca_key())?, not_after)?;
        Ok(Self { folder, ca_pem, ca, now })
    }

    /// What [`Self::node`] would do.
    pub fn node_due(&self, name: &str) -> Option<Issued> {
        let wanted = Wanted { kind: Kind::Node, name, ca: Some(&self.ca_pem) };
        due(&look(&self.folder.node(name), &self.folder.node_key(name), wanted, self.now).state, false)
    }

    /// What [`Self::master`] would do.
    pub fn master_due(&self) -> Option<Issued> {
        let wanted = Wanted { kind: Kind::Master, name: "", ca: Some(&self.ca_pem) };
        due(&look(&self.folder.master(), &self.folder.master_key(), wanted, self.now).state, false)
    }

    /// Sees to it that the node has a good certificate. With `renew` it gets a new one in any case.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn node(&self, name: &str, renew: bool) -> Result<(Issued, Seen)> {
        let (certificate, key) = (self.folder.node(name), self.folder.node_key(name));
        let wanted = Wanted { kind: Kind::Node, name, ca: Some(&self.ca_pem) };
        let seen = look(&certificate, &key, wanted, self.now);
        let Some(issued) = due(&seen.state, renew) else { return Ok((Issued::Kept, seen)) };
        store::pair(&self.ca.node(name, self.now)?, &certificate, &key)?;
        Ok((issued, look(&certificate, &key, wanted, self.now)))
    }

    /// Sees to it that the master has a good certificate.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn master(&self, cluster: &str) -> Result<(Issued, Seen)> {
        let (certificate, key) = (self.folder.master(), self.folder.master_key());
        let wanted = Wanted { kind: Kind::Master, name: "", ca: Some(&self.ca_pem) };
        let seen = look(&certificate, &key, wanted, self.now);
        let Some(issued) = due(&seen.state, false) else { return Ok((Issued::Kept, seen)) };
        store::pair(&self.ca.master(cluster, self.now)?, &certificate, &key)?;
        Ok((issued, look(&certificate, &key, wanted, self.now)))
    }
}

/// What has to be done about a certificate in this state, if anything.
fn due(state: &State, renew: bool) -> Option<Issued> {
    match state {
        State::Good if !renew => None,
        State::Missing => Some(Issued::Made),
        _ => Some(Issued::Renewed),
    }
}

pub(super) fn run(
    folder: &ClusterFolder,
    inventory: &Inventory,
    names: &[String],
    renew: bool,
    as_json: bool,
) -> Result<Outcome> {
    let nodes = chosen(inventory, names)?;
    let office = Office::open(folder)?;
    let master = office.master(inventory.cluster())?;
    if master.0 != Issued::Kept {
        tell("master", Kind::Master, &master, &office, as_json)?;
    }
    let mut changed = 0;
    for node in &nodes {
        let done = office.node(&node.name, renew)?;
        changed += usize::from(done.0 != Issued::Kept);
        tell(&node.name, Kind::Node, &done, &office, as_json)?;
    }
    store::sync_folder(&folder.nodes())?;
    if as_json {
        say_event(&json!({ "event": "done", "ok": true, "nodes": nodes.len(), "changed": changed }))?;
    } else {
        say(&format!("{changed} of {} made or renewed, in {}", nodes.len(), folder.nodes().display()))?;
    }
    Ok(Outcome::Done)
}

/// The named nodes, or all.
fn chosen<'a>(inventory: &'a Inventory, names: &[String]) -> Result<Vec<&'a Node>> {
    if names.is_empty() {
        return Ok(inventory.nodes().iter().collect());
    }
    let mut nodes: Vec<&Node> = Vec::new();
    for name in names {
        let node = inventory.node(name).ok_or_else(|| {
            let known: Vec<&str> = inventory.nodes().iter().map(|node| node.name.as_str()).collect();
            Refusal(format!("no node {name} in the inventory (there are {})", known.join(", ")))
        })?;
        if !nodes.iter().any(|other| other.name == node.name) {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

fn tell(name: &str, kind: Kind, done: &(Issued, Seen), office: &Office<'_>, as_json: bool) -> Result<()> {
    let (issued, seen) = done;
    let end = seen.not_after.map(|end| end.date().to_string());
    if as_json {
        return say_event(&json!({
            "event": "issued",
            "kind": kind.to_string().to_lowercase(),
            "name": name,
            "action": issued.word(),
            "not_after": end,
            "days_left": seen.days_left(office.now),
        }));
    }
    say(&format!("{name:<20} {:<8} good until {}", issued.word(), end.unwrap_or_default()))
}

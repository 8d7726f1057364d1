//! Certificates for a run over the nodes: what is missing or near its end is made, so that one command sets up a cluster.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use td_inventory::credentials::{self, ClusterFolder};
use td_inventory::{Inventory, Node};

use super::issue::{Issued, Office};
use super::{init, store};
use crate::desired::Certificates;

/// The certificates of some nodes, in their order.
pub struct Ensured {
    /// Where they lie.
    pub folder: ClusterFolder,
    /// One per node.
    pub certificates: Vec<Certificates>,
    /// What was made, one sentence each.
    pub notes: Vec<String>,
}

/// Sees to it that the cluster has a CA, the master its certificate, and each of `nodes` its own.
///
/// # Errors
/// When one cannot be made, read or written.
pub fn ensure(inventory: &Inventory, file: &Path, nodes: &[Node]) -> Result<Ensured> {
    let folder = ClusterFolder::of(inventory.cluster(), file)?;
    let mut notes = Vec::new();
    if !folder.path().exists() {
        init::make(&folder, inventory.cluster(), false)?;
        notes.push(format!("the cluster's CA and the master's certificate were made, in {}", folder.path().display()));
    }
    let mut certificates = Vec::new();
    {
        let office = Office::open(&folder)?;
        if office.master(inventory.cluster())?.0 != Issued::Kept {
            notes.push("the master's certificate was renewed".to_owned());
        }
        let mut made = Vec::new();
        for node in nodes {
            if office.node(&node.name, false)?.0 != Issued::Kept {
                made.push(node.name.as_str());
            }
            let init = folder.init_command();
            credentials::private_key(&folder.node_key(&node.name), &init)?;
            let read = |path: std::path::PathBuf| {
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
            };
            certificates.push(Certificates {
                ca: read(folder.ca())?,
                certificate: read(folder.node(&node.name))?,
                key: read(folder.node_key(&node.name))?,
            });
        }
        if !made.is_empty() {
            store::sync_folder(&folder.nodes())?;
            notes.push(format!("certificates were made for {}", made.join(", ")));
        }
    }
    Ok(Ensured { folder, certificates, notes })
}

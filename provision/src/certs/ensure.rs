//! Certificates for a run over the nodes. An apply makes what is missing or near its end, so that one command sets up a
//! cluster; others only read, and say what it would make.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use td_inventory::credentials::{self, ClusterFolder};
use td_inventory::{Inventory, Node};

use super::issue::{Issued, Office};
use super::{init, store};
use crate::desired::Certificates;

/// Stands in a plan where an apply makes a certificate or key.
const TO_BE_MADE: &str = "(td-provision apply makes it)\n";

/// What a run does about certificates that are missing, near their end, or not good any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Makes them. To be done under the cluster's lock.
    Make,
    /// Shows that an apply makes them.
    Show,
    /// Goes by those that are there.
    Leave,
}

/// The certificates of some nodes, in their order.
pub struct Ensured {
    /// Where they lie.
    pub folder: ClusterFolder,
    /// One per node.
    pub certificates: Vec<Certificates>,
    /// What was made, or would be, one sentence each.
    pub notes: Vec<String>,
}

/// The certificates of `nodes`.
///
/// # Errors
/// When one cannot be made, read or written.
pub fn certificates(inventory: &Inventory, file: &Path, nodes: &[Node], due: Due) -> Result<Ensured> {
    let folder = ClusterFolder::of(inventory.cluster(), file)?;
    match due {
        Due::Make => ensure_in(folder, inventory, nodes),
        Due::Show | Due::Leave => read_in(folder, nodes, due),
    }
}

/// Reads them, and writes nothing.
fn read_in(folder: ClusterFolder, nodes: &[Node], due: Due) -> Result<Ensured> {
    let nothing = |ca: String| Certificates { ca, certificate: TO_BE_MADE.to_owned(), key: TO_BE_MADE.to_owned() };
    if !folder.path().exists() {
        let certificates = nodes.iter().map(|_| nothing(TO_BE_MADE.to_owned())).collect();
        let note =
            "there are no certificates yet: `td-provision apply` makes the cluster's CA, the master's and the nodes'";
        return Ok(Ensured { folder, certificates, notes: vec![note.to_owned()] });
    }
    let mut notes = Vec::new();
    let mut certificates = Vec::new();
    {
        let office = Office::read(&folder)?;
        if office.master_due().is_some() {
            notes.push("`td-provision apply` makes the master's certificate anew".to_owned());
        }
        let ca = fs::read_to_string(folder.ca()).with_context(|| format!("cannot read {}", folder.ca().display()))?;
        let mut made = Vec::new();
        for node in nodes {
            let issued = office.node_due(&node.name);
            if issued.is_some() {
                made.push(node.name.as_str());
            }
            let there = if issued.is_none() || due == Due::Leave { there(&folder, &node.name, &ca) } else { None };
            certificates.push(there.unwrap_or_else(|| nothing(ca.clone())));
        }
        if !made.is_empty() {
            notes.push(format!("`td-provision apply` makes certificates for {}", made.join(", ")));
        }
    }
    Ok(Ensured { folder, certificates, notes })
}

/// A node's certificate and key that are there.
fn there(folder: &ClusterFolder, node: &str, ca: &str) -> Option<Certificates> {
    let certificate = fs::read_to_string(folder.node(node)).ok()?;
    let key = fs::read_to_string(folder.node_key(node)).ok()?;
    Some(Certificates { ca: ca.to_owned(), certificate, key })
}

/// Sees to it that the cluster has a CA, the master its certificate, and each of `nodes` its own.
fn ensure_in(folder: ClusterFolder, inventory: &Inventory, nodes: &[Node]) -> Result<Ensured> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("is read").path();
                match path.is_dir() {
                    true => open.push(path),
                    false => found.push((path.clone(), fs::read(path).expect("is read"))),
                }
            }
        }
        found.sort();
        found
    }

    /// A look says what is due and writes nothing; what is there it goes by.
    #[test]
    fn only_an_apply_makes_certificates() {
        let base = tempfile::tempdir().expect("a folder");
        let folder = ClusterFolder::at(base.path().join("paper"), Path::new("inventory.yaml"));
        let yaml = "cluster: paper\nnodes: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 } }";
        let inventory = Inventory::from_bytes("inventory.yaml", yaml.as_bytes()).expect("is good");
        let (all, first) = (inventory.nodes(), &inventory.nodes()[..1]);
        let looked = read_in(folder.clone(), all, Due::Show).expect("is read");
        assert!(!folder.path().exists(), "nothing was made");
        assert_eq!(looked.certificates.len(), 2);
        assert!(looked.certificates.iter().all(|of| of.ca == TO_BE_MADE && of.key == TO_BE_MADE));
        assert!(looked.notes[0].contains("`td-provision apply` makes the cluster's CA"), "{:?}", looked.notes);

        ensure_in(folder.clone(), &inventory, first).expect("are made");
        let before = files(base.path());
        for due in [Due::Show, Due::Leave] {
            let looked = read_in(folder.clone(), all, due).expect("is read");
            assert!(looked.certificates[0].certificate.contains("BEGIN CERTIFICATE"));
            assert_eq!(looked.certificates[1].certificate, TO_BE_MADE);
            assert!(looked.certificates[1].ca.contains("BEGIN CERTIFICATE"));
            assert_eq!(looked.notes, ["`td-provision apply` makes certificates for b"]);
        }
        // One that others could have read is made anew: a plan shows that, a proof goes by what is there.
        let key = folder.node_key("a");
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("set");
        assert_eq!(read_in(folder.clone(), first, Due::Show).expect("is read").certificates[0].certificate, TO_BE_MADE);
        let left = read_in(folder.clone(), first, Due::Leave).expect("is read");
        assert!(left.certificates[0].certificate.contains("BEGIN CERTIFICATE"));
        assert_eq!(left.notes, ["`td-provision apply` makes certificates for a"]);
        assert_eq!(files(base.path()), before, "and nothing was written");
    }
}

//! Names to addresses, as the master's system has them: /etc/hosts, DNS, and mDNS for `.local` where libnss-mdns is there.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use td_inventory::{Address, Inventory, ServerPlace};
use thiserror::Error;

/// A name that has no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{whose}: the host name {host} has no address ({why}); {}", hint(.host))]
pub struct ResolveError {
    /// The node, or `share.server`.
    pub whose: String,
    /// The name.
    pub host: String,
    /// The resolver's words.
    pub why: String,
}

/// Longest wait for a resolver.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the resolver said, without our own library's preface.
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

/// What to do about a name without an address.
pub fn hint(host: &str) -> &'static str {
    if host.to_ascii_lowercase().ends_with(".local") {
        "`.local` names need avahi-daemon on the node and libnss-mdns on this machine; or write the IP address"
    } else {
        "check the spelling, or write the IP address into the inventory"
    }
}

/// Addresses of all nodes by name, and of the share's server where that is no node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// By the node's name.
    pub nodes: BTreeMap<String, IpAddr>,
    /// A server outside the cluster.
    pub server: Option<IpAddr>,
}

/// Resolves all names of an inventory, side by side. IPv4 comes first, as most NFS set-ups have it.
///
/// # Errors
/// The nodes whose names have no address; the others are in the result all the same.
pub async fn all(inventory: &Inventory) -> (Addresses, Vec<ResolveError>) {
    let mut wanted: Vec<(String, &Address)> =
        inventory.nodes().iter().map(|node| (node.name.clone(), &node.address)).collect();
    if let Some(ServerPlace::Outside(address)) = inventory.share().map(|share| &share.server) {
        // No node has a name with a dot at its start.
        wanted.push((".server".to_owned(), address));
    }
    let found = futures_util::future::join_all(wanted.iter().map(|(name, address)| one(name, address))).await;
    let mut addresses = Addresses::default();
    let mut errors = Vec::new();
    for ((name, _), result) in wanted.into_iter().zip(found) {
        match result {
            Ok(ip) if name == ".server" => addresses.server = Some(ip),
            Ok(ip) => drop(addresses.nodes.insert(name, ip)),
            Err(error) => errors.push(error),
        }
    }
    (addresses, errors)
}

async fn one(name: &str, address: &Address) -> Result<IpAddr, ResolveError> {
    let host = match address {
        Address::Ip(ip) => return Ok(*ip),
        Address::Host(host) => host.clone(),
    };
    let whose = if name == ".server" { "share.server".to_owned() } else { name.to_owned() };
    let failed = |why: String| ResolveError { whose: whose.clone(), host: host.clone(), why };
    let found = tokio::time::timeout(DEADLINE, tokio::net::lookup_host((host.as_str(), 0))).await;
    let found: Vec<SocketAddr> =
        found.map_err(|_| failed("no answer".into()))?.map_err(|e| failed(words(&e)))?.collect();
    let best = found.iter().find(|address| address.is_ipv4()).or(found.first());
    best.map(|address| address.ip().to_canonical()).ok_or_else(|| failed("no address".into()))
}

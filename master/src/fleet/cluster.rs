//! The nodes of an inventory, by mutual TLS: one TLS configuration and one HTTP client for all of them.
//!
//! A node is asked for by its name in the inventory (`https://pi110:7979/`), since that is the name in its certificate; the
//! client's resolver turns the name into the inventory's address. So a thousand nodes share one client with its pool and its
//! kept sessions, and none of them is ever looked up under its name in any name service.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ClientConfig;
use td_inventory::{Address, Node};

use crate::fleet::client::Client;

/// Time for the connection, TLS included. A Raspberry Pi 1 whose core renders needs a good part of a second for a handshake.
pub const CONNECT: Duration = Duration::from_secs(10);
/// Idle connections that are kept to one node: heartbeats, answers, a strip that ends.
const IDLE: usize = 4;
/// For so long. Agents close theirs later.
const IDLE_TIME: Duration = Duration::from_secs(50);
/// After so long without an acknowledgement a connection is dead: a cable that is cut says nothing.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Why a node of an inventory cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("the HTTP client cannot be set up: {0}")]
    Http(String),
    #[error("the node's name {0} cannot be part of an HTTPS address: give it another name in the inventory")]
    Name(String),
}

/// All nodes of an inventory.
#[derive(Debug, Clone)]
pub struct Cluster {
    http: reqwest::Client,
}

impl Cluster {
    /// A client for these nodes. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ClusterError::Http`].
    pub fn new(tls: ClientConfig, nodes: &[Node]) -> Result<Self, ClusterError> {
        raise_open_files();
        let addresses = nodes.iter().map(|node| (node.name.to_ascii_lowercase(), node.address.clone())).collect();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .dns_resolver(Arc::new(Addresses { addresses }))
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(IDLE)
            .pool_idle_timeout(IDLE_TIME)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ClusterError::Http(crate::fleet::trouble::sentence(&error)))?;
        Ok(Self { http })
    }

    /// One node of them.
    ///
    /// # Errors
    /// [`ClusterError::Name`] for a name that a URL would read as something else.
    pub fn node(&self, node: &Node) -> Result<Client, ClusterError> {
        let name = node.name.to_ascii_lowercase();
        let base = format!("https://{name}:{}", node.agent_port);
        let read_back = reqwest::Url::parse(&base).ok();
        if read_back.as_ref().and_then(reqwest::Url::host_str) != Some(name.as_str()) {
            return Err(ClusterError::Name(node.name.clone()));
        }
        Ok(Client::over(&node.name, base, self.http.clone()))
    }
}

/// Each node takes some connections, and the usual limit of 1,024 open files is for another kind of program.
pub(super) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!("the limit of open files stays as it is: {error}");
    }
}

/// From a node's name to its addresses.
#[derive(Debug)]
struct Addresses {
    addresses: HashMap<String, Address>,
}

/// A name that is not of the inventory, or a host that nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    #[error("{0} is no node of the inventory")]
    NotOurs(String),
    #[error("its address {host} cannot be resolved: {source}")]
    Host { host: String, source: std::io::Error },
    #[error("its address {0} has no IP address")]
    Empty(String),
}

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.addresses.get(&name.as_str().to_ascii_lowercase()).cloned();
        Box::pin(async move {
            let addresses: Vec<IpAddr> = match found {
                None => return Err(Unresolved::NotOurs(name.as_str().to_owned()).into()),
                Some(Address::Ip(ip)) => vec![ip],
                Some(Address::Host(host)) => {
                    let looked_up = tokio::net::lookup_host((host.as_str(), 0)).await;
                    let found = looked_up.map_err(|source| Unresolved::Host { host: host.clone(), source })?;
                    let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
                    if found.is_empty() {
                        return Err(Unresolved::Empty(host).into());
                    }
                    found
                }
            };
            // The port is that of the URL.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(address: &str, name: &str) -> Result<Vec<SocketAddr>, String> {
        let addresses = HashMap::from([("pi110".to_owned(), address.parse().unwrap())]);
        let resolver = Addresses { addresses };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(resolver.resolve(name.parse().unwrap()));
        found.map(Iterator::collect).map_err(|error| error.to_string())
    }

    #[test]
    fn a_node_is_found_at_the_inventorys_address() {
        assert_eq!(resolve("192.0.2.7", "pi110"), Ok(vec!["192.0.2.7:0".parse().unwrap()]));
        assert_eq!(resolve("2001:db8::7", "PI110"), Ok(vec!["[2001:db8::7]:0".parse().unwrap()]));
        assert!(resolve("localhost", "pi110").unwrap().iter().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn no_other_name_is_asked_for() {
        assert_eq!(resolve("192.0.2.7", "localhost"), Err("localhost is no node of the inventory".to_owned()));
        assert!(resolve("no-such-host.invalid", "pi110").unwrap_err().contains("no-such-host.invalid"));
    }
}

//! What a node is to be like: the inventory, the addresses, the certificates and the node's facts in, td-agent's desired
//! state out. No I/O.

mod fit;
#[cfg(test)]
mod tests;

#[cfg(test)]
use fit::Fit;
pub use fit::fit;

use std::net::IpAddr;

use td_inventory::{ClockFrom, Inventory, Node, ServerPlace, Share};
use td_protocol::converge::desired::DesiredState;
use td_protocol::converge::facts::Facts;
use td_protocol::converge::resource::{
    Account, Boot, Clock, ClockSource, Directory, File, HostEntry, Hostname, Hosts, MountSource, NfsExport, NfsMount,
    Packages, Probe, Resource, Service,
};
use td_protocol::converge::values::{Content, Mode};

use crate::resolve::Addresses;

/// The account that td-agent runs as, and its group.
pub const ACCOUNT: &str = "td";
/// td-agent's own folder.
const HOME: &str = "/var/lib/td";
/// Scenes, finished bands, scratch files.
const CACHE: &str = "/var/lib/td/cache";
/// The cluster's and the node's certificate, and its key.
const TLS: &str = "/etc/td";

/// What every node needs of Debian. The includes are a package of their own, and only recommended.
const PACKAGES: [&str; 3] = ["povray", "povray-includes", "imagemagick"];

/// A node's certificates, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificates {
    /// The cluster's CA.
    pub ca: String,
    /// The node's certificate.
    pub certificate: String,
    /// The node's key.
    pub key: String,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates(...)")
    }
}

/// Whether `node` serves the share.
pub fn serves(share: &Share, node: &Node) -> bool {
    matches!(&share.server, ServerPlace::Node(name) if *name == node.name)
}

/// The state of `node`. Every node of the inventory must have its address in `addresses`; who has none is left out of
/// /etc/hosts and exports, which the caller has to prevent.
pub fn desired(inventory: &Inventory, node: &Node, addresses: &Addresses, certificates: &Certificates) -> DesiredState {
    // Scene files go to the share's server once, which lays them there for the others.
    let publishes = inventory.share().is_some_and(|share| serves(share, node));
    let role = if publishes { "--publish" } else { "--share" };
    let shared = inventory.share().filter(|share| matches!(share.server, ServerPlace::Node(_)));
    let shared = shared.map(|share| if publishes { share.export.clone() } else { share.mount.clone() });
    // Where the share is mounted, whoever serves it.
    let mounted = inventory.share().filter(|share| serves(share, node) || server_address(share, addresses).is_some());
    let mounted = mounted.map(|share| share.mount.clone());
    // The agent is started anew when this changes, and then with the other POV-Ray.
    let word_size = node.povray_word_size.map(|bits| format!("--povray-word-size={bits}"));
    let mut state = DesiredState::new(&node.name);
    state.model = Some(node.model.id().to_owned());
    state.resources = vec![
        Resource::Hostname(Hostname { name: short(&node.name).to_owned() }),
        Resource::Hosts(Hosts { entries: hosts(inventory, addresses) }),
        Resource::Account(Account {
            name: ACCOUNT.to_owned(),
            uid: inventory.uid(),
            gid: inventory.uid(),
            home: HOME.to_owned(),
            // May ask the firmware for temperature and throttling.
            groups: vec!["video".to_owned()],
        }),
        directory(HOME, ACCOUNT, 0o755),
        directory(CACHE, ACCOUNT, 0o700),
        directory(TLS, "root", 0o750),
        file("ca.pem", &certificates.ca, false),
        file("agent.pem", &certificates.certificate, false),
        file("agent.key", &certificates.key, true),
        Resource::Packages(packages(inventory, node)),
        Resource::Clock(Clock { source: clock(inventory, node, addresses) }),
        Resource::Service(Service {
            name: node.name.clone(),
            user: ACCOUNT.to_owned(),
            port: node.agent_port,
            slots: node.slots,
            tls: TLS.to_owned(),
            cache: CACHE.to_owned(),
            write_paths: shared.iter().filter(|_| publishes).cloned().collect(),
            arguments: shared.into_iter().flat_map(|path| [role.to_owned(), path]).chain(word_size).collect(),
            probe: Some(Probe { share: mounted, serves_share: publishes }),
        }),
    ];
    if let Some(share) = inventory.share() {
        nfs(&mut state.resources, inventory, share, node, addresses);
    }
    let (gpu_mem, arm_freq) = (node.boot.gpu_mem, node.boot.arm_freq);
    if gpu_mem.is_some() || arm_freq.is_some() {
        state.resources.push(Resource::Boot(Boot { gpu_mem, arm_freq }));
    }
    state
}

/// What the node's facts add. The answer is whether anything was.
///
/// A node whose clock nobody keeps gets systemd-timesyncd. It is not in every node's packages: it conflicts with every other
/// time keeper, so apt would remove the one that a node has.
pub fn complete(state: &mut DesiredState, facts: &Facts) -> bool {
    const TIMESYNCD: &str = "systemd-timesyncd";
    let by_system = state
        .resources
        .iter()
        .any(|resource| matches!(resource, Resource::Clock(Clock { source: ClockSource::System })));
    if !by_system || facts.clock.by.is_some() {
        return false;
    }
    for resource in &mut state.resources {
        if let Resource::Packages(packages) = resource
            && !packages.names.iter().any(|name| name == TIMESYNCD)
        {
            packages.names.push(TIMESYNCD.to_owned());
            return true;
        }
    }
    false
}

/// A host name without its domain.
fn short(name: &str) -> &str {
    name.split_once('.').map_or(name, |(first, _)| first)
}

fn hosts(inventory: &Inventory, addresses: &Addresses) -> Vec<HostEntry> {
    let entry = |node: &Node| {
        let mut names = vec![node.name.clone()];
        if short(&node.name) != node.name {
            names.push(short(&node.name).to_owned());
        }
        Some(HostEntry { address: *addresses.nodes.get(&node.name)?, names })
    };
    inventory.nodes().iter().filter_map(entry).collect()
}

fn directory(path: &str, owner: &str, mode: u32) -> Resource {
    Resource::Directory(Directory {
        path: path.to_owned(),
        owner: owner.to_owned(),
        group: ACCOUNT.to_owned(),
        mode: Mode(mode),
    })
}

fn file(name: &str, content: &str, secret: bool) -> Resource {
    Resource::File(File {
        path: format!("{TLS}/{name}"),
        content: Content(content.to_owned()),
        secret,
        owner: "root".to_owned(),
        group: ACCOUNT.to_owned(),
        mode: Mode(0o640),
    })
}

fn packages(inventory: &Inventory, node: &Node) -> Packages {
    let mut names: Vec<String> = PACKAGES.iter().map(|name| (*name).to_owned()).collect();
    if let Some(share) = inventory.share() {
        names.push("nfs-common".to_owned());
        // Without anybody to export to its service would not even start.
        if serves(share, node) && inventory.nodes().len() > 1 {
            names.push("nfs-kernel-server".to_owned());
        }
    }
    if inventory.clock() == ClockFrom::Server {
        names.push("chrony".to_owned());
    }
    for name in &node.packages {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Packages { povray_word_size: node.povray_word_size, proxy: node.apt_proxy.clone(), ..Packages::new(names) }
}

/// The address of the share's server, where it has one.
fn server_address(share: &Share, addresses: &Addresses) -> Option<IpAddr> {
    match &share.server {
        ServerPlace::Node(name) => addresses.nodes.get(name).copied(),
        ServerPlace::Outside(_) => addresses.server,
    }
}

fn others(inventory: &Inventory, node: &Node, addresses: &Addresses) -> Vec<IpAddr> {
    let others = inventory.nodes().iter().filter(|other| other.name != node.name);
    let mut found: Vec<IpAddr> = others.filter_map(|other| addresses.nodes.get(&other.name).copied()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn clock(inventory: &Inventory, node: &Node, addresses: &Addresses) -> ClockSource {
    match (inventory.clock(), inventory.share()) {
        (ClockFrom::Server, Some(share)) if serves(share, node) => {
            ClockSource::ChronyServer { clients: others(inventory, node, addresses) }
        }
        (ClockFrom::Server, Some(share)) => match server_address(share, addresses) {
            Some(server) => ClockSource::ChronyClient { server },
            None => ClockSource::System,
        },
        _ => ClockSource::System,
    }
}

fn nfs(resources: &mut Vec<Resource>, inventory: &Inventory, share: &Share, node: &Node, addresses: &Addresses) {
    let export = share.export.clone();
    let source = if serves(share, node) {
        resources.push(Resource::NfsExport(NfsExport {
            path: export.clone(),
            clients: others(inventory, node, addresses),
            owner: ACCOUNT.to_owned(),
            group: ACCOUNT.to_owned(),
        }));
        MountSource::Local { export }
    } else {
        match server_address(share, addresses) {
            Some(server) => MountSource::Nfs { server, export },
            None => return,
        }
    };
    resources.push(Resource::NfsMount(NfsMount { path: share.mount.clone(), source }));
}

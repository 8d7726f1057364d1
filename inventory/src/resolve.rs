//! The defaults merged into each node, and back.

use std::collections::BTreeMap;

use crate::file::{self, File, Group, Health, Host};
use crate::finding::{Finding, Findings, Span};
use crate::health::{self, Bound};
use crate::inventory::{Boot, Inventory, Node, PasswordSource, ServerPlace, Share};
use crate::keys::{DEFAULT_AGENT_PORT, DEFAULT_CLUSTER, DEFAULT_EXPORT, DEFAULT_MOUNT, DEFAULT_UID};
use crate::model::Model;

/// A checked file with its defaults merged. A node's own value stands before the default's; `boot` is merged setting by
/// setting, lists are not merged.
pub(crate) fn resolve(file: File, notes: Findings) -> Result<Inventory, Finding> {
    let defaults = file.defaults.unwrap_or_default();
    let groups = file.groups.unwrap_or_default();
    let node = |(name, host)| node(name, host, &defaults, &groups);
    let nodes = file.nodes.into_iter().map(node).collect::<Result<Vec<_>, _>>()?;
    let share = file.share.map(|from| share(from, &nodes)).transpose()?;
    let cluster = file.cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned());
    Ok(Inventory {
        cluster,
        uid: file.uid.unwrap_or(DEFAULT_UID),
        clock: file.clock.unwrap_or_default(),
        share,
        nodes,
        notes,
    })
}

/// Something that the checks have ruled out.
fn bug(path: String) -> Finding {
    Finding::new(Span::START, path, "a bug in td: passed the checks")
}

fn node(name: String, own: Host, defaults: &Host, by_group: &BTreeMap<String, Group>) -> Result<Node, Finding> {
    let model = own.model.or(defaults.model).unwrap_or(Model::Generic);
    let own_boot = own.boot.unwrap_or_default();
    let default_boot = defaults.boot.unwrap_or_default();
    // A default that the model does not take is left out; `boot` has noted it.
    let fitting = |value: Option<u32>, range: Option<std::ops::RangeInclusive<u32>>| {
        value.filter(|value| range.is_some_and(|range| range.contains(value)))
    };
    let gpu_mem = fitting(default_boot.gpu_mem, model.gpu_mem());
    let arm_freq = fitting(default_boot.arm_freq, model.arm_freq());
    let groups = own.groups.or_else(|| defaults.groups.clone()).unwrap_or_default();
    // Of several groups the first that the node names counts most, so it comes last.
    let of_groups = groups.iter().rev().filter_map(|name| by_group.get(name)?.health.as_ref());
    let scopes = defaults.health.iter().chain(of_groups).chain(own.health.iter());
    let health = health::merged(scopes.map(|scope: &Health| {
        move |check: &str| scope.get(check).map_or((None, None), |limits| (limits.warn, limits.fail))
    }));
    let Some(address) = own.address else {
        return Err(bug(format!("nodes.{name}.address")));
    };
    Ok(Node {
        name,
        address,
        user: own.user.or_else(|| defaults.user.clone()),
        model,
        slots: own.slots.or(defaults.slots),
        groups,
        boot: Boot { gpu_mem: own_boot.gpu_mem.or(gpu_mem), arm_freq: own_boot.arm_freq.or(arm_freq) },
        povray_word_size: own.povray_word_size.or(defaults.povray_word_size),
        packages: own.packages.or_else(|| defaults.packages.clone()).unwrap_or_default(),
        apt_proxy: own.apt_proxy.or_else(|| defaults.apt_proxy.clone()).filter(|proxy| proxy != "none"),
        ssh_port: own.ssh_port.or(defaults.ssh_port),
        agent_port: own.agent_port.or(defaults.agent_port).unwrap_or(DEFAULT_AGENT_PORT),
        jump: own.jump.or_else(|| defaults.jump.clone()),
        identity_file: own.identity_file.or_else(|| defaults.identity_file.clone()),
        password: own.password.or_else(|| defaults.password.clone()).and_then(PasswordSource::read),
        becomes: own.becomes.or(defaults.becomes).unwrap_or_default(),
        health,
    })
}

fn share(from: file::Share, nodes: &[Node]) -> Result<Share, Finding> {
    let address = from.server.parse().ok();
    let node = nodes
        .iter()
        .find(|node| node.name.eq_ignore_ascii_case(&from.server))
        .or_else(|| nodes.iter().find(|node| Some(&node.address) == address.as_ref()));
    let server = match (node, address) {
        (Some(node), _) => ServerPlace::Node(node.name.clone()),
        (None, Some(address)) => ServerPlace::Outside(address),
        (None, None) => return Err(bug("share.server".to_owned())),
    };
    Ok(Share {
        server,
        export: from.export.unwrap_or_else(|| DEFAULT_EXPORT.to_owned()),
        mount: from.mount.unwrap_or_else(|| DEFAULT_MOUNT.to_owned()),
    })
}

/// The file that says everything at each node.
pub(crate) fn written_out(inventory: &Inventory) -> File {
    File {
        cluster: Some(inventory.cluster.clone()),
        uid: Some(inventory.uid),
        clock: Some(inventory.clock),
        defaults: None,
        groups: None,
        share: inventory.share.as_ref().map(|share| file::Share {
            server: match &share.server {
                ServerPlace::Node(name) => name.clone(),
                ServerPlace::Outside(address) => address.to_string(),
            },
            export: Some(share.export.clone()),
            mount: Some(share.mount.clone()),
        }),
        nodes: inventory.nodes.iter().map(|node| (node.name.clone(), host(node))).collect(),
    }
}

fn host(node: &Node) -> Host {
    let bound = |bound: Option<f64>| Some(bound.map_or(Bound::None, Bound::At));
    let limits = |bounds: health::Bounds| file::Limits { warn: bound(bounds.warn), fail: bound(bounds.fail) };
    let health: Health = node.health.changed().map(|(check, bounds)| (check.to_owned(), limits(bounds))).collect();
    let boot = file::Boot { gpu_mem: node.boot.gpu_mem, arm_freq: node.boot.arm_freq };
    Host {
        address: Some(node.address.clone()),
        user: node.user.clone(),
        model: Some(node.model),
        slots: node.slots,
        groups: Some(node.groups.clone()),
        boot: (node.boot != Boot::default()).then_some(boot),
        povray_word_size: node.povray_word_size,
        packages: Some(node.packages.clone()),
        apt_proxy: node.apt_proxy.clone(),
        ssh_port: node.ssh_port,
        agent_port: Some(node.agent_port),
        jump: node.jump.clone(),
        identity_file: node.identity_file.clone(),
        password: node.password.as_ref().map(PasswordSource::written),
        becomes: Some(node.becomes),
        health: (!health.is_empty()).then_some(health),
    }
}

//! What one key alone cannot tell. Works on the tree and not on typed values, so that it also runs on a file with errors:
//! what has a wrong form is passed over here, `check` has said it.

use std::collections::HashMap;

use crate::address::Address;
use crate::boot;
use crate::finding::Finding;
use crate::hosts;
use crate::jump::Jump;
use crate::keys::{DEFAULT_EXPORT, DEFAULT_MOUNT};
use crate::limits;
use crate::model::Model;
use crate::quote;
use crate::suggest;
use crate::yaml::{Entry, Node};

/// One node of the file, with the defaults behind it.
pub(crate) struct NodeView<'a> {
    pub entry: &'a Entry,
    pub defaults: Option<&'a Node>,
}

impl<'a> NodeView<'a> {
    pub fn name(&self) -> &'a str {
        &self.entry.key
    }

    pub fn path(&self) -> String {
        quote::join("nodes", &self.entry.key)
    }

    /// The node's own value of `key`.
    pub fn own(&self, key: &str) -> Option<&'a Node> {
        self.entry.value.entry(key).map(|entry| &*entry.value)
    }

    /// The node's own value, else that of `defaults`.
    pub fn effective(&self, key: &str) -> Option<&'a Node> {
        self.own(key).or_else(|| {
            let entry = self.defaults?.entry(key)?;
            Some(&*entry.value)
        })
    }

    /// The model that the node has in effect; `None` where the word is no model.
    pub fn model(&self) -> Option<Model> {
        match self.effective("model") {
            None => Some(Model::Generic),
            Some(node) => node.text()?.parse().ok(),
        }
    }

    /// The node's address, where its form is right.
    pub fn address(&self) -> Option<Address> {
        self.own("address")?.text()?.parse().ok()
    }
}

/// What [`inspect`] found.
pub(crate) struct Crossed {
    pub errors: Vec<Finding>,
    pub notes: Vec<Finding>,
}

pub(crate) fn inspect(root: &Node) -> Crossed {
    let defaults = root.entry("defaults").map(|entry| &*entry.value);
    let nodes: Vec<NodeView> = root
        .entry("nodes")
        .map(|nodes| nodes.value.entries())
        .unwrap_or_default()
        .iter()
        .map(|entry| NodeView { entry, defaults })
        .collect();
    let mut errors = hosts::inspect(&nodes);
    let mut notes = Vec::new();
    boot::inspect(defaults, &nodes, &mut errors, &mut notes);
    word_sizes(&nodes, &mut errors);
    groups(defaults, &nodes, &mut errors);
    jumps(&nodes, &mut errors);
    limits::inspect(root, &nodes, &mut errors);
    clock(root, &nodes, &mut errors);
    if let Some(share) = root.entry("share") {
        server(&share.value, &nodes, &mut errors);
        folders(&share.value, &mut errors);
    }
    Crossed { errors, notes }
}

/// A 32-bit machine runs no 64-bit POV-Ray.
fn word_sizes(nodes: &[NodeView], errors: &mut Vec<Finding>) {
    for node in nodes {
        let (Some(place), Some(model)) = (node.effective("povray_word_size"), node.model()) else { continue };
        if place.whole() == Some(64) && model.word_bits() < 64 {
            let message = format!("a {model} is a machine of 32 bit: write 32, or leave it out");
            errors.push(Finding::new(place.span, format!("{}.povray_word_size", node.path()), message));
        }
    }
}

/// `--limit` takes nodes and groups by name, so one word cannot be both.
fn groups(defaults: Option<&Node>, nodes: &[NodeView], errors: &mut Vec<Finding>) {
    let names: HashMap<_, _> = nodes.iter().map(|node| (node.name(), node.entry.key_span)).collect();
    let owners = nodes.iter().map(|node| (node.path(), &*node.entry.value));
    let owners = owners.chain(defaults.map(|node| ("defaults".to_owned(), node)));
    for (path, owner) in owners {
        let Some(groups) = owner.entry("groups") else {
            continue;
        };
        let crate::yaml::Value::List(items) = &groups.value.value else {
            continue;
        };
        for (index, item) in items.iter().enumerate() {
            if let Some(name) = item.text()
                && let Some(span) = names.get(name)
            {
                errors.push(Finding::new(
                    item.span,
                    format!("{path}.groups[{index}]"),
                    format!(
                        "no group can have a node's name, {} is the node of line {}",
                        quote::quoted(name),
                        span.line
                    ),
                ));
            }
        }
    }
}

/// The server that gives the time is a node, which td can set up so.
fn clock(root: &Node, nodes: &[NodeView], errors: &mut Vec<Finding>) {
    let Some(clock) = root.entry("clock").filter(|clock| clock.value.text() == Some("server")) else {
        return;
    };
    let message = match root.entry("share").map(|share| share.value.entry("server").and_then(|s| s.value.text())) {
        None => "`server` is the share's server, and there is no `share`",
        // A server of the wrong form: `check` has said it.
        Some(None) => return,
        Some(Some(server)) => {
            let address = server.parse().ok();
            let is_node = |node: &NodeView| {
                node.name().eq_ignore_ascii_case(server) || (address.is_some() && node.address() == address)
            };
            if nodes.iter().any(is_node) {
                return;
            }
            "`server` is the share's server, which is no node of this file here: td cannot set up its clock"
        }
    };
    errors.push(Finding::new(clock.value.span, "clock", message));
}

/// Nobody reaches a node through itself.
fn jumps(nodes: &[NodeView], errors: &mut Vec<Finding>) {
    for node in nodes {
        let Some(Ok(Jump(hops))) = node.effective("jump").and_then(Node::text).map(str::parse) else {
            continue;
        };
        let own = node.own("jump");
        let itself = |host: &Address| match host {
            Address::Host(name) if name.eq_ignore_ascii_case(node.name()) => true,
            host => node.address().as_ref() == Some(host),
        };
        if !hops.iter().any(|hop| hop.port.is_none() && itself(&hop.host)) {
            continue;
        }
        // Where the default makes it so, the node is the place: there `none` helps.
        let (span, path) = match own {
            Some(value) => (value.span, format!("{}.jump", node.path())),
            None => (node.entry.key_span, node.path()),
        };
        let message = "its `jump` leads through itself; `jump: none` reaches it straight";
        errors.push(Finding::new(span, path, message));
    }
}

/// The share's server is a node, or else an address that cannot be a misspelt node: an IP address or a name with a dot.
fn server(share: &Node, nodes: &[NodeView], errors: &mut Vec<Finding>) {
    let Some(server) = share.entry("server") else {
        return;
    };
    let Some(name) = server.value.text() else {
        return;
    };
    let Ok(Address::Host(host)) = name.parse() else {
        return;
    };
    let known = nodes
        .iter()
        .any(|node| node.name().eq_ignore_ascii_case(name) || node.address() == Some(Address::Host(host.clone())));
    if known || name.contains('.') {
        return;
    }
    let near = suggest::nearest(name, nodes.iter().map(NodeView::name));
    let hint = near.map_or(String::new(), |near| format!(", did you mean `{}`?", quote::plain(near)));
    errors.push(Finding::new(
        server.value.span,
        "share.server",
        format!(
            "must be a node of this file, or an address outside the cluster (IP, or a name with a dot), is {}{hint}",
            quote::quoted(name)
        ),
    ));
}

/// The server mounts the share like every node: a mount over or inside the export would hide it from the server itself.
fn folders(share: &Node, errors: &mut Vec<Finding>) {
    let folder = |key: &str, default: &'static str| match share.entry(key) {
        None => Some((default.to_owned(), None)),
        Some(entry) => Some((entry.value.text()?.to_owned(), Some(entry.value.span))),
    };
    let (Some((export, export_span)), Some((mount, mount_span))) =
        (folder("export", DEFAULT_EXPORT), folder("mount", DEFAULT_MOUNT))
    else {
        return;
    };
    let inside = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if (inside(&mount, &export) || inside(&export, &mount))
        && let Some(span) = mount_span.or(export_span)
    {
        errors.push(Finding::new(
            span,
            if mount_span.is_some() { "share.mount" } else { "share.export" },
            format!(
                "`mount` ({}) and `export` ({}) must not lie in each other: the server mounts the share too",
                quote::plain(&mount),
                quote::plain(&export)
            ),
        ));
    }
}

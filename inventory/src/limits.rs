//! Limits of `td health` that do not fit together: `warn` beyond `fail`, and groups that nobody is in.

use crate::cross::NodeView;
use crate::finding::Finding;
use crate::health::{self, Bound, Bounds, LIMITS, Limit};
use crate::quote;
use crate::yaml::{Entry, Node, Value};

/// One place that sets limits: its path, and its `health`.
struct Scope<'a> {
    path: String,
    health: &'a Node,
}

impl<'a> Scope<'a> {
    fn of(path: String, owner: &'a Node) -> Option<Self> {
        Some(Self { path: format!("{path}.health"), health: &owner.entry("health")?.value })
    }

    /// What it says of a check.
    fn entry(&self, limit: &Limit) -> Option<&'a Entry> {
        self.health.entry(limit.check)
    }
}

pub(crate) fn inspect(root: &Node, nodes: &[NodeView], errors: &mut Vec<Finding>) {
    let of_defaults = root.entry("defaults").and_then(|entry| Scope::of("defaults".to_owned(), &entry.value));
    let groups = root.entry("groups").map(|entry| entry.value.entries()).unwrap_or_default();
    for group in groups {
        if !nodes.iter().any(|node| names_of(node).any(|name| name == group.key)) {
            let message = "no node is in this group";
            errors.push(Finding::new(group.key_span, quote::join("groups", &group.key), message));
        }
    }
    // Where no node has limits of its own, `defaults` alone has to be right too.
    let mut chains = vec![of_defaults.iter().collect::<Vec<_>>()];
    let of_nodes: Vec<Vec<Scope>> = nodes.iter().map(|node| own_scopes(node, groups)).collect();
    chains.extend(of_nodes.iter().map(|scopes| of_defaults.iter().chain(scopes).collect()));
    for chain in chains {
        for limit in LIMITS {
            errors.extend(beyond(limit, &chain));
        }
    }
}

/// The groups' scopes, the one that counts least first, and the node's own.
fn own_scopes<'a>(node: &NodeView<'a>, groups: &'a [Entry]) -> Vec<Scope<'a>> {
    let mut scopes: Vec<Scope> = names_of(node)
        .filter_map(|name| groups.iter().find(|group| group.key == name))
        .filter_map(|group| Scope::of(quote::join("groups", &group.key), &group.value))
        .collect();
    scopes.reverse();
    scopes.extend(Scope::of(node.path(), &node.entry.value));
    scopes
}

/// The groups that a node is in.
fn names_of<'a>(node: &NodeView<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let items = match node.effective("groups").map(|groups| &groups.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(|item| item.text())
}

/// What is wrong with a check's limits after all scopes; told at the last one that sets any.
fn beyond(limit: &Limit, chain: &[&Scope]) -> Option<Finding> {
    let mut bounds = limit.bounds();
    let mut place = None;
    for scope in chain {
        let Some(entry) = scope.entry(limit) else { continue };
        place = Some((scope, entry));
        let set =
            |key: &str, old: Option<f64>| match entry.value.entry(key).and_then(|entry| bound(limit, &entry.value)) {
                Some(bound) => bound.value(),
                None => old,
            };
        bounds = Bounds { warn: set("warn", bounds.warn), fail: set("fail", bounds.fail) };
    }
    let (scope, entry) = place?;
    let (Some(warn), Some(fail)) = (bounds.warn, bounds.fail) else { return None };
    if !limit.is_beyond(bounds) {
        return None;
    }
    let said = |key: &str| if entry.value.entry(key).is_some() { "" } else { " (not set here)" };
    let message = format!(
        "`warn` at {}{} is beyond `fail` at {}{}: nobody would be warned",
        limit.amount(warn),
        said("warn"),
        limit.amount(fail),
        said("fail"),
    );
    Some(Finding::new(entry.value.span, quote::join(&scope.path, limit.check), message))
}

/// A limit of the right form; `check` has told of the others.
fn bound(limit: &Limit, node: &Node) -> Option<Bound> {
    let bound = match &node.value {
        Value::Number(number) => number.as_f64().map(Bound::At),
        Value::Text(text) => health::parse(text).map(|(bound, _)| bound),
        _ => None,
    };
    bound.filter(|bound| bound.value().is_none_or(|value| (0.0..=limit.most).contains(&value)))
}

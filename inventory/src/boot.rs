//! Boot settings against models.
//!
//! A node's own setting must fit its model, else it is an error. A setting from `defaults` means "where it makes sense":
//! nodes whose model does not have it, or where it would only slow the machine, go without it, and a note says so. A
//! default that no node at all can use is an error.

use std::ops::RangeInclusive;

use crate::check::in_range;
use crate::cross::NodeView;
use crate::finding::Finding;
use crate::model::Model;
use crate::quote;
use crate::yaml::Node;

/// The settings: key, unit, and the values that a model takes.
type Setting = (
    &'static str,
    &'static str,
    fn(Model) -> Option<RangeInclusive<u32>>,
);

const SETTINGS: [Setting; 2] = [
    ("gpu_mem", "MB", Model::gpu_mem),
    ("arm_freq", "MHz", Model::arm_freq),
];

pub(crate) fn inspect(
    defaults: Option<&Node>,
    nodes: &[NodeView],
    errors: &mut Vec<Finding>,
    notes: &mut Vec<Finding>,
) {
    for node in nodes {
        own(node, errors);
    }
    let Some(boot) = defaults.and_then(|defaults| defaults.entry("boot")) else {
        return;
    };
    for (key, unit, range) in SETTINGS {
        if let Some(setting) = boot.value.entry(key)
            && let Some(value) = setting.value.whole()
        {
            inherited(
                key,
                unit,
                range,
                value,
                &setting.value,
                nodes,
                errors,
                notes,
            );
        }
    }
}

fn own(node: &NodeView, errors: &mut Vec<Finding>) {
    let (Some(boot), Some(model)) = (node.entry.value.entry("boot"), node.model()) else {
        return;
    };
    let path = format!("{}.boot", node.path());
    if !model.has_boot_settings() {
        let message = format!("a node of model {model} has no boot settings");
        errors.push(Finding::new(boot.key_span, path, message));
        return;
    }
    for (key, unit, range) in SETTINGS {
        let Some(setting) = boot.value.entry(key) else {
            continue;
        };
        let Some(value) = setting.value.whole() else {
            continue;
        };
        if let Some(why) = misfit(value, model, unit, range(model)) {
            let path = format!("{path}.{key}");
            errors.push(Finding::new(setting.value.span, path, why));
        }
    }
}

/// Why `model` does not take the value.
fn misfit(
    value: u64,
    model: Model,
    unit: &str,
    range: Option<RangeInclusive<u32>>,
) -> Option<String> {
    match range {
        None => Some(format!("a {model} does not have this setting")),
        Some(range) if !in_range(value, &range) => Some(format!(
            "must be {} to {} {unit} on a {model}, is {value}",
            range.start(),
            range.end()
        )),
        Some(_) => None,
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one setting, taken apart by the only caller"
)]
fn inherited(
    key: &str,
    unit: &str,
    range: fn(Model) -> Option<RangeInclusive<u32>>,
    value: u64,
    place: &Node,
    nodes: &[NodeView],
    errors: &mut Vec<Finding>,
    notes: &mut Vec<Finding>,
) {
    let path = format!("defaults.boot.{key}");
    let takes = |model: Model| range(model).is_some_and(|range| in_range(value, &range));
    // A node with its own value does not ask the default; one whose model is misspelt might take it.
    let asking: Vec<_> = nodes
        .iter()
        .filter(|node| {
            node.own("boot")
                .is_none_or(|boot| boot.entry(key).is_none())
        })
        .collect();
    let without: Vec<_> = asking
        .iter()
        .filter(|node| node.model().is_some_and(|model| !takes(model)))
        .collect();
    // A value that no model at all takes is out of range, and `check` has said so.
    if without.is_empty() || !Model::all().any(takes) {
        return;
    }
    let mut models: Vec<_> = without.iter().filter_map(|node| node.model()).collect();
    models.sort_unstable();
    models.dedup();
    let reasons: Vec<_> = models
        .iter()
        .map(|model| match range(*model) {
            None => format!("{model} does not have it"),
            Some(range) if value < u64::from(*range.start()) => {
                format!("{model} has at least {} {unit} without it", range.start())
            }
            Some(range) => format!("{model} takes at most {} {unit}", range.end()),
        })
        .collect();
    let reasons = reasons.join("; ");
    if without.len() == nodes.len() {
        let message = format!("{value} fits no node of this file: {reasons}");
        errors.push(Finding::new(place.span, path, message));
    } else {
        let message = format!("{value} is not used for {}: {reasons}", names(&without));
        notes.push(Finding::new(place.span, path, message));
    }
}

/// The first few names.
fn names(nodes: &[&&NodeView]) -> String {
    const FEW: usize = 4;
    let mut out: Vec<_> = nodes
        .iter()
        .take(FEW)
        .map(|node| quote::plain(node.name()))
        .collect();
    if nodes.len() > FEW {
        out.push(format!("{} more", nodes.len() - FEW));
    }
    out.join(", ")
}

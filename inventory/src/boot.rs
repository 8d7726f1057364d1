//! Boot settings against models.
//!
//! A node's own setting must fit its model, else it is an error. A setting from `defaults` means "where it makes sense":
//! nodes whose model does not have it, or where it would only slow the machine, go without it, and a note says so. A
//! default that no node at all can use is an error.

use std::ops::RangeInclusive;

use crate::check::in_range;
use crate::cross::NodeView;
use crate::finding::Finding;
use crate::keys::{ARM_FREQ, GPU_MEM};
use crate::model::Model;
use crate::quote;
use crate::yaml::Node;

/// A setting: key, unit, the values that any model takes, and those that one model takes.
struct Setting {
    key: &'static str,
    unit: &'static str,
    range: RangeInclusive<u32>,
    of: fn(Model) -> Option<RangeInclusive<u32>>,
}

const SETTINGS: [Setting; 2] = [
    Setting { key: "gpu_mem", unit: "MB", range: GPU_MEM, of: Model::gpu_mem },
    Setting { key: "arm_freq", unit: "MHz", range: ARM_FREQ, of: Model::arm_freq },
];

impl Setting {
    /// The setting's entry and value in `boot`. A value that no model takes is passed over: `check` has said so.
    fn find<'a>(&self, boot: &'a Node) -> Option<(&'a Node, u64)> {
        let entry = boot.entry(self.key)?;
        let value = entry.value.whole()?;
        in_range(value, &self.range).then_some((&*entry.value, value))
    }

    /// Why `model` does not take the value.
    fn misfit(&self, value: u64, model: Model) -> Option<String> {
        match (self.of)(model) {
            None => Some(format!("a {model} does not have this setting")),
            Some(range) if !in_range(value, &range) => {
                Some(format!("must be {} to {} {} on a {model}, is {value}", range.start(), range.end(), self.unit))
            }
            Some(_) => None,
        }
    }

    /// Why a default of this value is not used on `model`.
    fn unused(&self, value: u64, model: Model) -> String {
        match (self.of)(model) {
            None => format!("{model} does not have it"),
            Some(range) if value < u64::from(*range.start()) => {
                format!("{model} has {} {} without it", range.start(), self.unit)
            }
            Some(range) => format!("{model} takes at most {} {}", range.end(), self.unit),
        }
    }
}

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
    for setting in &SETTINGS {
        if let Some((place, value)) = setting.find(&boot.value) {
            inherited(setting, place, value, nodes, errors, notes);
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
    for setting in &SETTINGS {
        if let Some((place, value)) = setting.find(&boot.value)
            && let Some(why) = setting.misfit(value, model)
        {
            let path = format!("{path}.{}", setting.key);
            errors.push(Finding::new(place.span, path, why));
        }
    }
}

/// A setting of `defaults` against all nodes that have no value of their own.
fn inherited(
    setting: &Setting,
    place: &Node,
    value: u64,
    nodes: &[NodeView],
    errors: &mut Vec<Finding>,
    notes: &mut Vec<Finding>,
) {
    let own = |node: &&NodeView| node.own("boot").is_some_and(|boot| boot.entry(setting.key).is_some());
    // A node whose model is misspelt might take it: `model` is `None`, and it is not among those without.
    let without: Vec<_> = nodes
        .iter()
        .filter(|node| !own(node))
        .filter_map(|node| Some((node, node.model()?)))
        .filter(|(_, model)| setting.misfit(value, *model).is_some())
        .collect();
    if without.is_empty() {
        return;
    }
    let mut models: Vec<_> = without.iter().map(|(_, model)| *model).collect();
    models.sort_unstable();
    models.dedup();
    let reasons: Vec<_> = models.iter().map(|model| setting.unused(value, *model)).collect();
    let reasons = reasons.join("; ");
    let path = format!("defaults.boot.{}", setting.key);
    if without.len() == nodes.len() {
        let message = format!("{value} fits no node of this file: {reasons}");
        errors.push(Finding::new(place.span, path, message));
    } else {
        let names = names(without.iter().map(|(node, _)| node.name()));
        let message = format!("{value} is not used for {names}: {reasons}");
        notes.push(Finding::new(place.span, path, message));
    }
}

/// The first few names.
fn names<'a>(nodes: impl ExactSizeIterator<Item = &'a str>) -> String {
    const FEW: usize = 4;
    let count = nodes.len();
    let mut out: Vec<_> = nodes.take(FEW).map(quote::plain).collect();
    if count > FEW {
        out.push(format!("{} more", count - FEW));
    }
    out.join(", ")
}

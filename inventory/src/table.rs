//! The table of keys as Markdown, for docs/inventory.md (a test compares the two).

use std::fmt::Write as _;

use crate::keys::{Fallback, Key, Kind, TOP};
use crate::model::Model;
use crate::names::Text;

/// All keys, one row each: path, type and range, default, meaning.
pub fn keys() -> String {
    let mut out = String::from("| key | value | default | |\n|---|---|---|---|\n");
    rows(&mut out, "", &TOP);
    out
}

/// All models, one row each.
pub fn models() -> String {
    let mut out = String::from(
        "| model | machine | cores | memory | agent for | `gpu_mem` | `arm_freq` |\n|---|---|---|---|---|---|---|\n",
    );
    for model in Model::all() {
        let number =
            |number: Option<u32>, unit: &str| number.map_or("?".to_owned(), |number| format!("{number}{unit}"));
        let range = |range: Option<std::ops::RangeInclusive<u32>>, unit: &str| {
            range.map_or("none".to_owned(), |range| format!("{} to {} {unit}", range.start(), range.end()))
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | `{}` | {} | {} |",
            model.id(),
            model.name(),
            number(model.cores(), ""),
            number(model.memory(), " MB"),
            model.target(),
            range(model.gpu_mem(), "MB"),
            range(model.arm_freq(), "MHz"),
        );
    }
    out
}

fn rows(out: &mut String, path: &str, known: &[Key]) {
    for key in known {
        let path = match path {
            "" => key.name.to_owned(),
            _ => format!("{path}.{}", key.name),
        };
        let _ = writeln!(out, "| `{path}` | {} | {} | {} |", value(&key.kind), default(key), key.about);
        match key.kind {
            // `groups` and `defaults` take keys of a node, which are listed once, there.
            Kind::Keys(_) if path == "defaults" || path == "groups.NAME.health" => {}
            Kind::Keys(known) | Kind::Source(known) => rows(out, &path, known),
            Kind::Named(_, known) => rows(out, &format!("{path}.NAME"), known),
            _ => {}
        }
    }
}

fn value(kind: &Kind) -> String {
    match kind {
        Kind::Text(kind) => kind.expected().to_owned(),
        Kind::Whole(range, "") => format!("{} to {}", range.start(), range.end()),
        Kind::Whole(range, unit) => format!("{} to {} {unit}", range.start(), range.end()),
        Kind::OneOf(values, unit) => format!("{} {unit}", either(values)),
        Kind::Model => "a model (table below)".to_owned(),
        Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Kind::List(kind) => format!("a list of {}", kind.several()),
        Kind::Keys(_) => "keys".to_owned(),
        Kind::Limit(limit) => format!("`warn`, `fail`: 0 to {}, or `none`", limit.amount(limit.most)),
        Kind::Source(_) => "one of the keys".to_owned(),
        Kind::Named(Text::HostName, _) => "host names with their keys".to_owned(),
        Kind::Named(..) => "words with their keys".to_owned(),
    }
}

/// `32 or 64`.
pub(crate) fn either(values: &[u32]) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(" or ")
}

fn default(key: &Key) -> String {
    if let Kind::Limit(limit) = &key.kind {
        let amount = |bound: Option<f64>| bound.map_or("none".to_owned(), |bound| limit.amount(bound));
        return format!("`warn` {}, `fail` {}", amount(limit.warn), amount(limit.fail));
    }
    match key.fallback {
        Fallback::None if key.required => "**required**".to_owned(),
        Fallback::None => "none".to_owned(),
        Fallback::Number(number) => format!("`{number}`"),
        Fallback::Text(text) => format!("`{text}`"),
        Fallback::Said(words) => words.to_owned(),
    }
}

//! The tree against the table of keys: unknown and missing keys, types, ranges, forms. Goes on after every finding.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use crate::finding::{Finding, Span};
use crate::health::{self, Bound, Limit};
use crate::keys::{Key, Kind, TOP};
use crate::model::Model;
use crate::names::Text;
use crate::quote;
use crate::suggest;
use crate::table::either;
use crate::yaml::{Node, Value};

/// All that is wrong with single keys of the file.
pub(crate) fn file(root: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Value::Null = root.value {
        let message = "the file is empty: an inventory has at least `nodes: { pi110: { address: 192.0.2.110 } }`";
        findings.push(Finding::new(root.span, "", message));
    } else {
        keys(root, &TOP, "", Span::START, &mut findings);
    }
    findings
}

/// Checks a mapping with fixed keys. `named` is where it is named: the place for what is missing in it.
fn keys(node: &Node, known: &[Key], path: &str, named: Span, findings: &mut Vec<Finding>) {
    let Value::Map(entries) = &node.value else {
        let names = list_names(known);
        let message = format!("must be keys ({names}), is {}", node.describe());
        findings.push(Finding::new(node.span, path, message));
        return;
    };
    for entry in entries {
        let path = quote::join(path, &entry.key);
        match known.iter().find(|key| key.name == entry.key) {
            Some(key) => value(&entry.value, &key.kind, &path, entry.key_span, findings),
            None => findings.push(Finding::new(entry.key_span, path, unknown(&entry.key, known))),
        }
    }
    for key in known.iter().filter(|key| key.required) {
        if node.entry(key.name).is_none() {
            let message = format!("`{}` is missing", key.name);
            findings.push(Finding::new(named, path, message));
        }
    }
}

fn unknown(typed: &str, known: &[Key]) -> String {
    match suggest::nearest(typed, known.iter().map(|key| key.name)) {
        Some(near) => format!("unknown key, did you mean `{near}`?"),
        None => format!("unknown key, possible are {}", list_names(known)),
    }
}

fn list_names(known: &[Key]) -> String {
    let names: Vec<_> = known.iter().map(|key| key.name).collect();
    names.join(", ")
}

fn value(node: &Node, kind: &Kind, path: &str, named: Span, findings: &mut Vec<Finding>) {
    let wrong = match kind {
        Kind::Text(kind) => text(node, *kind).err(),
        Kind::Whole(range, unit) => whole(node, range, unit).err(),
        Kind::OneOf(values, unit) => one_of(node, values, unit).err(),
        Kind::Model => model(node).err(),
        Kind::Choice(words) => choice(node, words).err(),
        Kind::List(kind) => return list(node, *kind, path, findings),
        Kind::Keys(known) => return keys(node, known, path, named, findings),
        Kind::Limit(limit) => return limits(node, limit, path, findings),
        Kind::Source(known) => return source(node, known, path, named, findings),
        Kind::Named(kind, known) => return named_nodes(node, *kind, known, path, findings),
    };
    if let Some(message) = wrong {
        findings.push(Finding::new(node.span, path, message));
    }
}

fn text(node: &Node, kind: Text) -> Result<(), String> {
    match &node.value {
        Value::Text(text) => kind.check(text).map_err(|why| format!("{why}, is {}", quote::quoted(text))),
        Value::Number(_) | Value::Bool(_) => Err(format!(
            "must be {}, is {} (text that reads as something else needs quotes)",
            kind.expected(),
            node.describe()
        )),
        _ => Err(format!("must be {}, is {}", kind.expected(), node.describe())),
    }
}

fn whole(node: &Node, range: &RangeInclusive<u32>, unit: &str) -> Result<(), String> {
    let space = if unit.is_empty() { "" } else { " " };
    let allowed = format!("{} to {}{space}{unit}", range.start(), range.end());
    match &node.value {
        Value::Number(number) if number.as_u64().is_some_and(|n| in_range(n, range)) => Ok(()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Err(format!("must be {allowed}, is {number}")),
        Value::Text(text) if text.parse::<u32>().is_ok() => Err(format!(
            "must be a number, {allowed}, is {}: write it without quotes and leading zeros",
            node.describe()
        )),
        _ => Err(format!("must be a whole number, {allowed}, is {}", node.describe())),
    }
}

fn one_of(node: &Node, values: &[u32], unit: &str) -> Result<(), String> {
    let is_one = |number: u64| values.iter().any(|&value| u64::from(value) == number);
    match &node.value {
        Value::Number(number) if number.as_u64().is_some_and(is_one) => Ok(()),
        _ => Err(format!("must be {} {unit}, is {}", either(values), node.describe())),
    }
}

/// Whether `number` lies in `range`.
pub(crate) fn in_range(number: u64, range: &RangeInclusive<u32>) -> bool {
    u32::try_from(number).is_ok_and(|number| range.contains(&number))
}

fn model(node: &Node) -> Result<(), String> {
    match &node.value {
        Value::Text(text) => text.parse::<Model>().map(drop).map_err(|error| error.to_string()),
        _ => Err(format!("must be a model such as pi1b, is {}", node.describe())),
    }
}

fn choice(node: &Node, words: &[&str]) -> Result<(), String> {
    let allowed = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    match node.text() {
        Some(text) if words.contains(&text) => Ok(()),
        _ => Err(format!("must be {}, is {}", allowed(), node.describe())),
    }
}

/// The keys of a limit.
const LIMIT_KEYS: [&str; 2] = ["warn", "fail"];

fn limits(node: &Node, limit: &Limit, path: &str, findings: &mut Vec<Finding>) {
    let Value::Map(entries) = &node.value else {
        let message = format!("must be keys ({}), is {}", LIMIT_KEYS.join(", "), node.describe());
        findings.push(Finding::new(node.span, path, message));
        return;
    };
    for entry in entries {
        let path = quote::join(path, &entry.key);
        if LIMIT_KEYS.contains(&entry.key.as_str()) {
            if let Err(message) = bound(&entry.value, limit) {
                findings.push(Finding::new(entry.value.span, path, message));
            }
        } else {
            let message = match suggest::nearest(&entry.key, LIMIT_KEYS) {
                Some(near) => format!("unknown key, did you mean `{near}`?"),
                None => format!("unknown key, possible are {}", LIMIT_KEYS.join(", ")),
            };
            findings.push(Finding::new(entry.key_span, path, message));
        }
    }
}

/// A number in the check's unit, with the unit or without, or `none`.
fn bound(node: &Node, limit: &Limit) -> Result<(), String> {
    let allowed = || format!("0 to {}, or `none`", limit.amount(limit.most));
    let number = match &node.value {
        Value::Number(number) => number.as_f64(),
        Value::Text(text) => match health::parse(text) {
            Some((Bound::None, _)) => return Ok(()),
            Some((Bound::At(_), unit)) if unit != limit.unit => {
                let without = if limit.unit.is_empty() {
                    "has no unit: it counts".to_owned()
                } else {
                    format!("is in {}", limit.unit)
                };
                return Err(format!("{} {without}, this is {}", limit.check, quote::quoted(text)));
            }
            Some((Bound::At(value), _)) => Some(value),
            None => None,
        },
        _ => None,
    };
    match number {
        Some(number) if !(0.0..=limit.most).contains(&number) => {
            Err(format!("must be {}, is {}", allowed(), node.describe()))
        }
        Some(number) if limit.whole && number.fract() != 0.0 => {
            Err(format!("must be a whole number, {}, is {}", allowed(), node.describe()))
        }
        Some(_) => Ok(()),
        None => Err(format!("must be a number, {}, is {}", allowed(), node.describe())),
    }
}

/// Where a secret comes from. What stands there instead is not repeated: it might be the secret.
fn source(node: &Node, known: &[Key], path: &str, named: Span, findings: &mut Vec<Finding>) {
    let names = known.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(" or ");
    let Value::Map(entries) = &node.value else {
        let message = format!(
            "says where it comes from, {names}; it never stands here itself: \
             `{{ env: TD_PASSWORD }}` or `{{ command: pass show pi }}`"
        );
        findings.push(Finding { secret: true, ..Finding::new(node.span, path, message) });
        return;
    };
    keys(node, known, path, named, findings);
    let given = entries.iter().filter(|entry| known.iter().any(|key| key.name == entry.key)).count();
    if given != 1 {
        let message = format!("needs exactly one of {names}, has {}", if given == 0 { "none" } else { "both" });
        findings.push(Finding::new(named, path, message));
    }
}

fn list(node: &Node, kind: Text, path: &str, findings: &mut Vec<Finding>) {
    let Value::List(items) = &node.value else {
        let message = format!("must be a list such as [table, shelf], is {}", node.describe());
        findings.push(Finding::new(node.span, path, message));
        return;
    };
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let wrong = match item.text() {
            Some(word) if !seen.insert(word) => Some(format!("{} is in the list twice", quote::quoted(word))),
            _ => text(item, kind).err(),
        };
        if let Some(message) = wrong {
            findings.push(Finding::new(item.span, format!("{path}[{index}]"), message));
        }
    }
}

fn named_nodes(node: &Node, kind: Text, known: &[Key], path: &str, findings: &mut Vec<Finding>) {
    let entries = match &node.value {
        Value::Map(entries) if !entries.is_empty() => entries,
        Value::Map(_) => {
            let what = if kind == Text::HostName { "node" } else { "group" };
            findings.push(Finding::new(node.span, path, format!("needs at least one {what}")));
            return;
        }
        _ => {
            let example = match kind {
                Text::HostName => "pi110: { address: 192.0.2.110 }",
                _ => "table: { health: { disk: { warn: 20 % } } }",
            };
            let message = format!("must be names with their keys, such as `{example}`, is {}", node.describe());
            findings.push(Finding::new(node.span, path, message));
            return;
        }
    };
    for entry in entries {
        let path = quote::join(path, &entry.key);
        if let Err(why) = kind.check(&entry.key) {
            findings.push(Finding::new(entry.key_span, path.clone(), why));
        }
        keys(&entry.value, known, &path, entry.key_span, findings);
    }
}

//! The tree: values with places.

use std::rc::Rc;

use crate::finding::Span;
use crate::quote;

/// A value and where it stands. A value behind an alias keeps the place of its anchor: that is where it has to be mended.
#[derive(Debug, Clone)]
pub struct Node {
    /// Place of the value.
    pub span: Span,
    /// The value.
    pub value: Value,
    /// Values in this tree, aliases expanded, itself included: what the bound on expansion counts.
    pub(super) weight: usize,
}

/// A YAML value in the core schema of YAML 1.2 (`yes` is text, `0x10` a number, an empty value null).
#[derive(Debug, Clone)]
pub enum Value {
    /// `~`, `null` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Whole or not.
    Number(serde_yaml::Number),
    /// Everything else that is one word or quoted.
    Text(String),
    /// A sequence.
    List(Vec<Rc<Node>>),
    /// A mapping, in the order of the file; no key twice.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key as written, whatever type YAML would give it.
    pub key: String,
    /// Place of the key.
    pub key_span: Span,
    /// The value, shared with other places where aliases point at it.
    pub value: Rc<Node>,
}

impl Node {
    /// The entries of a mapping; none for every other value.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entry with this key, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one and not negative.
    pub fn whole(&self) -> Option<u64> {
        match &self.value {
            Value::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// What is there, as it follows "is" in a sentence: `0`, `the text "two"`, `a list`, `empty`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "empty".to_owned(),
            Value::Bool(yes) => yes.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => format!("the text {}", quote::quoted(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping of keys".to_owned(),
        }
    }

    /// The same values for `serde_yaml`, aliases and merge keys resolved. Size and depth are those of the tree, which
    /// [`super::compose`] bounds.
    pub fn to_serde(&self) -> serde_yaml::Value {
        match &self.value {
            Value::Null => serde_yaml::Value::Null,
            Value::Bool(yes) => serde_yaml::Value::Bool(*yes),
            Value::Number(number) => serde_yaml::Value::Number(number.clone()),
            Value::Text(text) => serde_yaml::Value::String(text.clone()),
            Value::List(items) => serde_yaml::Value::Sequence(items.iter().map(|item| item.to_serde()).collect()),
            Value::Map(entries) => serde_yaml::Value::Mapping(
                entries
                    .iter()
                    .map(|entry| (serde_yaml::Value::String(entry.key.clone()), entry.value.to_serde()))
                    .collect(),
            ),
        }
    }
}

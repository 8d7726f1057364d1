//! A list or mapping that is still open while its events arrive.

use std::collections::HashMap;
use std::rc::Rc;

use super::tree::{Entry, Node, Value};
use crate::finding::{Finding, Span};
use crate::quote;

/// The kind of an open collection with what it holds so far.
pub(super) enum Open {
    List(Vec<Rc<Node>>),
    Map(OpenMap),
}

pub(super) struct Frame {
    pub open: Open,
    /// Place of its beginning.
    pub span: Span,
    /// saphyr-parser's number of its anchor; 0 for none.
    pub anchor: usize,
    /// Keys from the top to it.
    pub path: String,
}

/// What the next value of a mapping belongs to.
pub(super) enum Pending {
    /// A key is expected.
    Key,
    /// The value of this key is expected.
    Value(String, Span),
    /// The value of `<<` is expected.
    Merge,
    /// The value of a key that was refused is expected, and dropped.
    Refused,
}

pub(super) struct OpenMap {
    pub pending: Pending,
    entries: Vec<Entry>,
    /// Where each key of `entries` (and `<<`) stands.
    seen: HashMap<String, Span>,
    /// Mappings that `<<` names, in order of precedence.
    merges: Vec<Rc<Node>>,
}

impl OpenMap {
    pub fn new() -> Self {
        OpenMap { pending: Pending::Key, entries: Vec::new(), seen: HashMap::new(), merges: Vec::new() }
    }

    /// Takes a key; `plain` is false for a quoted one (`"<<"` is a key like any other).
    pub fn key(&mut self, key: &str, plain: bool, span: Span, path: &str) -> Option<Finding> {
        if let Some(first) = self.seen.get(key) {
            self.pending = Pending::Refused;
            return Some(Finding::new(
                span,
                quote::join(path, key),
                format!("the key is there twice, first in line {}", first.line),
            ));
        }
        self.seen.insert(key.to_owned(), span);
        self.pending = if plain && key == "<<" { Pending::Merge } else { Pending::Value(key.to_owned(), span) };
        None
    }

    /// Takes the value that the pending key waits for.
    pub fn value(&mut self, node: Rc<Node>, path: &str) -> Option<Finding> {
        match std::mem::replace(&mut self.pending, Pending::Key) {
            Pending::Value(key, key_span) => {
                self.entries.push(Entry { key, key_span, value: node });
                None
            }
            Pending::Merge => self.merge(node, path),
            Pending::Key | Pending::Refused => None,
        }
    }

    fn merge(&mut self, node: Rc<Node>, path: &str) -> Option<Finding> {
        let refuse = |node: &Node| {
            Some(Finding::new(
                node.span,
                quote::join(path, "<<"),
                format!("must be an alias of a mapping (`<<: *name`) or a list of them, is {}", node.describe()),
            ))
        };
        match &node.value {
            Value::Map(_) => self.merges.push(node),
            Value::List(items) => {
                for item in items {
                    match item.value {
                        Value::Map(_) => self.merges.push(Rc::clone(item)),
                        _ => return refuse(item),
                    }
                }
            }
            _ => return refuse(&node),
        }
        None
    }

    /// The entries: own keys first, then those that merges add. Own keys win; of two merges the earlier one wins.
    pub fn finish(mut self) -> Vec<Entry> {
        for source in &self.merges {
            for entry in source.entries() {
                if !self.seen.contains_key(&entry.key) {
                    self.seen.insert(entry.key.clone(), entry.key_span);
                    self.entries.push(entry.clone());
                }
            }
        }
        self.entries
    }
}

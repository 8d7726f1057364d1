//! saphyr-parser's events composed into a tree, without recursion and within bounds.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::frame::{Frame, Open, OpenMap, Pending};
use super::scalar;
use super::syntax::{place, syntax};
use super::tree::{Node, Value};
use crate::finding::{Finding, Span};
use crate::quote;

/// Values that a file may hold when all aliases are expanded. An inventory of a thousand nodes has some ten thousand; ten
/// lines of aliases of aliases ("a billion laughs") have more than memory.
pub const MAX_VALUES: usize = 100_000;

/// Lists and mappings inside each other, at most. The schema needs five.
pub const MAX_DEPTH: usize = 32;

/// Composes the one document of `text`. With the tree come the findings that did not stop it (duplicate keys, tags); no
/// tree means that the last finding did. An empty document gives [`Value::Null`].
pub fn compose(text: &str) -> (Option<Rc<Node>>, Vec<Finding>) {
    let mut composer = Composer::default();
    let root = match composer.run(text) {
        Ok(root) => Some(root),
        Err(finding) => {
            composer.findings.push(finding);
            None
        }
    };
    (root, composer.findings)
}

#[derive(Default)]
struct Composer {
    stack: Vec<Frame>,
    root: Option<Rc<Node>>,
    /// Finished anchors by number; `None` while the anchored value is still open.
    anchors: HashMap<usize, Option<Rc<Node>>>,
    values: usize,
    documents: usize,
    findings: Vec<Finding>,
}

impl Composer {
    fn run(&mut self, text: &str) -> Result<Rc<Node>, Finding> {
        for event in Parser::new_from_str(text) {
            let (event, raw) = event.map_err(|error| syntax(&error))?;
            let span = place(&raw);
            match event {
                Event::DocumentStart(_) => {
                    self.documents += 1;
                    if self.documents > 1 {
                        return Err(Finding::new(
                            span,
                            "",
                            "a second document starts here: an inventory is one document",
                        ));
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.refuse_tag(tag.is_some(), span);
                    self.scalar(&text, style, anchor, span)?;
                }
                Event::Alias(anchor) => self.alias(anchor, span)?,
                Event::SequenceStart(anchor, tag) => {
                    self.refuse_tag(tag.is_some(), span);
                    self.open(Open::List(Vec::new()), anchor, span)?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.refuse_tag(tag.is_some(), span);
                    self.open(Open::Map(OpenMap::new()), anchor, span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        let empty = Node { span: Span::START, value: Value::Null, weight: 1 };
        Ok(self.root.take().unwrap_or_else(|| Rc::new(empty)))
    }

    /// Keys down to the value that comes next.
    fn path(&self) -> String {
        match self.stack.last() {
            None => String::new(),
            Some(Frame { open: Open::List(items), path, .. }) => format!("{path}[{}]", items.len()),
            Some(Frame { open: Open::Map(map), path, .. }) => match &map.pending {
                Pending::Value(key, _) => quote::join(path, key),
                Pending::Merge => quote::join(path, "<<"),
                Pending::Key | Pending::Refused => path.clone(),
            },
        }
    }

    fn refuse_tag(&mut self, tagged: bool, span: Span) {
        if tagged {
            self.findings.push(Finding::new(
                span,
                self.path(),
                "has a YAML tag (`!...`): an inventory needs none, write the value alone",
            ));
        }
    }

    /// Counts `values` more and stops at the bound.
    fn count(&mut self, values: usize, span: Span) -> Result<(), Finding> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(Finding::new(
                span,
                self.path(),
                format!("with its aliases expanded the file holds more than {MAX_VALUES} values"),
            ));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, span: Span) -> Result<(), Finding> {
        self.count(1, span)?;
        let node = Rc::new(Node { span, value: scalar::resolve(text, style), weight: 1 });
        if anchor != 0 {
            self.anchors.insert(anchor, Some(Rc::clone(&node)));
        }
        if let Some(Frame { open: Open::Map(map), path, .. }) = self.stack.last_mut()
            && matches!(map.pending, Pending::Key)
        {
            let plain = style == ScalarStyle::Plain;
            if plain && text.is_empty() {
                map.pending = Pending::Refused;
                let finding = Finding::new(span, path.clone(), "a key is missing before `:`");
                self.findings.push(finding);
            } else {
                self.findings.extend(map.key(text, plain, span, path));
            }
            return Ok(());
        }
        self.place(node);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Finding> {
        let node = match self.anchors.get(&anchor) {
            Some(Some(node)) => Rc::clone(node),
            Some(None) => {
                return Err(Finding::new(
                    span,
                    self.path(),
                    "the alias stands inside the value that it names, which would never end",
                ));
            }
            // saphyr-parser refuses unknown names itself.
            None => return Err(Finding::new(span, self.path(), "the alias names no anchor")),
        };
        self.count(node.weight, span)?;
        if self.refuse_as_key(span) {
            return Ok(());
        }
        self.place(node);
        Ok(())
    }

    /// Where a key is expected: refuses what comes instead of a plain word.
    fn refuse_as_key(&mut self, span: Span) -> bool {
        if let Some(Frame { open: Open::Map(map), path, .. }) = self.stack.last_mut()
            && matches!(map.pending, Pending::Key)
        {
            map.pending = Pending::Refused;
            let finding = Finding::new(span, path.clone(), "a key must be a plain word");
            self.findings.push(finding);
            return true;
        }
        false
    }

    fn open(&mut self, open: Open, anchor: usize, span: Span) -> Result<(), Finding> {
        self.count(1, span)?;
        if self.stack.len() == MAX_DEPTH {
            return Err(Finding::new(
                span,
                self.path(),
                format!("lists and mappings stand more than {MAX_DEPTH} deep in each other"),
            ));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        let path = self.path();
        self.stack.push(Frame { open, span, anchor, path });
        Ok(())
    }

    fn close(&mut self) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let (value, inner) = match frame.open {
            Open::List(items) => {
                let inner = items.iter().map(|item| item.weight).sum::<usize>();
                (Value::List(items), inner)
            }
            Open::Map(map) => {
                let entries = map.finish();
                let inner = entries.iter().map(|entry| entry.value.weight).sum();
                (Value::Map(entries), inner)
            }
        };
        let node = Rc::new(Node { span: frame.span, value, weight: inner + 1 });
        if frame.anchor != 0 {
            self.anchors.insert(frame.anchor, Some(Rc::clone(&node)));
        }
        if !self.refuse_as_key(frame.span) {
            self.place(node);
        }
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Rc<Node>) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame { open: Open::List(items), .. }) => items.push(node),
            Some(Frame { open: Open::Map(map), path, .. }) => self.findings.extend(map.value(node, path)),
        }
    }
}

//! YAML as a tree that knows where everything stands.
//!
//! `serde_yaml` drops positions while it parses, and an error without a line is half an error. So the events of
//! saphyr-parser (which carry spans) are composed into [`Node`]s here: duplicate keys are found, anchors, aliases and
//! merge keys are resolved, scalars get the types that `serde_yaml` gives them. [`Node::to_serde`] hands the tree on.

mod compose;
mod frame;
mod scalar;
mod syntax;
mod tree;

pub use compose::{MAX_DEPTH, MAX_VALUES, compose};
pub use tree::{Entry, Node, Value};

//! The class of exactness: whether strips of the picture equal the picture made in one go.

mod code;

pub use code::{Code, Item, ItemKind};

//! The class of exactness: whether strips of the picture equal the picture made in one go.
//!
//! The features that a scene really uses count: [`reach`] reads the scene as POV-Ray does, from its first line
//! through its includes, and enters a declaration or a macro only where its name is used. So `textures.inc`, which
//! declares `crand` in textures that few scenes use, does not spoil a scene that uses others. Branches whose
//! condition is not known are read too, and what they hold is marked as not certain.

mod code;
mod condition;
mod feature;
mod known;
mod outline;
mod reach;
mod verdict;

pub use code::{Code, Item, ItemKind};
pub use feature::AssumedGamma;
pub use verdict::{Class, ClassFlags, Reason, Verdict, classify};

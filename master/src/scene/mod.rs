//! What the master knows about a scene from its text and its files.
//!
//! [`Assets::gather`] reads the scene, follows its includes, finds every file that its text names, and lays them
//! out as a bundle ([`Assets::bundle`]). Names that the scene computes are found by trial: [`messages`] reads what
//! POV-Ray says is missing, [`Assets::add_missing`] finds it. [`classify`] says from the same texts whether strips
//! of the picture will equal the picture made in one go, and why not.

mod absolute;
mod assets;
mod bundle;
mod class;
mod error;
mod files;
mod folder;
mod follow;
mod layout;
mod lexer;
mod locate;
mod messages;
mod names;
mod note;
mod references;
mod resolve;
mod standard;
mod version;

pub use assets::{Assets, MissingName, SceneRequest};
pub use bundle::Source;
pub use class::{AssumedGamma, Class, ClassFlags, Reason, Verdict, classify};
pub use error::SceneError;
pub use lexer::{Lexer, Token, TokenKind};
pub use messages::{Failure, FailureKind, read_failure};
pub use names::FileKind;
pub use note::Note;
pub use references::{Reference, find as find_references, ini_input_file};

//! td-agent's binary: which build a node needs, where it lies on the master, and how it comes to the node.

mod elf;
mod find;
mod upload;

pub use find::{Binaries, Build, BuildError, targets};
pub use upload::{Staged, UploadError, install, stage};

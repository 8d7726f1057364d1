//! The two ways to build.
//!
//! - **cross**: a container image has compiler and linker; the toolchain is the machine's own.
//! - **zig**: no container; zig is compiler and linker, and where no toolchain has the target's std it is built from source.

pub(crate) mod cross;
pub(crate) mod engine;
mod flags;
pub(crate) mod zig;

/// The cross whose behaviour is known.
pub(crate) const CROSS_VERSION: &str = "0.2.5";

use std::path::PathBuf;

use crate::problem::Problem;
use crate::run::Hands;
use crate::target::Target;

/// A way that was prepared: all tools are there.
pub(crate) trait Way {
    /// For people: `zig`.
    fn name(&self) -> &'static str;

    /// All that decides, beside the sources, what bytes come out.
    fn identity(&self, target: Target) -> String;

    /// Builds for one target; the binary's path, in cargo's folder.
    ///
    /// # Errors
    /// What went wrong.
    fn build(&self, target: Target, hands: &mut Hands<'_>) -> Result<PathBuf, Problem>;
}

/// Folders of a build, all below cargo's target folder.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// td's sources.
    pub root: PathBuf,
    /// Tools that are unpacked here.
    pub tools: PathBuf,
    /// cargo's target folder of these builds.
    pub build: PathBuf,
}

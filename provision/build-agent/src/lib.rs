//! Builds td-agent for the machines of a cluster.
//!
//! A Raspberry Pi 1 is an ARM1176: ARMv6 with VFPv2. A compiler that is one step too new makes a program that dies there
//! with an illegal instruction, and Debian's own cross compiler for 32-bit ARM is that step too new. So the agent is
//! built by one of two [ways](crate::With), both of which bring musl for the target, and what came out is read before it
//! is handed on ([`elf`]): the processor that it needs, static, stripped.
//!
//! What is built is kept under a hash of all that went into it, sources and toolchain. A second call finds it and builds
//! nothing. The tools see no variable of the user's that could change the bytes, and no path of the machine is left in
//! them: two builds of one commit are the same file.
//!
//! Everything is written below cargo's target folder: tools that had to be fetched, cargo's own files, finished agents.
//!
//! Used by `td-provision build-agent` and `td-provision apply`, and by the Makefile through the small program of this
//! crate, which needs none of what td-provision needs to talk to nodes.

pub mod cli;
pub mod elf;
mod environment;
mod prebuilt;
mod problem;
mod run;
mod source;
mod store;
mod target;
mod tools;
mod watch;
mod ways;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use prebuilt::prebuilt;
pub use problem::Problem;
pub use source::Source;
pub use target::{Target, UnknownTarget};
pub use watch::{Manner, Watch};

use run::Hands;
use store::Store;
use ways::cross::{self, CrossWay};
use ways::zig::{self, ZigWay};
use ways::{Places, Way};

/// Which way to build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum With {
    /// cross when it, a container engine and the images are there, else zig
    #[default]
    Auto,
    /// cross and a container engine
    Cross,
    /// zig, without a container
    Zig,
}

/// One agent that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    pub target: Target,
    /// `TARGET_FOLDER/TRIPLE/release/td-agent`.
    pub path: PathBuf,
    /// Length in bytes.
    pub size: u64,
    /// Nothing had to be built.
    pub was_there: bool,
    /// `cross` or `zig`.
    pub way: &'static str,
}

/// Builds the agent for each of the targets, or finds it built.
///
/// `interrupted` is looked at all the time; once it is set, what runs is ended and [`Problem::Interrupted`] comes back.
///
/// # Errors
/// [`Problem`], a sentence for the user.
pub fn build(
    source: &Source,
    targets: &[Target],
    with: With,
    watch: &mut Watch,
    interrupted: Arc<AtomicBool>,
) -> Result<Vec<Built>, Problem> {
    let folder = source.target_folder();
    let kept = kept_in(source);
    let places = Places { root: source.root().to_owned(), tools: kept.join("tools"), build: kept.join("build") };
    std::fs::create_dir_all(&places.tools).map_err(Problem::file(&places.tools))?;
    let mut hands = Hands { watch, interrupted, log: kept.join("log") };
    let _lock = store::lock(&kept, &mut hands)?;
    // One log for one call.
    std::fs::write(&hands.log, "").map_err(Problem::file(&hands.log))?;
    let way = prepare(source, places, targets, with, &mut hands)?;
    let mut hash = source.hash()?;
    let store = Store::new(kept.join("done"));
    let mut built = Vec::new();
    for &target in targets {
        let identity = way.identity(target);
        let key = |hash: &str| Store::key(hash, &identity, target);
        let found = store.find(target, &key(&hash));
        let was_there = found.is_some();
        let stored = match found {
            Some(path) => path,
            None => loop {
                let binary = way.build(target, &mut hands)?;
                // Somebody may save a file while the compiler runs; a mixture must not get the name of either.
                let after = source.hash()?;
                if std::mem::replace(&mut hash, after.clone()) == after {
                    break store.keep(target, &key(&hash), &hash, &binary)?;
                }
                hands.watch.note("the sources changed during the build; building again");
            },
        };
        let path = folder.join(target.triple()).join("release/td-agent");
        let bytes = std::fs::read(&stored).map_err(Problem::file(&stored))?;
        if std::fs::read(&path).ok().as_ref() != Some(&bytes) {
            let release = folder.join(target.triple()).join("release");
            std::fs::create_dir_all(&release).map_err(Problem::file(&release))?;
            store::put(&path, &bytes)?;
        }
        built.push(Built { target, path, size: bytes.len() as u64, was_there, way: way.name() });
    }
    hands.watch.clear();
    Ok(built)
}

/// The agent that was built of exactly these sources before, by whatever toolchain. Nothing is started, fetched or built for
/// the answer.
#[must_use]
pub fn kept(source: &Source, target: Target) -> Option<PathBuf> {
    Store::new(kept_in(source).join("done")).find_of(target, &source.hash().ok()?)
}

fn kept_in(source: &Source) -> PathBuf {
    source.target_folder().join("agents")
}

fn prepare(
    source: &Source,
    places: Places,
    targets: &[Target],
    with: With,
    hands: &mut Hands<'_>,
) -> Result<Box<dyn Way>, Problem> {
    let wanted = source.wanted_rust()?;
    let found = match with {
        With::Zig => None,
        With::Cross => Some(cross::look(source, targets)?),
        With::Auto => match cross::look(source, targets) {
            Ok(found) => Some(found),
            Err(cross) => {
                if let Err(zig) = zig::can(&places, targets, &wanted) {
                    return Err(Problem::NoWay { cross: Box::new(cross), zig: Box::new(zig) });
                }
                // Who has no cross does not miss it.
                if !matches!(cross, Problem::NoCross) {
                    hands.watch.note(&format!("building with zig and not with cross: {cross}"));
                }
                None
            }
        },
    };
    Ok(match found {
        Some(found) => Box::new(CrossWay::prepare(found, places, targets, &wanted, hands)?),
        None => Box::new(ZigWay::prepare(places, targets, &wanted, hands)?),
    })
}

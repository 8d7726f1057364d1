//! POV-Ray's switches, settings and ini files, as people have them in their scripts, made into one explicit job.
//!
//! ```text
//! td's arguments --split--> td's own (clap) + POV-Ray's --Settings::from_args--> RenderOptions and what the master needs
//! ```
//!
//! Everything POV-Ray 3.7 knows is one row of [`table`]; what has no row is refused. [`gather`] reads the starting
//! ini file ([`chain`]), the files it names ([`ini`]) and the arguments ([`tokens`]) in POV-Ray's order, and keeps the last
//! word on each thing, with its place. [`settle`] makes the job of it. The agents get one command with every
//! setting that matters ([`canonical`]) and no ini file, so a `povray.ini` that lies on a node changes nothing.
//!
//! All errors come at once, each with the place and with what to write instead. The environment and the files are asked for
//! through [`Surroundings`], so that tests need neither.

mod canonical;
mod chain;
mod declare;
mod error;
mod file_type;
mod gather;
mod gathered;
mod ini;
mod markdown;
mod origin;
mod output;
mod part;
mod read_value;
mod settle;
mod split;
pub(crate) mod suggest;
mod surroundings;
mod switch_hint;
pub mod table;
mod tokens;
mod values;

use std::ffi::OsStr;
use std::path::PathBuf;

use td_protocol::options::RenderOptions;

pub use declare::{Declare, DeclareValue};
pub use error::{OptionError, OptionErrors, Problem};
pub use file_type::FileType;
pub use markdown::switches_page;
pub use origin::{Origin, Source};
pub use output::{OutputName, Target, TwoNames, default_name, scene_candidates};
pub use part::{PartError, part};
pub use split::{Split, split};
pub use surroundings::{Surroundings, ThisMachine};

/// Everything that was said about one job, settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the agents render.
    pub options: RenderOptions,
    /// The scene as it was named; see [`scene_candidates`]. Relative names are meant from the current folder.
    pub scene: Option<PathBuf>,
    /// Where POV-Ray looks for includes, in its order; relative ones are meant from the current folder.
    pub library_paths: Vec<PathBuf>,
    /// `+O`; not td's own `-o`, which the caller has.
    pub output: Option<OutputName>,
    /// `+F`; PNG if nothing was said.
    pub file_type: FileType,
    /// `Compression`, for JPEG.
    pub jpeg_quality: Option<u8>,
    /// `+WL`: POV-Ray's warnings above this level are not to be shown.
    pub warning_level: u8,
    /// Identifiers declared from outside; they are in the options' switches, too.
    pub declares: Vec<Declare>,
    /// The ini files that were read, in order.
    pub ini_files: Vec<PathBuf>,
    /// One line each: what was left out or read otherwise than one might think.
    pub notes: Vec<String>,
    /// For `-v`: every setting that is set or has a default, and where it comes from.
    pub origins: Vec<Origin>,
}

impl Settings {
    /// Reads POV-Ray's part of the arguments ([`Split::povray`]), after the ini file that POV-Ray would start from.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn from_args<S: AsRef<OsStr>>(arguments: &[S], surroundings: &dyn Surroundings) -> Result<Self, OptionErrors> {
        settle::settle(gather::gather(arguments, surroundings))
    }
}

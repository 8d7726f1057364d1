//! td's command line. One definition for parsing, help and, later, man page and completions.

mod arguments;
mod health;
mod jobs;
mod run;
mod simulate;

pub use arguments::{Cli, Command, RenderArguments, parse};
pub use run::run;

//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::cli::health::HealthArguments;
use crate::cli::jobs::{CancelArguments, JobsArguments, ResumeArguments};
use crate::cli::simulate::SimulateArguments;
use crate::options::split;
use crate::render::request::RenderMethod;

/// Long options of `td render` and `td plan` that take the next argument as their value.
const LONG_WITH_VALUE: [&str; 10] =
    ["assets", "cache", "group", "inventory", "method", "output", "slots", "timeout", "test-steals", "agent"];

/// Renders POV-Ray scenes on a cluster of Raspberry Pis.
#[derive(Debug, Parser)]
#[command(name = "td", version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render one image: td render SCENE [POV-Ray's switches] [-o FILE]
    #[command(override_usage = USAGE_RENDER, after_help = AFTER_HELP)]
    Render(RenderArguments),
    /// Tell what a render would do, and render nothing
    #[command(override_usage = USAGE_PLAN, after_help = AFTER_HELP)]
    Plan(RenderArguments),
    /// List the jobs that run and those that have ended, newest last
    Jobs(JobsArguments),
    /// Go on with a job that was interrupted, killed, or failed
    Resume(ResumeArguments),
    /// Stop a job, or forget one that is unfinished
    Cancel(CancelArguments),
    /// Tell whether every node is fit to render, and if not, what is wrong and what to do
    Health(HealthArguments),
    /// Play the scheduler against simulated nodes
    Simulate(SimulateArguments),
}

const USAGE_RENDER: &str = "td render [OPTIONS] SCENE [POV-Ray's switches and settings]";
const USAGE_PLAN: &str = "td plan [OPTIONS] SCENE [POV-Ray's switches and settings]";
const AFTER_HELP: &str = "SCENE is a .pov or .ini file (file.ini[section] too). POV-Ray's switches are written as for povray: \
+W1600 +H1200 +A0.3 Declare=x=1; docs/switches.md lists them all.\n\
Exit codes: 0 done, 1 failed, 2 wrong use or refused input, 4 no agent can be reached, 130 interrupted.";

/// td's own options; the scene and POV-Ray's switches are beside them.
#[derive(Debug, Args)]
pub struct RenderArguments {
    /// The inventory whose nodes render; without it agents of td's own on this machine do
    #[arg(short = 'i', long, value_name = "FILE", env = "TD_INVENTORY")]
    pub inventory: Option<PathBuf>,
    /// An agent that runs on this machine: a socket's path or a loopback ADDRESS:PORT (several times for several);
    /// counts more than an inventory
    #[arg(long, value_name = "SOCKET|ADDRESS")]
    pub agent: Vec<String>,
    /// The picture's file; its ending tells the format (png, jpg, bmp, tga, ppm, tiff, webp); - is standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// POV-Rays at a time on this machine [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub slots: Option<u32>,
    /// Send all files of this folder along, for names that the scene computes
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
    /// Radiosity: compute it once in a first pass and share it (near to one go, at most faint seams)
    #[arg(long, conflicts_with_all = ["one_node", "allow_seams"])]
    pub two_pass: bool,
    /// Render all of it by one POV-Ray on the fastest node
    #[arg(long, conflicts_with = "allow_seams")]
    pub one_node: bool,
    /// Share out a picture whose strips can differ visibly where they meet
    #[arg(long)]
    pub allow_seams: bool,
    /// Refuse to render what would not be pixel for pixel what one POV-Ray makes
    #[arg(long, conflicts_with_all = ["two_pass", "allow_seams"])]
    pub exact: bool,
    /// Use the nodes whose POV-Ray is of this word size [default: the faster group]
    #[arg(long, value_name = "32|64", value_parser = ["32", "64"])]
    pub group: Option<String>,
    /// Use all nodes, although POV-Rays of 32 and 64 bit draw textures differently: not exact
    #[arg(long, conflicts_with_all = ["group", "exact"])]
    pub mix_groups: bool,
    /// Render some bands again elsewhere and compare [default with no number: 64 rows]
    #[arg(long, value_name = "ROWS", num_args = 0..=1, require_equals = true, default_missing_value = "64")]
    pub verify: Option<u32>,
    /// How the picture is shared out: td's own way, or as a baseline that of the paper (equal strips as PNG files, joined
    /// by ImageMagick's convert, which nodes and master need; no stealing, no cache, and a lost node ends the job)
    #[arg(long, value_enum, default_value_t = RenderMethod::Td)]
    pub method: RenderMethod,
    /// Give up after so many seconds without any progress, reading the scene included [default: 7200]
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<f64>,
    /// Use nothing that earlier jobs finished
    #[arg(long)]
    pub fresh: bool,
    /// Folder for scenes and finished bands of td's own agents [default: ~/.cache/td/agent]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Print JSON lines, one event each, on standard output
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
    /// Tell more, also where each setting came from
    #[arg(short, long)]
    pub verbose: bool,
    /// For tests: steal rows although it does not pay
    #[arg(long, hide = true, env = "TD_TEST_FORCE_STEALS")]
    pub test_steals: Option<String>,
    /// Everything that is POV-Ray's, filled in by [`parse`].
    #[arg(skip)]
    pub povray: Vec<OsString>,
    /// All that was typed behind `td`, filled in by [`parse`].
    #[arg(skip)]
    pub typed: Vec<OsString>,
}

/// Reads the command line; POV-Ray's part of it is set aside first, since clap could not tell `-V` from `-v`.
///
/// # Errors
/// clap's own, with its text for the user.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let all: Vec<OsString> = arguments.into_iter().collect();
    let typed = all.get(1..).unwrap_or_default().to_vec();
    let mut arguments = all.into_iter();
    let mut own: Vec<OsString> = arguments.by_ref().take(2).collect();
    let is_render = own.get(1).is_some_and(|command| command == "render" || command == "plan");
    let mut povray = Vec::new();
    if is_render {
        let parts = split(arguments, &LONG_WITH_VALUE);
        own.extend(parts.own);
        povray = parts.povray;
    } else {
        own.extend(arguments);
    }
    let matches = Cli::command().try_get_matches_from(own)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    match &mut cli.command {
        Command::Render(render) | Command::Plan(render) => {
            render.povray = povray;
            render.typed = typed;
        }
        Command::Simulate(_) | Command::Health(_) | Command::Jobs(_) | Command::Resume(_) | Command::Cancel(_) => {}
    }
    Ok(cli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_long_option_with_a_value_is_listed() {
        let command = Cli::command();
        let render = command.find_subcommand("render").unwrap();
        for argument in render.get_arguments().filter(|argument| argument.get_action().takes_values()) {
            // A value that has to be behind `=` is no argument of its own.
            let Some(long) = argument.get_long().filter(|_| !argument.is_require_equals_set()) else { continue };
            assert!(LONG_WITH_VALUE.contains(&long), "--{long}");
        }
    }

    #[test]
    fn povrays_switches_are_set_aside() {
        let line = ["td", "render", "a.pov", "+W10", "-V", "-v", "-o", "x.png", "Declare=x=1"];
        let cli = parse(line.map(OsString::from)).unwrap();
        let Command::Render(render) = cli.command else { panic!("not a render") };
        assert!(render.verbose);
        assert_eq!(render.output, Some(PathBuf::from("x.png")));
        assert_eq!(render.povray, ["a.pov", "+W10", "-V", "Declare=x=1"].map(OsString::from));
    }
}

//! The command line, which the crate's own program and `td-provision build-agent` have in common.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use crate::watch::print_event;
use crate::{Built, Manner, Problem, Source, Target, Watch, With, build};

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct BuildArguments {
    /// Machine to build for: armv6, armv7, arm64, x86-64 or Rust's name of it (several times for several)
    /// [default: armv6]
    #[arg(long, value_name = "TARGET")]
    pub target: Vec<Target>,
    /// How to build
    #[arg(long, value_enum, default_value_t, value_name = "WAY")]
    pub with: With,
    /// td's sources [default: the folder that this is run in, or that the program lies in]
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// Print JSON lines, one event each, on standard output
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}

/// Builds for the targets of the command line and `more`, tells what came of it, and returns the exit code.
#[must_use]
pub fn run(arguments: &BuildArguments, more: &[Target]) -> u8 {
    let mut targets: Vec<Target> = arguments.target.iter().chain(more).copied().collect();
    if targets.is_empty() {
        targets.push(Target::Armv6);
    }
    targets.sort_unstable();
    targets.dedup();
    let manner = match (arguments.json, arguments.quiet) {
        (true, _) => Manner::Json,
        (_, true) => Manner::Quiet,
        _ => Manner::People,
    };
    let mut watch = Watch::new(manner);
    let result = Source::find(arguments.source.as_deref())
        .and_then(|source| build(&source, &targets, arguments.with, &mut watch, listen()));
    watch.clear();
    match result {
        Ok(built) => {
            built.iter().for_each(|built| tell(built, manner));
            if manner == Manner::Json {
                print_event(&json!({ "event": "done", "agents": built.len() }));
            }
            0
        }
        Err(problem) => {
            failed(&problem, manner);
            problem.exit_code()
        }
    }
}

/// A flag that Ctrl-C, SIGTERM and a terminal that goes away set; a second Ctrl-C ends the program at once.
fn listen() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        // Without the handler the signal ends the program as it always does.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag));
        let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
    }
    flag
}

fn tell(built: &Built, manner: Manner) {
    match manner {
        Manner::Json => print_event(&json!({
            "event": "agent",
            "target": built.target.triple(),
            "path": built.path,
            "bytes": built.size,
            "built": !built.was_there,
            "with": built.way,
        })),
        Manner::People => {
            let state = if built.was_there { "up to date" } else { "built" };
            let (path, megabytes) = (built.path.display(), built.size as f64 * 1e-6);
            // A reader that has gone away has read enough.
            let _ = writeln!(std::io::stdout(), "{path}  {megabytes:.2} MB, {state} ({})", built.way);
        }
        Manner::Quiet => {}
    }
}

fn failed(problem: &Problem, manner: Manner) {
    if manner == Manner::Json {
        print_event(&json!({ "event": "failed", "message": problem.to_string(), "code": problem.exit_code() }));
    }
    let _ = writeln!(std::io::stderr(), "build-agent: {problem}");
}

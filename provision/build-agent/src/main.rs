//! `td-build-agent`: what `make agent-armv6` runs. The same as `td-provision build-agent`, without all that td-provision
//! needs to talk to nodes.

use std::process::ExitCode;

use clap::Parser;
use td_build_agent::cli::{self, BuildArguments};

/// Builds td-agent for the machines of a cluster.
///
/// Exit codes: 0 done, 1 failed, 2 wrong use or something is missing, 130 interrupted.
#[derive(Parser)]
#[command(name = "td-build-agent", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    build: BuildArguments,
}

fn main() -> ExitCode {
    ExitCode::from(cli::run(&Arguments::parse().build, &[]))
}

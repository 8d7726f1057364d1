//! `td-provision`: from an inventory to a working cluster.

mod agent;
mod apply;
mod build_agent;
mod certs;
mod check;
mod crew;
mod desired;
mod facts;
mod hello;
mod lock;
mod outcome;
mod output;
mod plan;
mod power;
mod remove;
mod report;
mod resolve;
mod root;
mod schema;
mod secret;
mod ssh;
mod stop;
mod terminal;
mod twins;
mod verify;
mod words;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use output::{Color, Outcome};
use stop::Stop;

/// From an inventory to a working cluster.
///
/// Exit codes: 0 done, 1 failed, 2 wrong use or refused input, 3 changes pending (plan), 4 nodes unreachable, 130 interrupted.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check an inventory and show what is in it
    ///
    /// Says everything that is wrong at once, with line and column, on standard error, and ends with 2 then. Touches
    /// nothing but the file.
    Check {
        /// The inventory
        #[arg(env = "TD_INVENTORY", default_value = "inventory.yaml")]
        file: PathBuf,
        /// Print JSON lines, one event each
        #[arg(long)]
        json: bool,
        /// Print the inventory as YAML with all defaults written out at each node
        #[arg(long, conflicts_with = "json")]
        effective: bool,
        /// Colours, and the line of the file under each error
        #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
        color: Color,
    },
    /// Build td-agent for the machines of a cluster
    ///
    /// With cross and a container engine, or with zig; tools that are missing are fetched into td's own target folder, and
    /// nothing of yours is changed but cargo's cache of crates, which grows. What was built before from the same sources with the same tools is not built again.
    BuildAgent(build_agent::Arguments),
    /// The cluster's own CA, and certificates for the master and the nodes
    #[command(subcommand)]
    Certs(certs::Command),
    /// Show what the nodes are: model, system, memory, disks, clock, NFS
    ///
    /// Connects to all nodes side by side, asks each td-agent (one is brought along where there is none, and taken away
    /// again), and changes nothing.
    Facts(facts::Arguments),
    /// Show what `apply` would change, and change nothing
    ///
    /// Each pending change as a difference: files line by line, packages by name and version, keys hidden. Ends with 3 when
    /// anything is pending. Certificates that `apply` would make are said. Where td's sources are at hand, td-agent is built of
    /// them first if it has to be.
    Plan(plan::Arguments),
    /// Make the nodes what the inventory says
    ///
    /// Builds td-agent first where td's sources are at hand and it has to be. Shows the plan, asks, does exactly that (and refuses where a node has changed in between), reboots where a setting
    /// needs it, and proves the result on the nodes. A second apply changes nothing.
    Apply(apply::Arguments),
    /// Prove that the nodes are ready, and change nothing
    ///
    /// On each node: the GPU's memory and the ARM clock as the firmware has them, the share (a file of one node seen on the
    /// others), POV-Ray, ImageMagick, a test render, and the agent's answer over TLS from here.
    Verify(verify::Arguments),
    /// Take back what td put on the nodes: blocks in files, unit, user, export, mount, agent
    ///
    /// Packages stay unless --packages is given. The cluster's certificates stay on this machine.
    Remove(remove::Arguments),
    /// Reboot the nodes, jump hosts and the share's server last, and wait for them
    Reboot(power::Arguments),
    /// Switch the nodes off, jump hosts and the share's server last
    Poweroff(power::Arguments),
    /// Print the JSON Schema of inventories, for editors that complete them
    Schema,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check { file, json: true, .. } => check::json(&file),
        Command::Check { file, effective: true, color, .. } => check::effective(&file, color),
        Command::Check { file, color, .. } => check::screen(&file, color),
        Command::BuildAgent(arguments) => return build_agent::run(&arguments),
        Command::Certs(command) => certs::run(command),
        Command::Facts(arguments) => block_on(|stop| facts::run(arguments, stop)),
        Command::Plan(arguments) => block_on(|stop| plan::run(arguments, stop)),
        Command::Apply(arguments) => block_on(|stop| apply::run(arguments, stop)),
        Command::Verify(arguments) => block_on(|stop| verify::run(arguments, stop)),
        Command::Remove(arguments) => block_on(|stop| remove::run(arguments, stop)),
        Command::Reboot(arguments) => block_on(|stop| power::run(power::What::Reboot, arguments, stop)),
        Command::Poweroff(arguments) => block_on(|stop| power::run(power::What::PowerOff, arguments, stop)),
        Command::Schema => schema::print(),
    };
    match result {
        Ok(outcome) => ExitCode::from(outcome.code()),
        // `td-provision schema | head` is no failure.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("td-provision: {error:#}");
            let refused = error.is::<crew::Refused>() || certs::is_refusal(&error);
            ExitCode::from(if refused { Outcome::Refused } else { Outcome::Failed }.code())
        }
    }
}

/// Runs what needs the network. Whatever is left of it at the end (a question that nobody answered) is not waited for.
fn block_on<F: Future<Output = Result<Outcome>>>(work: impl FnOnce(Stop) -> F) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the program cannot start its threads")?;
    let result = runtime.block_on(async {
        let stop = Stop::on_signals().context("no signal handler")?;
        work(stop).await
    });
    runtime.shutdown_background();
    terminal::restore();
    result
}

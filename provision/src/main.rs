//! `td-provision`: from an inventory to a working cluster. So far it checks inventories, exports their
//! schema, and makes the cluster's certificates.

mod build_agent;
mod certs;
mod check;
mod output;
mod schema;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::{Color, Outcome};

/// From an inventory to a working cluster.
///
/// Exit codes: 0 done, 1 failed, 2 wrong use or refused input, 130 interrupted.
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
    /// nothing of yours is changed. What was built before from the same sources with the same tools is not built again.
    BuildAgent(build_agent::Arguments),
    /// The cluster's own CA, and certificates for the master and the nodes
    #[command(subcommand)]
    Certs(certs::Command),
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
        Command::Schema => schema::print(),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Refused) => ExitCode::from(2),
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        // `td-provision schema | head` is no failure.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("td-provision: {error:#}");
            ExitCode::FAILURE
        }
    }
}

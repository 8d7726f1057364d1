//! `td-provision certs`: the cluster's own CA, and a certificate for the master and for each node.
//!
//! What they are for and where they lie is told in [`td_inventory::credentials`]. Here they are made:
//!
//! - [`make`]: keys and certificates in memory;
//! - [`look`]: what a file that is there is worth;
//! - [`store`]: files that appear whole or not at all;
//! - [`init`], [`issue`], [`show`]: the commands.
//!
//! Node certificates are made on the master and carried to the nodes over SSH, so a node never holds the CA's key.

pub mod ensure;
mod init;
pub mod issue;
mod look;
mod make;
mod show;
mod store;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use td_inventory::Inventory;
use td_inventory::credentials::{ClusterFolder, CredentialsError};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::check;
use crate::output::{Color, Outcome};

/// A certificate that ends sooner than this is pointed out, and renewed by `issue`. Clusters stand in cupboards.
const NEAR_DAYS: i64 = 180;

/// `td-provision certs ...`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the cluster's CA and the master's certificate
    ///
    /// They go to $XDG_CONFIG_HOME/td/clusters/CLUSTER (else ~/.config/td/clusters/CLUSTER), readable by you alone.
    Init {
        #[command(flatten)]
        common: Common,
        /// Make a new CA although there is one: every certificate of the old one stops to be good, the nodes' too (issue
        /// and send them anew). The old folder is kept beside the new one
        #[arg(long)]
        force: bool,
    },
    /// Give nodes their certificates
    ///
    /// Makes what is missing, near its end, or not good any more, for all nodes of the inventory or for the named ones,
    /// and renews the master's own near its end. Good ones are left as they are.
    Issue {
        #[command(flatten)]
        common: Common,
        /// Nodes of the inventory [default: all]
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        /// Make new ones although there are good ones (the old ones stay valid until their end)
        #[arg(long)]
        renew: bool,
    },
    /// Tell what each certificate is, for whom, and when it ends
    ///
    /// Ends with 1 when one is missing or not good; one that only nears its end is pointed out.
    Show {
        #[command(flatten)]
        common: Common,
    },
}

/// What all three take.
#[derive(Debug, Args)]
pub struct Common {
    /// The inventory
    #[arg(short, long, env = "TD_INVENTORY", default_value = "inventory.yaml", value_name = "FILE")]
    inventory: PathBuf,
    /// Print JSON lines, one event each
    #[arg(long)]
    json: bool,
}

/// A sentence for the user, and the exit code 2: nothing was touched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Runs one of the commands.
///
/// # Errors
/// What could not be done. What is refused is said here, and comes back as [`Outcome::Refused`].
pub fn run(command: Command) -> Result<Outcome> {
    let common = match &command {
        Command::Init { common, .. } | Command::Issue { common, .. } | Command::Show { common } => common,
    };
    let json = common.json;
    let Some(inventory) = check::read_or_say(&common.inventory, Color::Auto)? else {
        if json {
            let message = format!("{} is refused: td-provision check tells why", common.inventory.display());
            say_event(&json!({ "event": "failed", "message": message, "code": 2 }))?;
        }
        return Ok(Outcome::Refused);
    };
    let result = folder(&inventory, common).and_then(|folder| match &command {
        Command::Init { force, .. } => init::run(&folder, inventory.cluster(), *force, json),
        Command::Issue { nodes, renew, .. } => issue::run(&folder, &inventory, nodes, *renew, json),
        Command::Show { .. } => show::run(&folder, &inventory, json),
    });
    result.or_else(|error| {
        let refused = is_refusal(&error);
        if json {
            let code = if refused { 2 } else { 1 };
            say_event(&json!({ "event": "failed", "message": format!("{error:#}"), "code": code }))?;
        }
        if !refused {
            return Err(error);
        }
        eprintln!("td-provision: {error:#}");
        Ok(Outcome::Refused)
    })
}

/// Whether certificates are refused as they are, so that nothing was touched: exit code 2.
pub fn is_refusal(error: &anyhow::Error) -> bool {
    error.is::<Refusal>() || error.is::<CredentialsError>()
}

fn folder(inventory: &Inventory, common: &Common) -> Result<ClusterFolder> {
    Ok(ClusterFolder::of(inventory.cluster(), &common.inventory)?)
}

fn say_event(event: &Value) -> Result<()> {
    say(&event.to_string())
}

/// A line on standard output; a reader that went away is an error that `main` knows.
fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// This machine's time; refused where the clock was clearly never set, since all ends are counted from it.
fn now() -> Result<OffsetDateTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = OffsetDateTime::UNIX_EPOCH + since;
    if now < datetime!(2024-01-01 0:00 UTC) {
        let text = format!("this machine's clock says {}: set it first, certificates have dates", now.date());
        return Err(Refusal(text).into());
    }
    Ok(now)
}

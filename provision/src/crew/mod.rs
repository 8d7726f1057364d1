//! All nodes of a run, side by side: one [`Hand`] per node, which is its connection, its root shell and its td-agent.

mod build;
mod call;
mod error;
mod hand;
mod select;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use tokio::sync::Semaphore;

use td_inventory::{Inventory, Node};

use crate::agent::Binaries;
use crate::output::Color;
use crate::report::Report;
use crate::ssh::config::Config;
use crate::ssh::target::Person;
use crate::ssh::{Policy, Ssh};
use crate::stop::Stop;
use crate::terminal::Terminal;

pub use call::{Call, Mode};
pub use error::NodeError;
pub use hand::{BinaryChange, Hand};

/// What all commands that go to nodes take.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// The inventory
    #[arg(env = "TD_INVENTORY", default_value = "inventory.yaml")]
    pub file: PathBuf,
    /// Only these nodes and groups, with commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub limit: Vec<String>,
    /// How many nodes at a time
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub forks: u16,
    /// Take host keys that are not known yet, and write them to ~/.ssh/known_hosts. A key that has changed is refused all the
    /// same
    #[arg(long)]
    pub accept_new: bool,
    /// Folder with builds of td-agent, DIR/<rust-target>/td-agent; none is built then
    #[arg(long, env = "TD_AGENTS", value_name = "DIR")]
    pub agents: Option<PathBuf>,
    /// Print JSON lines, one event each
    #[arg(long)]
    pub json: bool,
    /// Tell each step and what is fine already, too
    #[arg(short, long)]
    pub verbose: bool,
}

/// What commands that put td-agent on nodes take.
#[derive(Debug, Clone, clap::Args)]
pub struct Building {
    /// Do not build td-agent where it is missing or older than td's sources: take what there is
    #[arg(long, env = "TD_NO_BUILD", value_parser = clap::builder::FalseyValueParser::new())]
    no_build: bool,
}

/// The inventory was refused, and that was said: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// All that a command needs.
#[derive(Debug)]
pub struct Crew {
    /// The whole inventory.
    pub inventory: Inventory,
    /// The nodes that were chosen, in the inventory's order.
    pub nodes: Vec<Node>,
    /// Where it was read.
    pub file: PathBuf,
    /// Connections.
    pub ssh: Ssh,
    /// td-agent's builds.
    pub binaries: Binaries,
    /// Whether agents are built of td's sources.
    builds: bool,
    /// Output.
    pub report: Report,
    /// Ctrl-C.
    pub stop: Stop,
    config: Config,
    home: PathBuf,
    user: String,
    turns: Arc<Semaphore>,
    began: Instant,
}

/// The crew of a run; `None` when the inventory was refused, which was said.
pub fn gather(common: &Common, stop: Stop) -> Result<Option<Crew>> {
    let inventory = if common.json {
        match Inventory::read(&common.file) {
            Ok(inventory) => inventory,
            Err(_) => {
                crate::check::json(&common.file)?;
                return Ok(None);
            }
        }
    } else {
        match crate::check::read_or_say(&common.file, Color::Auto)? {
            Some(inventory) => inventory,
            None => return Ok(None),
        }
    };
    let nodes = select::select(&inventory, &common.limit).map_err(Refused)?;
    let Some(home) = std::env::home_dir().filter(|home| home.is_absolute()) else {
        bail!("there is no home folder (HOME is not set), so known_hosts cannot be read");
    };
    let report = Report::new(common.json, common.verbose, nodes.iter().map(|node| node.name.as_str()));
    let policy = if common.accept_new { Policy::AcceptNew } else { Policy::Ask };
    let terminal = Terminal::new(report.bars());
    let ssh = Ssh::new(terminal, &home, policy)?;
    let config = Config::read(&home);
    for note in &config.notes {
        report.note(None, note);
    }
    Ok(Some(Crew {
        inventory,
        nodes,
        file: common.file.clone(),
        ssh,
        binaries: Binaries::new(common.agents.clone()),
        builds: false,
        report,
        stop,
        config,
        home,
        user: own_name().context("who are you? (no login name for this user)")?,
        turns: Arc::new(Semaphore::new(usize::from(common.forks))),
        began: Instant::now(),
    }))
}

/// The login name of whoever runs this, as ssh finds it: by the number.
fn own_name() -> Option<String> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    let name = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    // Users of a directory service are in no file.
    name.or_else(|| std::env::var("LOGNAME").ok())
        .or_else(|| std::env::var("USER").ok())
        .filter(|name| !name.is_empty())
}

impl Crew {
    /// The same crew, which builds agents that are missing or older than td's sources.
    pub fn building(self, building: &Building) -> Crew {
        Crew { builds: !building.no_build, ..self }
    }

    /// Whose rules of SSH hold.
    pub fn person(&self) -> Person<'_> {
        Person { config: &self.config, home: &self.home, user: &self.user }
    }

    /// Seconds since the run began.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Does the same for several nodes side by side, as many at a time as `--forks` says; the results are in their order.
    pub async fn each<T, F, W>(&self, items: impl IntoIterator<Item = T>, work: W) -> Vec<F::Output>
    where
        F: Future,
        W: Fn(T) -> F,
    {
        let one = |item| {
            let turns = Arc::clone(&self.turns);
            let work = &work;
            async move {
                // The semaphore is never closed.
                let _turn = turns.acquire_owned().await;
                work(item).await
            }
        };
        futures_util::future::join_all(items.into_iter().map(one)).await
    }
}

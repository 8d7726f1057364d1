//! The agent's command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// td's agent: runs POV-Ray on this node for a master.
#[derive(Debug, Parser)]
#[command(name = "td-agent", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take strips from a master and render them.
    Serve(Serve),
}

/// Where to listen and what to offer.
#[derive(Debug, Args)]
pub struct Serve {
    /// Listen on this Unix socket.
    #[arg(long, value_name = "PATH", conflicts_with = "listen", required_unless_present = "listen")]
    pub socket: Option<PathBuf>,

    /// Listen on this address. Without --tls only loopback addresses are accepted.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,

    /// Speak TLS with masters of the cluster whose ca.pem lies in this folder, as the node of agent.pem and agent.key.
    #[arg(long, value_name = "DIR", requires = "listen")]
    pub tls: Option<PathBuf>,

    /// POV-Ray processes at a time [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub slots: Option<u32>,

    /// Folder for scenes, finished bands and scratch files.
    #[arg(long, value_name = "DIR")]
    pub cache: PathBuf,

    /// Megabytes of finished bands, and as much of scene files, that the cache may hold.
    #[arg(long, value_name = "MB", default_value_t = 2048)]
    pub cache_size: u64,

    /// This node's name in messages [default: the host name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// End when standard input ends: how `td` keeps the agents that it starts itself.
    #[arg(long)]
    pub embedded: bool,
}

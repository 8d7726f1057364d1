//! The agent's command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use td_protocol::converge::event::Mode;

use crate::povray::large_file::Machine;

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
    /// Try on this machine what depends on its processor and C library; ends with 1 when something is wrong.
    SelfTest(SelfTest),
    /// Look as root at this node's health and leave what was seen for the server; a timer starts it each minute.
    Probe(Probe),
    /// A child of `probe`: what it tries that could hang.
    #[command(hide = true)]
    ProbeChild { words: Vec<String> },
    /// Print what this node is, as one JSON document.
    Facts,
    /// Make this node what it should be: the desired state as JSON on standard input, events as JSON lines.
    Converge(Converge),
    /// A child of `converge`, which can be left behind when the share hangs.
    #[command(hide = true)]
    ConvergeShare(ConvergeShare),
    /// Write to standard output the library with which a 32-bit POV-Ray renders pictures of 2^31 bytes and more.
    #[command(hide = true)]
    LargeFileLibrary(LargeFileLibrary),
    /// A child of `converge`, which renders as the agent's user.
    #[command(hide = true)]
    ConvergeRender,
}

/// What to do, one of four.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("mode").required(true).args(["plan", "apply", "verify", "remove"]))]
pub struct Converge {
    /// Say what is different, and change nothing.
    #[arg(long)]
    pub plan: bool,

    /// Make it so: what is pending, or exactly the plan whose digest is in the desired state.
    #[arg(long)]
    pub apply: bool,

    /// Say what is different, and prove what the node can do.
    #[arg(long)]
    pub verify: bool,

    /// Take back what td put there.
    #[arg(long)]
    pub remove: bool,

    /// The desired state is one line, and standard input stays open for as long as the caller lives: at its end the
    /// resource under way is finished and the rest is skipped.
    #[arg(long)]
    pub lifeline: bool,
}

impl Converge {
    #[must_use]
    pub fn mode(&self) -> Mode {
        match (self.apply, self.verify, self.remove) {
            (true, ..) => Mode::Apply,
            (_, true, _) => Mode::Verify,
            (_, _, true) => Mode::Remove,
            _ => Mode::Plan,
        }
    }
}

/// What to look at.
#[derive(Debug, Args)]
pub struct Probe {
    /// This node's name: the test's file on the share is called after it [default: the host name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Render the test scene, and write to the share, as this user.
    #[arg(long, value_name = "NAME", default_value = "td")]
    pub user: String,

    /// The place of the cluster's share on this node.
    #[arg(long, value_name = "DIR")]
    pub share: Option<String>,

    /// This node is the share's server.
    #[arg(long, requires = "share")]
    pub server: bool,

    /// Also what is seen at the boot, after changes and once a day: packages, a test render.
    #[arg(long)]
    pub full: bool,

    /// Look at nothing anew: write what was last seen to td.prom in this folder, for node_exporter's textfile collector.
    #[arg(long, value_name = "DIR")]
    pub textfile: Option<PathBuf>,

    /// Where the node's files lie, in tests.
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub root: PathBuf,
}

/// A look at the share.
#[derive(Debug, Args)]
pub struct ConvergeShare {
    pub place: PathBuf,
    pub node: String,
    /// `write` or `look`.
    pub what: String,
    pub nonce: Option<String>,
}

/// What to try.
#[derive(Debug, Args)]
pub struct SelfTest {
    /// Print instead what the agent's own work on one band of a picture costs this processor.
    #[arg(long)]
    pub speed: bool,
}

/// Whose library.
#[derive(Debug, Args)]
pub struct LargeFileLibrary {
    /// The machine that POV-Ray is built for.
    pub machine: Machine,
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

    /// POV-Rays that render at a time [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub slots: Option<u32>,

    /// POV-Rays that are started before there is a strip for them, so that the next job begins sooner; they are stopped
    /// until then [default: one for each slot].
    #[arg(long, value_name = "N")]
    pub spares: Option<u32>,

    /// Render with a POV-Ray of 32 or of 64 bit only [default: with the one that is there].
    #[arg(long, value_name = "BITS", value_parser = word_size)]
    pub povray_word_size: Option<u32>,

    /// Folder for scenes, finished bands and scratch files.
    #[arg(long, value_name = "DIR")]
    pub cache: PathBuf,

    /// Megabytes of finished bands, and as much of scene files, that the cache may hold.
    #[arg(long, value_name = "MB", default_value_t = 2048)]
    pub cache_size: u64,

    /// Take scene files from this folder of the cluster's share, where its server laid them.
    #[arg(long, value_name = "DIR", conflicts_with = "publish")]
    pub share: Option<PathBuf>,

    /// Lay scene files into this folder for the nodes that have it as their share: this node is the share's server.
    #[arg(long, value_name = "DIR")]
    pub publish: Option<PathBuf>,

    /// This node's name in messages [default: the host name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Where the node's own files lie, in tests.
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub root: PathBuf,

    /// End when standard input ends: how `td` keeps the agents that it starts itself.
    #[arg(long)]
    pub embedded: bool,
}

fn word_size(text: &str) -> Result<u32, String> {
    match text {
        "32" => Ok(32),
        "64" => Ok(64),
        _ => Err("32 or 64 is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converge_is_told_one_thing_to_do() {
        let mode = |arguments: &[&str]| {
            let all = ["td-agent", "converge"].iter().chain(arguments);
            match Cli::try_parse_from(all).ok()?.command {
                Command::Converge(options) => Some(options.mode()),
                _ => None,
            }
        };
        assert_eq!(mode(&["--plan"]), Some(Mode::Plan));
        assert_eq!(mode(&["--apply", "--lifeline"]), Some(Mode::Apply));
        assert_eq!(mode(&["--lifeline", "--verify"]), Some(Mode::Verify));
        assert_eq!(mode(&["--remove"]), Some(Mode::Remove));
        for wrong in [&[][..], &["--lifeline"], &["--plan", "--apply"]] {
            assert_eq!(mode(wrong), None, "{wrong:?}");
        }
    }
}

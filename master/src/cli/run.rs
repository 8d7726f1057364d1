//! From what was typed to what is done.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use td_inventory::Inventory;
use td_inventory::credentials::ClusterFolder;
use tokio::sync::mpsc;

use crate::classic;
use crate::cli::arguments::{Cli, Command, RenderArguments};
use crate::cli::health::health;
use crate::cli::jobs;
use crate::cli::simulate::simulate;
use crate::compose::remove_partial_picture;
use crate::config::Config;
use crate::exit::ExitStatus;
use crate::jobs::SavedText;
use crate::jobs::record::AgentsRecord;
use crate::plan;
use crate::progress::{Manner, Progress};
use crate::render::failure::RenderError;
use crate::render::flow;
use crate::render::groups::GroupWish;
use crate::render::muster::{AgentAddress, RunningAgent, Where};
use crate::render::policy::{SeamsChoice, Wishes};
use crate::render::prepare::Asked;
use crate::render::report::Report;
use crate::render::request::{RenderMethod, RenderRequest};
use crate::schedule::Tuning;

/// Seconds without any progress after which a render is given up, unless said otherwise.
const DEFAULT_TIMEOUT: f64 = 7200.0;

/// Does what was asked for, and tells how it ended.
pub async fn run(cli: Cli) -> ExitStatus {
    let (tell, mut interrupted) = mpsc::channel(1);
    tokio::spawn(async move {
        let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            return;
        };
        let mut times = 0;
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            times += 1;
            if times > 1 {
                // The agents notice that their master is gone; there is nothing to wait for.
                remove_partial_picture();
                std::process::exit(i32::from(ExitStatus::Interrupted.code()));
            }
            let _ = tell.send(()).await;
        }
    });
    match cli.command {
        Command::Health(arguments) => health(arguments, &mut interrupted).await,
        Command::Simulate(arguments) => unless_interrupted(move || simulate(&arguments), &mut interrupted).await,
        Command::Jobs(arguments) => unless_interrupted(move || jobs::jobs(&arguments), &mut interrupted).await,
        Command::Resume(arguments) => jobs::resume(arguments, &mut interrupted).await,
        Command::Cancel(arguments) => unless_interrupted(move || jobs::cancel_job(&arguments), &mut interrupted).await,
        Command::Render(arguments) => {
            let (json, quiet) = (arguments.json, arguments.quiet);
            let mut progress = Progress::new(manner(json, quiet));
            let result = async {
                let request = request(arguments, &mut progress)?;
                match request.method {
                    RenderMethod::Td => flow::render(&request, &mut progress, &mut interrupted).await,
                    RenderMethod::Classic => classic::render(&request, &mut progress, &mut interrupted).await,
                }
            };
            let result = result.await;
            progress.clear();
            match result {
                Ok(report) => {
                    tell_report(&report, json, quiet, &progress);
                    ExitStatus::Done
                }
                Err(error) => failed(&error, json),
            }
        }
        Command::Plan(arguments) => {
            let json = arguments.json;
            if arguments.method == RenderMethod::Classic {
                let text = "--method classic needs no plan: it gives each slot an equal strip; leave it out".to_owned();
                return failed(&RenderError::Usage(text), json);
            }
            let mut progress = Progress::new(if json { Manner::Quiet } else { manner(false, arguments.quiet) });
            let result = async {
                let request = request(arguments, &mut progress)?;
                tokio::select! {
                    lines = plan::plan(&request, json) => lines,
                    _ = interrupted.recv() => Err(RenderError::Interrupted),
                }
            };
            let result = result.await;
            progress.clear();
            match result {
                Ok(lines) => {
                    // A reader that has gone away has read enough.
                    let mut out = std::io::stdout().lock();
                    let _ = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
                    ExitStatus::Done
                }
                Err(error) => failed(&error, json),
            }
        }
    }
}

/// Does what needs no agents, on a thread of its own: it ends with the process where the user has had enough.
async fn unless_interrupted(
    work: impl FnOnce() -> ExitStatus + Send + 'static,
    interrupted: &mut mpsc::Receiver<()>,
) -> ExitStatus {
    let mut work = tokio::task::spawn_blocking(work);
    tokio::select! {
        done = &mut work => done.unwrap_or(ExitStatus::Failed),
        _ = interrupted.recv() => {
            let _ = writeln!(std::io::stderr(), "td: interrupted");
            ExitStatus::Interrupted
        }
    }
}

pub(super) fn manner(json: bool, quiet: bool) -> Manner {
    match (json, quiet) {
        (true, _) => Manner::Json,
        (_, true) => Manner::Quiet,
        _ => Manner::People,
    }
}

/// The end of a render, for people or programs.
pub(super) fn tell_report(report: &Report, json: bool, quiet: bool, progress: &Progress) {
    if json {
        report.print_json();
    } else if !quiet {
        report.lines().iter().for_each(|line| progress.line(line));
    }
}

pub(super) fn failed(error: &RenderError, json: bool) -> ExitStatus {
    let status = error.exit_status();
    if json {
        jobs::print_failed(error);
    }
    let _ = writeln!(std::io::stderr(), "td: {error}");
    status
}

fn request(arguments: RenderArguments, progress: &mut Progress) -> Result<RenderRequest, RenderError> {
    let config = Config::load().map_err(|error| RenderError::Usage(error.to_string()))?;
    let timeout = arguments.timeout.or(config.timeout).unwrap_or(DEFAULT_TIMEOUT);
    if !(timeout.is_finite() && timeout > 0.0) {
        return Err(RenderError::Usage(format!("--timeout {timeout}: has to be more than 0 seconds")));
    }
    if arguments.json && arguments.output.as_deref() == Some(Path::new("-")) {
        return Err(RenderError::Usage("--json and -o - both want standard output: leave one out".to_owned()));
    }
    let seams = match (arguments.two_pass, arguments.one_node, arguments.allow_seams) {
        (true, _, _) => Some(SeamsChoice::TwoPass),
        (_, true, _) => Some(SeamsChoice::OneNode),
        (_, _, true) => Some(SeamsChoice::Allow),
        // Who insists on --exact does not want the usual choice.
        _ => config.seams.filter(|_| !arguments.exact).map(SeamsChoice::from),
    };
    let agents = agents(&arguments, &config, progress);
    // Agents have the names that hold in any folder: who drew what is told by them, and they are written down. An inventory
    // names its nodes itself, and has the name that was typed in messages.
    let inventory = arguments.inventory.as_deref().map(|path| SavedText::from(path.as_os_str()));
    let place = place_of(&AgentsRecord { inventory, ..agents.clone() })?;
    let forced = arguments.test_steals.is_some_and(|value| !value.is_empty() && value != "0");
    let tuning = if forced { forced_steals() } else { Tuning::default() };
    let groups = group_wish(&agents);
    Ok(RenderRequest {
        typed: arguments.typed,
        agents,
        asked: Asked {
            povray: arguments.povray,
            output: arguments.output,
            assets: arguments.assets,
            wishes: Wishes { exact: arguments.exact, seams },
        },
        method: arguments.method,
        place,
        groups,
        stall_timeout: timeout,
        fresh: arguments.fresh,
        verify_rows: arguments.verify,
        tuning,
        may_ask: !arguments.json && !arguments.quiet,
        verbose: arguments.verbose,
    })
}

/// A scheduler that takes any steal for worth it.
fn forced_steals() -> Tuning {
    Tuning { pay_share: -1.0e6, ..Tuning::default() }
}

/// Which agents are meant, with nothing in it that depends on the current folder.
fn agents(arguments: &RenderArguments, config: &Config, progress: &mut Progress) -> AgentsRecord {
    if arguments.agent.is_empty() && arguments.inventory.is_none() && Path::new("inventory.yaml").is_file() {
        progress.note("inventory.yaml lies here and is not used; -i inventory.yaml names it");
    }
    AgentsRecord {
        agents: named_agents(&arguments.agent),
        inventory: arguments.inventory.as_deref().map(named_file),
        slots: arguments.slots.or(config.slots),
        cache: arguments.cache.as_deref().or(config.cache.as_deref()).map(named_file),
        group: arguments.group.as_deref().and_then(|bits| bits.parse().ok()),
        mix_groups: arguments.mix_groups,
    }
}

/// These agents by names that hold in any folder.
pub(super) fn named_agents(typed: &[String]) -> Vec<SavedText> {
    // A socket has one name, by whatever links it was typed: who drew what is told by names.
    let socket = |path: &Path| match path.canonicalize() {
        Ok(found) => SavedText::from(found.as_os_str()),
        Err(_) => named_file(path),
    };
    let name = |text: &String| if text.contains('/') { socket(Path::new(text)) } else { SavedText::from(text) };
    typed.iter().map(name).collect()
}

/// A file by a name that holds in any folder.
pub(super) fn named_file(path: &Path) -> SavedText {
    SavedText::from(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).as_os_str())
}

/// What was said about groups.
fn group_wish(agents: &AgentsRecord) -> GroupWish {
    GroupWish { word_size: agents.group, mix: agents.mix_groups }
}

/// The agents that were meant, today.
pub(super) fn place_of(agents: &AgentsRecord) -> Result<Where, RenderError> {
    if !agents.agents.is_empty() {
        return agents.agents.iter().map(running_by_name).collect::<Result<_, _>>().map(Where::Running);
    }
    if let Some(file) = &agents.inventory {
        let inventory = Inventory::read(file.path()).map_err(|error| RenderError::Usage(error.to_string()))?;
        let credentials = ClusterFolder::of(inventory.cluster(), file.path())?;
        return Ok(Where::Nodes { nodes: inventory.nodes().to_vec(), credentials });
    }
    Ok(Where::Embedded { slots: agents.slots, cache: agents.cache.as_ref().map(SavedText::to_path) })
}

fn running_by_name(agent: &SavedText) -> Result<RunningAgent, RenderError> {
    let name = agent.to_string();
    // A folder's name need not be text.
    if name.contains('/') {
        Ok(RunningAgent { name, address: AgentAddress::Socket(agent.to_path()) })
    } else {
        running(&name)
    }
}

pub(super) fn running(text: &str) -> Result<RunningAgent, RenderError> {
    let address = if text.contains('/') {
        AgentAddress::Socket(PathBuf::from(text))
    } else {
        match text.parse::<std::net::SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => AgentAddress::Loopback(address),
            Ok(_) => {
                return Err(RenderError::Usage(format!(
                    "--agent {text}: is not of this machine; agents elsewhere are reached over TLS as nodes of an inventory \
                     (-i FILE)"
                )));
            }
            Err(_) => {
                return Err(RenderError::Usage(format!(
                    "--agent {text}: write a socket's path (./agent.sock) or a loopback address (127.0.0.1:7979)"
                )));
            }
        }
    };
    Ok(RunningAgent { name: text.to_owned(), address })
}

//! From what was typed to what is done.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use td_inventory::Inventory;
use td_inventory::credentials::ClusterFolder;
use tokio::sync::mpsc;

use crate::classic;
use crate::cli::arguments::{Cli, Command, RenderArguments};
use crate::cli::simulate::simulate;
use crate::config::Config;
use crate::exit::ExitStatus;
use crate::plan;
use crate::progress::{Manner, Progress, print_event};

use crate::render::failure::RenderError;
use crate::render::flow::{self, RenderMethod, RenderRequest};
use crate::render::muster::{AgentAddress, RunningAgent, Where};
use crate::render::policy::{SeamsChoice, Wishes};
use crate::render::prepare::Asked;
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
                std::process::exit(i32::from(ExitStatus::Interrupted.code()));
            }
            let _ = tell.send(()).await;
        }
    });
    match cli.command {
        Command::Simulate(arguments) => simulate(&arguments),
        Command::Render(arguments) => {
            let (json, quiet) = (arguments.json, arguments.quiet);
            let mut progress = Progress::new(manner(&arguments));
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
                    if json {
                        report.print_json();
                    } else if !quiet {
                        report.lines().iter().for_each(|line| progress.line(line));
                    }
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
            let mut progress = Progress::new(if json { Manner::Quiet } else { manner(&arguments) });
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

fn manner(arguments: &RenderArguments) -> Manner {
    match (arguments.json, arguments.quiet) {
        (true, _) => Manner::Json,
        (_, true) => Manner::Quiet,
        _ => Manner::People,
    }
}

fn failed(error: &RenderError, json: bool) -> ExitStatus {
    let status = error.exit_status();
    if json {
        print_event("failed", [("message", Value::from(error.to_string())), ("code", Value::from(status.code()))]);
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
    let place = place(&arguments, &config, progress)?;
    let forced = arguments.test_steals.is_some_and(|value| !value.is_empty() && value != "0");
    let tuning = if forced { forced_steals() } else { Tuning::default() };
    Ok(RenderRequest {
        asked: Asked {
            povray: arguments.povray,
            output: arguments.output,
            assets: arguments.assets,
            wishes: Wishes { exact: arguments.exact, seams },
        },
        method: arguments.method,
        place,
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

fn place(arguments: &RenderArguments, config: &Config, progress: &mut Progress) -> Result<Where, RenderError> {
    if !arguments.agent.is_empty() {
        return arguments.agent.iter().map(|agent| running(agent)).collect::<Result<_, _>>().map(Where::Running);
    }
    if let Some(file) = &arguments.inventory {
        let inventory = Inventory::read(file).map_err(|error| RenderError::Usage(error.to_string()))?;
        let credentials = ClusterFolder::of(inventory.cluster(), file)?;
        return Ok(Where::Nodes { nodes: inventory.nodes().to_vec(), credentials });
    }
    if Path::new("inventory.yaml").is_file() {
        progress.note("inventory.yaml lies here and is not used; -i inventory.yaml names it");
    }
    Ok(Where::Embedded {
        slots: arguments.slots.or(config.slots),
        cache: arguments.cache.clone().or_else(|| config.cache.clone()),
    })
}

fn running(text: &str) -> Result<RunningAgent, RenderError> {
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

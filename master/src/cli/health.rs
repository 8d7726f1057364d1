//! `td health`.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::Signal;
use rustls::ClientConfig;
use td_inventory::credentials::{ClusterFolder, client_config};
use td_inventory::{Inventory, Node};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Receiver;

use crate::cli::run::running;
use crate::exit::ExitStatus;
use crate::fleet::embedded::{self, Embedded};
use crate::fleet::once::{Asker, Place, Unreachable};
use crate::fleet::trouble::Why;
use crate::health::survey::{MOST_REPORT, Standing, Survey, Target, histories, survey};
use crate::health::view::watch::{self, Screen};
use crate::health::view::{Paint, explain, history, json, nagios, node, prometheus, table};
use crate::health::{Expected, checks};
use crate::options::suggest::nearest;
use crate::render::muster::AgentAddress;

/// Seconds for everything, unless said otherwise.
const TIMEOUT: f64 = 2.0;
/// The same with --deep: a file of some MB has to come onto a slow card.
const DEEP_TIMEOUT: f64 = 30.0;
/// How much of the time td's own agent has to find out what POV-Ray is there.
const FOR_POVRAY: f64 = 0.75;
/// Folders for agents of td's own, of as many `td health` beside each other.
const MOST_CACHES: u32 = 8;

const AFTER_HELP: &str = "Exit codes: 0 all nodes are ok, 1 a check warns or fails, 2 wrong use or refused input, \
4 a node is unreachable (whatever the others are). With --nagios: 0 ok, 1 warning, 2 critical, 3 unknown.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct HealthArguments {
    /// Nodes or groups of the inventory, to be shown with all checks [default: all nodes in a table]
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// The inventory whose nodes are asked; without it an agent of td's own on this machine is
    #[arg(short = 'i', long, value_name = "FILE", env = "TD_INVENTORY")]
    pub inventory: Option<PathBuf>,
    /// An agent that runs on this machine: a socket's path or a loopback ADDRESS:PORT (several times for several);
    /// counts more than an inventory
    #[arg(long, value_name = "SOCKET|ADDRESS")]
    pub agent: Vec<String>,
    /// Time for everything: who has not answered by then is unreachable [default: 2; with --deep 30]
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<f64>,
    /// Also measure how fast the cards are written, by a file of some MB each
    #[arg(long)]
    pub deep: bool,
    /// Print one JSON document (docs/health.schema.json)
    #[arg(long, group = "view")]
    pub json: bool,
    /// Print one line with performance data and end with Nagios's exit codes
    #[arg(long, group = "view")]
    pub nagios: bool,
    /// Print all numbers in Prometheus's text format
    #[arg(long, group = "view")]
    pub prometheus: bool,
    /// Show the table on the terminal until Ctrl-C, asking anew so often
    #[arg(long, group = "view", value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "2")]
    pub watch: Option<f64>,
    /// Show what the nodes were like for so long, as 30m or 2h, a day at most
    #[arg(long, group = "view", value_name = "TIME", value_parser = time)]
    pub since: Option<f64>,
    /// Print what a check looks at, when it is bad, and what to do
    #[arg(long, group = "view", value_name = "CHECK")]
    pub explain: Option<String>,
}

/// `90s`, `30m`, `2h`, `1d`, in seconds.
fn time(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?}: write a number and s, m, h or d, as 30m or 2h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86_400.0,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok()).ok_or_else(wrong)?;
    let time = number * seconds;
    // The agents keep a day.
    if (1.0..=86_400.0).contains(&time) { Ok(time) } else { Err("it has to be from 1s to 1d".to_owned()) }
}

/// Whom to ask, and how.
struct Plan {
    targets: Vec<Target>,
    asker: Asker,
    /// Nodes were named: they are shown with all checks.
    in_full: bool,
    /// Ends when this is dropped.
    own: Option<Embedded>,
}

/// Asks the nodes and shows what they are like. The exit code is Nagios's own where that is asked for.
pub async fn health(arguments: HealthArguments, interrupted: &mut Receiver<()>) -> ExitStatus {
    if let Some(name) = &arguments.explain {
        return explained(name);
    }
    let seconds = arguments.timeout.unwrap_or(if arguments.deep { DEEP_TIMEOUT } else { TIMEOUT });
    let timeout = match Duration::try_from_secs_f64(seconds) {
        Ok(timeout) if (0.001..=3600.0).contains(&seconds) => timeout,
        _ => return refused(&arguments, &format!("--timeout {seconds}: has to be from 0.001 to 3600 seconds")),
    };
    if let Some(every) = arguments.watch {
        if !(0.1..=3600.0).contains(&every) {
            return refused(&arguments, &format!("--watch={every}: has to be from 0.1 to 3600 seconds"));
        }
        if arguments.deep {
            return refused(
                &arguments,
                "--deep writes some MB to each card, and --watch would do so again and again, which wears them: \
                 leave one of the two out",
            );
        }
        if !std::io::stdout().is_terminal() {
            return refused(
                &arguments,
                "--watch shows its table on a terminal, and standard output is none: leave it out",
            );
        }
    }
    let begun = Instant::now();
    let plan = tokio::select! {
        plan = tokio::time::timeout(timeout, plan(&arguments)) => plan,
        _ = interrupted.recv() => return ExitStatus::Interrupted,
    };
    let plan = match plan {
        Ok(Ok(plan)) => plan,
        Ok(Err(problem)) => return refused(&arguments, &problem),
        Err(_) => {
            let problem = format!("no agent could be started within {seconds} s: give it longer with --timeout");
            return nobody(&arguments, &problem, ExitStatus::Unreachable);
        }
    };
    let work = async {
        match (arguments.watch, arguments.since) {
            (Some(every), _) => watched(&plan, &arguments, timeout, Duration::from_secs_f64(every)).await,
            (None, Some(since)) => looked_back(&plan, timeout, since).await,
            (None, None) => {
                if plan.own.is_some() {
                    find_povray(&plan, begun + timeout.mul_f64(FOR_POVRAY)).await;
                }
                let left = timeout.saturating_sub(begun.elapsed());
                let survey = survey(&plan.asker, &plan.targets, left, arguments.deep).await;
                let survey = Survey { timeout: seconds, ..survey };
                shown(&plan, &arguments, &survey)
            }
        }
    };
    let status = tokio::select! {
        status = work => status,
        _ = interrupted.recv() => ExitStatus::Interrupted,
    };
    watch::leave();
    status
}

fn explained(name: &str) -> ExitStatus {
    match checks::named(name) {
        Some(check) => {
            say(&explain::page(check));
            ExitStatus::Done
        }
        None => {
            let names = checks::ALL.map(|check| check.name);
            let hint = nearest(name, names.into_iter())
                .map_or_else(|| format!("there are {}", explain::names()), |near| format!("did you mean {near}?"));
            complain(&format!("there is no check {name}: {hint}"));
            ExitStatus::Refused
        }
    }
}

/// An agent that was started a moment ago does not know its POV-Ray yet: its greeting waits until it does. What comes of that
/// is in its report.
async fn find_povray(plan: &Plan, until: Instant) {
    for target in &plan.targets {
        if let Err(error) = plan.asker.get(&target.place, "/hello", MOST_REPORT, until).await {
            tracing::debug!("{}", error.sentence);
        }
    }
}

fn refused(arguments: &HealthArguments, problem: &str) -> ExitStatus {
    nobody(arguments, problem, ExitStatus::Refused)
}

/// Nobody can be asked. Programs that read JSON get their document all the same, and Nagios its line.
fn nobody(arguments: &HealthArguments, problem: &str, status: ExitStatus) -> ExitStatus {
    if arguments.nagios {
        say(&format!("{}\n", nagios::unknown(problem)));
        return ExitStatus::Nagios(nagios::UNKNOWN);
    }
    if arguments.json {
        say(&format!("{:#}\n", json::document(&Survey::default(), Some(problem), status)));
    }
    complain(problem);
    status
}

/// A reader that has gone away has read enough.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "td: {text}");
}

fn lines(lines: &[String]) {
    say(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
}

async fn plan(arguments: &HealthArguments) -> Result<Plan, String> {
    if !arguments.agent.is_empty() {
        let targets = arguments.agent.iter().map(|agent| {
            let agent = running(agent).map_err(|error| error.to_string())?;
            let place = match agent.address {
                AgentAddress::Socket(path) => Place::Socket(path),
                AgentAddress::Loopback(address) => Place::Loopback(address),
            };
            Ok(Target { name: agent.name, place, expected: Expected::default() })
        });
        let targets = targets.collect::<Result<Vec<_>, String>>()?;
        return chosen_by_word(arguments, targets, local());
    }
    if let Some(file) = &arguments.inventory {
        return of_inventory(file, &arguments.nodes);
    }
    if Path::new("inventory.yaml").is_file() {
        complain("inventory.yaml lies here and is not used; -i inventory.yaml names it");
    }
    let cache = own_cache(&embedded::default_cache().map_err(|error| error.to_string())?);
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let own = Embedded::start(cores, &cache).await.map_err(|error| error.to_string())?;
    let place = Place::Socket(own.socket());
    let target = Target { name: own.client().name().to_owned(), place, expected: Expected::default() };
    let plan = chosen_by_word(arguments, vec![target], local())?;
    Ok(Plan { in_full: true, own: Some(own), ..plan })
}

/// A folder for td's own agent that no other one holds: not that of a render on this machine, nor that of another `td health`,
/// as one with --watch that runs for days. They are kept, for the fingerprint that lies there.
fn own_cache(of_renders: &Path) -> PathBuf {
    let folder = |number: u32| match number {
        1 => of_renders.with_file_name("health-agent"),
        _ => of_renders.with_file_name(format!("health-agent-{number}")),
    };
    let is_free = |folder: &PathBuf| {
        let lock = folder.join("lock");
        std::fs::File::open(&lock).is_ok_and(|lock| lock.try_lock().is_ok()) || !lock.exists()
    };
    (1..=MOST_CACHES).map(folder).find(is_free).unwrap_or_else(|| folder(MOST_CACHES))
}

/// Agents of this machine need no TLS.
fn local() -> Asker {
    Asker::new(Err(Unreachable::new(Why::NoCertificate, "agents of this machine are asked without TLS")))
}

fn chosen_by_word(arguments: &HealthArguments, targets: Vec<Target>, asker: Asker) -> Result<Plan, String> {
    match arguments.nodes.first() {
        None => Ok(Plan { targets, asker, in_full: false, own: None }),
        Some(node) => Err(format!("{node}: nodes are those of an inventory, which -i FILE names")),
    }
}

fn of_inventory(file: &Path, words: &[String]) -> Result<Plan, String> {
    let inventory = Inventory::read(file).map_err(|error| error.to_string())?;
    let nodes = chosen(&inventory, words)?;
    let targets = nodes.into_iter().map(|node| Target {
        name: node.name.clone(),
        place: Place::Node { name: node.name.clone(), address: node.address.clone(), port: node.agent_port },
        expected: Expected::of(&inventory, node),
    });
    let targets: Vec<Target> = targets.collect();
    let asker = Asker::new(credentials(&inventory, file));
    Ok(Plan { targets, asker, in_full: !words.is_empty(), own: None })
}

/// What nodes are asked with, or why none of them can be.
fn credentials(inventory: &Inventory, file: &Path) -> Result<ClientConfig, Unreachable> {
    let folder = ClusterFolder::of(inventory.cluster(), file);
    let config = folder.and_then(|folder| client_config(&folder));
    config.map_err(|error| Unreachable::new(Why::NoCertificate, format!("td here has no certificate for it: {error}")))
}

/// The nodes that these names and groups mean, in the inventory's order; without any, all.
fn chosen<'a>(inventory: &'a Inventory, words: &[String]) -> Result<Vec<&'a Node>, String> {
    let nodes = inventory.nodes();
    let is_meant =
        |node: &Node, word: &str| node.name.eq_ignore_ascii_case(word) || node.groups.iter().any(|g| g == word);
    for word in words {
        if !nodes.iter().any(|node| is_meant(node, word)) {
            let names =
                nodes.iter().flat_map(|node| std::iter::once(&node.name).chain(&node.groups)).map(String::as_str);
            let hint = nearest(word, names).map_or_else(String::new, |near| format!(", did you mean {near}?"));
            return Err(format!("{word} is neither a node nor a group of the inventory{hint}"));
        }
    }
    let is_chosen = |node: &&Node| words.is_empty() || words.iter().any(|word| is_meant(node, word));
    Ok(nodes.iter().filter(is_chosen).collect())
}

/// How td ends after a survey.
fn status(survey: &Survey) -> ExitStatus {
    match survey.worst() {
        Standing::Ok => ExitStatus::Done,
        Standing::Warn | Standing::Fail => ExitStatus::Failed,
        Standing::Unreachable => ExitStatus::Unreachable,
    }
}

fn shown(plan: &Plan, arguments: &HealthArguments, survey: &Survey) -> ExitStatus {
    let status = status(survey);
    if arguments.nagios {
        let (line, code) = nagios::line(survey);
        say(&format!("{line}\n"));
        return ExitStatus::Nagios(code);
    }
    if arguments.json {
        say(&format!("{:#}\n", json::document(survey, None, status)));
    } else if arguments.prometheus {
        say(&prometheus::text(survey));
    } else {
        lines(&screen(plan, survey, Paint::of(std::io::stdout().is_terminal())));
    }
    status
}

/// The table, or the nodes that were asked for with all checks.
fn screen(plan: &Plan, survey: &Survey, paint: Paint) -> Vec<String> {
    if !plan.in_full {
        return table::lines(survey, paint);
    }
    let mut out = Vec::new();
    for node in &survey.nodes {
        if !out.is_empty() {
            out.push(String::new());
        }
        out.extend(node::lines(node, paint));
    }
    out
}

/// Ends only with an error: otherwise it is interrupted.
async fn watched(plan: &Plan, arguments: &HealthArguments, timeout: Duration, every: Duration) -> ExitStatus {
    let shown = async {
        let terminal = Screen::enter()?;
        let paint = Paint::of(true);
        let mut suspended = signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
        let mut next = tokio::time::interval(every);
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let asked = async {
                next.tick().await;
                survey(&plan.asker, &plan.targets, timeout, arguments.deep).await
            };
            let survey = tokio::select! {
                survey = asked => survey,
                _ = suspended.recv() => {
                    terminal.suspend()?;
                    next.reset_immediately();
                    continue;
                }
            };
            let mut lines = screen(plan, &survey, paint);
            let asked = watch::time_of_day(survey.asked);
            lines.insert(0, format!("td health at {asked} UTC, every {} s; Ctrl-C ends it", every.as_secs_f64()));
            terminal.show(&lines)?;
        }
    };
    let ended: std::io::Result<std::convert::Infallible> = shown.await;
    watch::leave();
    match ended {
        Ok(never) => match never {},
        Err(error) => {
            complain(&format!("--watch: the terminal is gone: {error}"));
            ExitStatus::Failed
        }
    }
}

async fn looked_back(plan: &Plan, timeout: Duration, since: f64) -> ExitStatus {
    let histories = histories(&plan.asker, &plan.targets, timeout, since).await;
    let mut out = Vec::new();
    for (target, history) in plan.targets.iter().zip(&histories) {
        if !out.is_empty() {
            out.push(String::new());
        }
        out.extend(history::lines(&target.name, history, since));
    }
    lines(&out);
    let all = histories.iter().all(Result::is_ok);
    if all { ExitStatus::Done } else { ExitStatus::Unreachable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time("2h"), Ok(7200.0));
        assert_eq!(time("1d"), Ok(86_400.0));
        assert_eq!(time("1.5m"), Ok(90.0));
        for text in ["", "2", "h", "2 hours", "-2h", "2d", "nanh", "0s", "1e9s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn agents_of_td_health_beside_each_other_have_folders_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let renders = dir.path().join("agent");
        let (first, second) = (dir.path().join("health-agent"), dir.path().join("health-agent-2"));
        assert_eq!(own_cache(&renders), first);
        std::fs::create_dir(&first).unwrap();
        let lock = std::fs::File::create(first.join("lock")).unwrap();
        assert_eq!(own_cache(&renders), first, "nobody holds it");
        lock.lock().unwrap();
        assert_eq!(own_cache(&renders), second);
    }

    #[test]
    fn nodes_and_groups() {
        let yaml = b"nodes:\n  a: { address: 192.0.2.1, groups: [x] }\n  b: { address: 192.0.2.2, groups: [x] }\n  c: { address: 192.0.2.3 }\n";
        let inventory = Inventory::from_bytes("f", yaml).unwrap();
        let names = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            chosen(&inventory, &words).map(|nodes| nodes.iter().map(|node| node.name.clone()).collect::<String>())
        };
        assert_eq!(names(&[]), Ok("abc".into()));
        assert_eq!(names(&["C", "x"]), Ok("abc".into()));
        assert_eq!(names(&["x", "a"]), Ok("ab".into()));
        assert!(names(&["a", "y"]).unwrap_err().contains("y is neither a node nor a group"));
    }
}

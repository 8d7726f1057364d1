//! `td simulate`: the scheduler against simulated nodes.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::exit::ExitStatus;
use crate::progress::{print_event, rows_value};
use crate::simulate::{BUILT_IN_MAPS, Method, SimEvent, SimulateOptions, Summary, built_in_map, parse_map, plot, run};

/// What is simulated.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Nodes of one slot each [default: 1000]
    #[arg(long, value_name = "N")]
    nodes: Option<u32>,
    /// Rows of the image [default: 1000 for each node]
    #[arg(long, value_name = "N")]
    rows: Option<u32>,
    /// Seconds that one start of POV-Ray takes [default: 0.6]
    #[arg(long, value_name = "SECONDS")]
    start: Option<f64>,
    /// Relative speeds; node k has the one at k modulo their number [default: 1]
    #[arg(long, value_name = "S,S,...", value_delimiter = ',')]
    speeds: Option<Vec<f64>>,
    /// Where the cost lies: a file with a number a line, or a built-in map (blob, woodbox, wineglass, landscape, ...)
    /// [default: blob]
    #[arg(long, value_name = "FILE|NAME")]
    map: Option<String>,
    /// Total cost over the sum of the speeds, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS")]
    work: Option<f64>,
    /// Random faults from this seed. Where no other option says what is simulated, cluster and job are of the seed too:
    /// what td's own tests try
    #[arg(long, value_name = "seed=N", value_parser = seed)]
    faults: Option<u64>,
    /// Seed of all other random choices [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Who decides: td, or a method of the literature for comparison
    #[arg(long, value_enum, default_value_t = MethodName::Td)]
    method: MethodName,
    /// Write a timeline as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Print JSON lines: the events, and last a summary
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MethodName {
    Td,
    EqualStrips,
    GuidedSelfScheduling,
    Factoring,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Td => Self::Td,
            MethodName::EqualStrips => Self::EqualStrips,
            MethodName::GuidedSelfScheduling => Self::GuidedSelfScheduling,
            MethodName::Factoring => Self::Factoring,
        }
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.strip_prefix("seed=").unwrap_or(text).parse().map_err(|_| "write seed=7".to_owned())
}

/// Simulates, and tells what came of it.
#[must_use]
pub fn simulate(arguments: &SimulateArguments) -> ExitStatus {
    let options = options(arguments).and_then(|options| {
        options.check().map_err(|error| error.to_string())?;
        Ok(options)
    });
    let result = options.map_err(|message| (message, ExitStatus::Refused));
    let result =
        result.and_then(|options| try_simulate(arguments, &options).map_err(|message| (message, ExitStatus::Failed)));
    match result {
        Ok(true) => ExitStatus::Done,
        Ok(false) => ExitStatus::Failed,
        Err((message, status)) => {
            let _ = writeln!(std::io::stderr(), "td: {message}");
            status
        }
    }
}

/// Whether all rows were settled.
fn try_simulate(arguments: &SimulateArguments, options: &SimulateOptions) -> Result<bool, String> {
    let mut events = Vec::new();
    // A line per event, written at once: a million events go through here.
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut heard = |event: SimEvent| {
        if arguments.json {
            let _ = writeln!(out, "{}", event_json(&event));
        }
        if arguments.plot.is_some() {
            events.push(event);
        }
    };
    let summary = run(options, &mut heard).map_err(|error| error.to_string())?;
    let _ = out.flush();
    drop(out);
    tell(&summary, arguments.json);
    if let Some(path) = &arguments.plot {
        let map = arguments.map.as_deref().map_or_else(String::new, |map| format!(", map {map}"));
        let title = format!("{} nodes, {} rows{map}", summary.nodes, summary.rows);
        std::fs::write(path, plot::svg(&events, &summary, &title))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(summary.finished)
}

/// What was asked for; a seed of faults alone names a whole simulation.
fn options(arguments: &SimulateArguments) -> Result<SimulateOptions, String> {
    let SimulateArguments { nodes, rows, start, speeds, map: map_name, work, faults, seed, method, .. } = arguments;
    let shaped = nodes.is_some()
        || rows.is_some()
        || start.is_some()
        || speeds.is_some()
        || map_name.is_some()
        || work.is_some()
        || seed.is_some();
    if let Some(faults) = faults.filter(|_| !shaped) {
        return Ok(SimulateOptions { method: (*method).into(), ..SimulateOptions::faulty(faults) });
    }
    let usual = SimulateOptions::default();
    Ok(SimulateOptions {
        nodes: nodes.unwrap_or(usual.nodes),
        rows: *rows,
        start: start.unwrap_or(usual.start),
        speeds: speeds.clone().unwrap_or(usual.speeds),
        map: map_name.as_deref().map_or(Ok(usual.map), map)?,
        work: work.unwrap_or(usual.work),
        faults: *faults,
        seed: seed.unwrap_or(usual.seed),
        method: (*method).into(),
        ..SimulateOptions::default()
    })
}

fn map(name: &str) -> Result<Vec<f64>, String> {
    if let Some(map) = built_in_map(name) {
        return Ok(map);
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| format!("--map {name}: {error}; the built-in ones are {}", BUILT_IN_MAPS.join(", ")))?;
    parse_map(&text).map_err(|error| format!("--map {name}: {error}"))
}

fn event_json(event: &SimEvent) -> Value {
    let mut value = json!({ "event": event.kind.name(), "time": round(event.time), "slot": event.slot });
    if !event.rows.is_empty() {
        value["rows"] = rows_value(event.rows);
    }
    value
}

fn tell(summary: &Summary, as_json: bool) {
    if as_json {
        print_event(
            "summary",
            [
                ("nodes", summary.nodes.into()),
                ("rows", summary.rows.into()),
                ("finished", summary.finished.into()),
                ("makespan", round(summary.makespan).into()),
                ("ideal", round(summary.ideal).into()),
                ("efficiency", round(summary.efficiency).into()),
                ("starts", summary.starts.into()),
                ("start_bound", summary.start_bound.into()),
                ("shrinks", summary.shrinks.into()),
                ("copies", summary.copies.into()),
                ("losses", summary.losses.into()),
                ("failures", summary.failures.into()),
                ("rows_twice", summary.rows_twice.into()),
                ("rendered_share", round(summary.rendered_share).into()),
                ("decisions", summary.events.into()),
                ("decision_seconds", ((summary.decision_seconds * 1e6).round() * 1e-6).into()),
            ],
        );
        return;
    }
    // A reader that has gone away has read enough.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(
        out,
        "{} nodes, {} rows: {}",
        summary.nodes,
        summary.rows,
        if summary.finished { "all settled" } else { "NOT FINISHED" }
    );
    let _ = writeln!(
        out,
        "makespan   {:.2} s, ideal {:.2} s: efficiency {:.1} %",
        summary.makespan,
        summary.ideal,
        summary.efficiency * 100.0
    );
    let _ = writeln!(
        out,
        "starts     {} of at most {}, shrinks {}, copies {}",
        summary.starts, summary.start_bound, summary.shrinks, summary.copies
    );
    let _ = writeln!(out, "lost       {} strips with their nodes, {} strips failed", summary.losses, summary.failures);
    let _ = writeln!(out, "decisions  {} in {:.2} s", summary.events, summary.decision_seconds);
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: SimulateArguments,
    }

    fn asked(line: &str) -> SimulateOptions {
        options(&Line::parse_from(line.split_whitespace()).arguments).unwrap()
    }

    #[test]
    fn a_seed_alone_is_what_the_tests_try() {
        assert_eq!(asked("simulate --faults seed=17"), SimulateOptions::faulty(17));
    }

    #[test]
    fn otherwise_the_cluster_is_what_was_asked_for() {
        assert_eq!(asked("simulate"), SimulateOptions::default());
        let wanted = SimulateOptions { nodes: 50, faults: Some(7), ..SimulateOptions::default() };
        assert_eq!(asked("simulate --nodes 50 --faults seed=7"), wanted);
    }
}

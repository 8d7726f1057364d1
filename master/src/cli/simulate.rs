//! `td simulate`: the scheduler against simulated nodes.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::exit::ExitStatus;
use crate::progress::{print_event, rows_value};
use crate::simulate::{
    BUILT_IN_MAPS, DEFAULT_MAP, Method, SimEvent, SimulateOptions, Summary, Told, built_in_map, parse_map, plot, run,
};

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
    /// Where the cost lies: a file with a number a line, or a built-in map: blob, woodbox, wineglass, landscape, sunsethf,
    /// chess2 or flat; `built-in` is the default one [default: blob]
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
    /// What the scheduler is told of the work [default: bands; with a seed of faults alone: all]
    #[arg(long, value_enum)]
    told: Option<ToldName>,
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ToldName {
    /// Finished bands and the probe's map: td's bounds hold with that
    Bands,
    /// As agents do, also each second how far a block is, and how long the whole may take
    All,
}

impl From<ToldName> for Told {
    fn from(name: ToldName) -> Self {
        match name {
            ToldName::Bands => Self::Bands,
            ToldName::All => Self::All,
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
    let options = match options {
        Ok(options) => options,
        Err(message) => {
            complain(&message);
            return ExitStatus::Refused;
        }
    };
    let complaints = play(arguments, &options);
    complaints.iter().for_each(|message| complain(message));
    if complaints.is_empty() { ExitStatus::Done } else { ExitStatus::Failed }
}

fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "td: {message}");
}

/// Simulates and tells; returns what went wrong, a sentence each.
fn play(arguments: &SimulateArguments, options: &SimulateOptions) -> Vec<String> {
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
    let summary = match run(options, &mut heard) {
        Ok(summary) => summary,
        Err(error) => return vec![error.to_string()],
    };
    let _ = out.flush();
    drop(out);
    tell(&summary, arguments.json);
    let mut wrong = summary.what_is_wrong();
    if let Some(path) = &arguments.plot {
        let map = arguments.map.as_deref().map_or_else(String::new, |map| format!(", map {map}"));
        let title = format!("{} nodes, {} rows{map}", summary.nodes, summary.rows);
        if let Err(error) = std::fs::write(path, plot::svg(&events, &summary, &title)) {
            wrong.push(format!("cannot write {}: {error}", path.display()));
        }
    }
    wrong
}

/// What was asked for; a seed of faults alone names a whole simulation.
fn options(arguments: &SimulateArguments) -> Result<SimulateOptions, String> {
    let SimulateArguments { nodes, rows, start, speeds, map: map_name, work, faults, seed, method, told, .. } =
        arguments;
    let told = told.map(Told::from);
    let shaped = nodes.is_some()
        || rows.is_some()
        || start.is_some()
        || speeds.is_some()
        || map_name.is_some()
        || work.is_some()
        || seed.is_some();
    if let Some(faults) = faults.filter(|_| !shaped) {
        let usual = SimulateOptions::faulty(faults);
        return Ok(SimulateOptions { method: (*method).into(), told: told.unwrap_or(usual.told), ..usual });
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
        told: told.unwrap_or(usual.told),
        method: (*method).into(),
        ..SimulateOptions::default()
    })
}

/// The map of that name, or of that file; `built-in` names none of them, so it is the usual one.
fn map(name: &str) -> Result<Vec<f64>, String> {
    let name = if name == "built-in" { DEFAULT_MAP } else { name };
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
                ("rows_forgotten", summary.rows_forgotten.into()),
                ("rendered_share", round(summary.rendered_share).into()),
                ("decisions", summary.events.into()),
                ("decision_seconds", ((summary.decision_seconds * 1e6).round() / 1e6).into()),
            ],
        );
        return;
    }
    // A reader that has gone away has read enough.
    let _ = write!(std::io::stdout(), "{}", in_words(summary));
}

fn in_words(summary: &Summary) -> String {
    let Summary { nodes, rows, makespan, ideal, efficiency, starts, shrinks, copies, losses, failures, .. } = summary;
    let settled = if summary.finished { "all settled" } else { "NOT FINISHED" };
    let bound = summary.start_bound.map_or_else(String::new, |bound| format!(" of at most {bound}"));
    [
        format!("{nodes} nodes, {rows} rows: {settled}"),
        format!("makespan   {makespan:.2} s, ideal {ideal:.2} s: efficiency {:.1} %", efficiency * 100.0),
        format!("starts     {starts}{bound}, shrinks {shrinks}, copies {copies}"),
        format!("lost       {losses} strips with their nodes, {failures} strips failed"),
        format!(
            "rows       {} settled twice, {} forgotten; each rendered {:.2} times",
            summary.rows_twice, summary.rows_forgotten, summary.rendered_share
        ),
        format!("decisions  {} in {:.2} s", summary.events, summary.decision_seconds),
    ]
    .map(|line| line + "\n")
    .concat()
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

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
        let told_less = SimulateOptions { told: Told::Bands, ..SimulateOptions::faulty(17) };
        assert_eq!(asked("simulate --faults seed=17 --told bands"), told_less);
    }

    #[test]
    fn otherwise_the_cluster_is_what_was_asked_for() {
        assert_eq!(asked("simulate"), SimulateOptions::default());
        let wanted = SimulateOptions { nodes: 50, faults: Some(7), ..SimulateOptions::default() };
        assert_eq!(asked("simulate --nodes 50 --faults seed=7"), wanted);
        let told = SimulateOptions { told: Told::All, ..SimulateOptions::default() };
        assert_eq!(asked("simulate --told all"), told);
    }
    #[test]
    fn a_map_is_asked_for_by_its_name() {
        assert_eq!(asked("simulate --map built-in"), SimulateOptions::default());
        assert_eq!(asked("simulate --map chess2").map, built_in_map("chess2").unwrap());
        assert!(
            map("nothing")
                .unwrap_err()
                .ends_with("the built-in ones are blob, woodbox, wineglass, landscape, sunsethf, chess2, flat")
        );
    }

    #[test]
    fn help_names_all_built_in_maps() {
        let help = Line::command().render_long_help().to_string();
        for name in BUILT_IN_MAPS {
            assert!(help.contains(name), "{name}");
        }
    }

    #[test]
    fn the_text_has_what_is_wrong_too() {
        let mut summary = run(&asked("simulate --nodes 3 --rows 300"), &mut |_| ()).unwrap();
        summary.rows_twice = 7;
        assert!(in_words(&summary).contains("7 settled twice, 0 forgotten"), "{}", in_words(&summary));
        assert!(in_words(&summary).contains(" of at most "));
        summary.start_bound = None;
        assert!(!in_words(&summary).contains(" of at most "));
    }
}

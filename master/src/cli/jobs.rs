//! `td jobs`, `td resume` and `td cancel`.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use tokio::sync::mpsc::Receiver;

use crate::cli::run::{failed, manner, named_agents, named_file, place_of, tell_report};
use crate::compose::OutputTarget;
use crate::exit::ExitStatus;
use crate::jobs::cancel::cancel;
use crate::jobs::record::AgentsRecord;
use crate::jobs::resume::{TakenUp, take_up};
use crate::jobs::{JobError, Places, Prefix, SavedOutput, json_lines, now, table_lines};
use crate::progress::{Progress, print_event};
use crate::render::failure::RenderError;
use crate::render::{flow, written};

#[derive(Debug, Args)]
pub struct JobsArguments {
    /// Print JSON lines, one for each job
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// The job's id as td jobs shows it, or its beginning [default: the unfinished job that was last heard of]
    pub id: Option<Prefix>,
    /// Write the picture here instead
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace whatever lies at the picture's place now
    #[arg(long)]
    pub replace: bool,
    /// Render on the nodes of this inventory from now on
    #[arg(short = 'i', long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Render on this agent of this machine from now on: a socket's path or a loopback ADDRESS:PORT (several times for several);
    /// counts more than an inventory
    #[arg(long, value_name = "SOCKET|ADDRESS")]
    pub agent: Vec<String>,
    /// Print JSON lines, one event each, on standard output
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct CancelArguments {
    /// The job's id as td jobs shows it, or its beginning
    pub id: Prefix,
}

/// Lists all jobs, newest last.
pub fn jobs(arguments: &JobsArguments) -> ExitStatus {
    let (entries, notes) = match Places::open().and_then(|places| places.entries()) {
        Ok(found) => found,
        Err(error) => return failed(&error.into(), false),
    };
    for note in notes {
        let _ = writeln!(std::io::stderr(), "td: {note}");
    }
    let lines = if arguments.json { json_lines(&entries) } else { table_lines(&entries, now()) };
    // A reader that has gone away has read enough.
    let mut out = std::io::stdout().lock();
    let _ = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
    ExitStatus::Done
}

/// Goes on with a job.
pub async fn resume(arguments: ResumeArguments, interrupted: &mut Receiver<()>) -> ExitStatus {
    let mut progress = Progress::new(manner(arguments.json, arguments.quiet));
    let result = resume_job(&arguments, &mut progress, interrupted).await;
    progress.clear();
    match result {
        Ok(()) => ExitStatus::Done,
        Err(error) => failed(&error, arguments.json),
    }
}

async fn resume_job(
    arguments: &ResumeArguments,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<(), RenderError> {
    let places = Places::open()?;
    let output = arguments.output.as_deref().map(elsewhere).transpose()?;
    let mut job = match take_up(&places, arguments.id.as_ref(), output, arguments.replace)? {
        TakenUp::Unfinished(job) => *job,
        TakenUp::WasDone { id, output } => {
            let out = output.to_text().to_string();
            progress.note(&format!("job {id} was done: {out} is its picture"));
            // Always the last event.
            progress.detail("done", [("id", id.as_str().into()), ("out", out.as_str().into())]);
            return Ok(());
        }
    };
    if !arguments.agent.is_empty() || arguments.inventory.is_some() {
        let before = job.history().job.agents;
        job.render_by(AgentsRecord {
            agents: named_agents(&arguments.agent),
            inventory: arguments.inventory.as_deref().map(named_file),
            ..before
        });
    }
    let record = job.history().job;
    if SavedOutput::from_text(&record.output) == SavedOutput::Stdout {
        let reason = match (arguments.json, std::io::stdout().is_terminal()) {
            (true, _) => "its picture goes to standard output, which --json wants too: leave that out, or add -o FILE",
            (_, true) => "its picture goes to standard output, and that is a terminal: add > FILE.png, or -o FILE",
            _ => "",
        };
        if !reason.is_empty() {
            return Err(JobError::CannotGoOn { job: record.id, reason: reason.to_owned() }.into());
        }
    }
    let place = place_of(&record.agents)?;
    let report = flow::resume(&written::request(&record, place), job, progress, interrupted).await?;
    tell_report(&report, arguments.json, arguments.quiet, progress);
    Ok(())
}

/// Another place for the picture than the job's own.
fn elsewhere(path: &std::path::Path) -> Result<SavedOutput, RenderError> {
    let target = if path.as_os_str() == "-" { OutputTarget::Stdout } else { OutputTarget::File(path.to_owned()) };
    SavedOutput::of(&target).map_err(|source| RenderError::Usage(format!("-o {}: {source}", path.display())))
}

/// Ends a job for good.
pub fn cancel_job(arguments: &CancelArguments) -> ExitStatus {
    match Places::open().and_then(|places| cancel(&places, &arguments.id)) {
        Ok(cancelled) => {
            let stopped = cancelled.stopped.map_or_else(String::new, |pid| format!("process {pid} has stopped; "));
            let _ = writeln!(std::io::stderr(), "td: job {}: {stopped}its finished rows are removed", cancelled.id);
            ExitStatus::Done
        }
        Err(error) => failed(&error.into(), false),
    }
}

/// An event for programs when a render ends without its picture.
pub(super) fn print_failed(error: &RenderError) {
    let mut fields = vec![("message", error.to_string().into()), ("code", error.exit_status().code().into())];
    if let Some(id) = error.resumable() {
        fields.push(("resume", id.into()));
    }
    print_event("failed", fields);
}

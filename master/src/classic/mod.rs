//! `td render --method classic`: the way of the paper, as a baseline for td's own.
//!
//! The picture is cut into equal strips of rows, one for each slot. Each is rendered by POV-Ray to a PNG on its node and
//! cropped there with ImageMagick's `convert`; the master waits for all parts and joins them with `convert -append`.
//! There is no cost map, no stealing, no retry and no cache: the slowest strip decides, and a node that is lost ends the
//! job (the paper's scripts wait for ever). Agents, bundles and phases are td's, so what is compared is the method.
//!
//! - [`share`]: the equal strips.
//! - [`part`]: one strip on its agent, until its part lies in the job's folder.
//! - [`join`]: `convert -append`.

mod join;
mod part;
mod share;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use td_protocol::job::OpenJob;
use td_protocol::rows::Rows;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use crate::classic::part::{Part, PartDone};
use crate::compose::{OutputFormat, OutputTarget, place};
use crate::jobs::{Places, SavedOutput};
use crate::progress::{NodeStatus, Progress, Status};
use crate::render::account::Account;
use crate::render::crew::Crew;
use crate::render::failure::RenderError;
use crate::render::kept_open::{KeptOpen, MASTER_SILENCE};
use crate::render::opening::{self, Contents};
use crate::render::policy::{MIXED_GROUPS, class_sentence};
use crate::render::prepare::Prepared;
use crate::render::report::{NodeReport, Report};
use crate::render::request::RenderRequest;
use crate::scene::Class;

/// How long agents may take to hear that it is over.
const CLOSE_PATIENCE: Duration = Duration::from_millis(800);

/// Renders and writes the picture.
///
/// # Errors
/// [`RenderError`]; nothing is left behind then.
pub async fn render(
    request: &RenderRequest,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<Report, RenderError> {
    let begun = Instant::now();
    let prepared = Prepared::new(&request.asked)?;
    refuse_what_it_cannot_do(request, &prepared)?;
    let convert = join::find_convert()?;
    for note in &prepared.notes {
        progress.note(note);
    }
    // No other td writes the same picture meanwhile.
    let output = SavedOutput::of(prepared.output.target())
        .map_err(|source| RenderError::Folder { path: PathBuf::from("."), source })?;
    let claim = Places::open()?.claim(&output)?;
    progress.stage("starting agents");
    let crew = tokio::select! {
        crew = Crew::muster(&request.place, request.groups) => crew?,
        _ = interrupted.recv() => return Err(RenderError::Interrupted),
    };
    for note in &crew.notes {
        progress.note(note);
    }
    refuse_what_is_not_exact(request, &prepared, &crew)?;
    let folder = std::env::temp_dir();
    let folder = tempfile::Builder::new()
        .prefix("td-classic-")
        .tempdir_in(&folder)
        .map_err(|source| RenderError::Folder { path: folder, source })?;
    let spec = OpenJob {
        id: format!("{}-classic", claim.id),
        bundle: prepared.assets.bundle(),
        options: prepared.options().clone(),
        exact: false,
        reuse: false,
        fresh: None,
        radiosity: None,
        stall_timeout: request.stall_timeout,
        silence_timeout: MASTER_SILENCE,
    };
    let run = async {
        let parcel = Contents { assets: &prepared.assets, made: None }.parcel(&spec.bundle).through_share(&crew.nodes);
        let nodes = crew.nodes.iter().map(|node| (node.id, node.client.clone(), 0));
        let mut openings = opening::open_on(nodes, &spec, &parcel);
        while let Some(opening) = openings.join_next().await {
            opening.map_err(|error| RenderError::Nodes(format!("a node was not asked: {error}")))?.result?;
        }
        let parallel_begun = Instant::now();
        let parts = all_parts(&crew, &spec, folder.path(), progress).await?;
        Ok::<_, RenderError>((parallel_begun, parts, Instant::now()))
    };
    let result = tokio::select! {
        result = run => result,
        _ = interrupted.recv() => Err(RenderError::Interrupted),
    };
    close(&crew, &spec.id).await;
    let (parallel_begun, parts, rows_complete) = result?;
    progress.detail("rows_complete", []);
    let joined = folder.path().join("joined.png");
    let files: Vec<_> = parts.iter().map(|done| done.file.clone()).collect();
    tokio::select! {
        result = join::append(&convert, &files, &joined) => result?,
        _ = interrupted.recv() => return Err(RenderError::Interrupted),
    }
    let bytes = place(&prepared.output, &joined)?;
    let nodes = node_reports(&crew, &parts, rows_complete.duration_since(parallel_begun));
    let class = prepared.verdict.class;
    let exact = is_exact(class, crew.mixed, parts.len());
    let why = if crew.mixed { MIXED_GROUPS } else { class_sentence(class) };
    drop(crew);
    Ok(Report {
        id: claim.id.to_string(),
        method: request.method,
        out: prepared.output.target().clone(),
        bytes,
        class,
        exact,
        why: if exact { Vec::new() } else { vec![why.to_owned()] },
        first_sequential: parallel_begun.duration_since(begun),
        parallel: rows_complete.duration_since(parallel_begun),
        second_sequential: rows_complete.elapsed(),
        from_state_file: false,
        why_not_state_file: "the classic method has POV-Ray write each strip".to_owned(),
        starts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        shrinks: 0,
        rows_from_cache: 0,
        rows_resumed: 0,
        rows_verified: None,
        nodes,
        account: Account::default(),
        total: begun.elapsed(),
    })
}

/// Parts of any height by POV-Rays that draw alike are one picture.
fn is_exact(class: Class, mixed: bool, parts: usize) -> bool {
    parts == 1 || (class == Class::AnyRow && !mixed)
}

/// `--exact` was said, and the picture would not be.
fn refuse_what_is_not_exact(request: &RenderRequest, prepared: &Prepared, crew: &Crew) -> Result<(), RenderError> {
    let parts = crew.nodes.iter().map(|node| node.slots.len()).sum();
    let class = prepared.verdict.class;
    if !request.asked.wishes.exact || is_exact(class, crew.mixed, parts) {
        return Ok(());
    }
    Err(RenderError::Usage(format!(
        "--method classic cuts this picture into {parts} equal strips, which would not be exact ({}): leave --exact out, or \
         --method classic",
        class_sentence(class)
    )))
}

/// The method draws whole PNGs, and does nothing beside that.
fn refuse_what_it_cannot_do(request: &RenderRequest, prepared: &Prepared) -> Result<(), RenderError> {
    let options = prepared.options();
    let whole = options.rows == Rows::new(0, options.height) && options.columns == Rows::new(0, options.width);
    let reason = if !whole {
        "draws whole pictures only: leave +SR, +ER, +SC and +EC out"
    } else if prepared.output.format() != OutputFormat::Png {
        "writes PNG only: give the picture a name with .png"
    } else if matches!(prepared.output.target(), OutputTarget::Stdout) {
        "does not write to standard output: name a file with -o"
    } else if request.verify_rows.is_some() {
        "verifies nothing: leave --verify out"
    } else if request.asked.wishes.seams.is_some() {
        "cuts every picture into equal strips: leave --two-pass, --one-node and --allow-seams out"
    } else {
        return Ok(());
    };
    Err(RenderError::Usage(format!("--method classic {reason}, or --method classic itself")))
}

/// Renders all strips at the same time; their parts from the top down.
async fn all_parts(
    crew: &Crew,
    spec: &OpenJob,
    folder: &Path,
    progress: &mut Progress,
) -> Result<Vec<PartDone>, RenderError> {
    let slots: Vec<_> = crew.nodes.iter().flat_map(|node| node.slots.iter().map(move |slot| (node, *slot))).collect();
    let strips = share::equal(spec.options.height, slots.len());
    // An agent that is lost is noticed by its strip.
    let _open = KeptOpen::on(crew.nodes.iter().map(|node| node.client.clone()), &spec.id);
    let mut running = JoinSet::new();
    for (index, (rows, (node, slot))) in strips.into_iter().zip(slots).enumerate() {
        progress.strip(node.client.name(), slot.0, rows);
        let file = folder.join(format!("part-{index:04}.png"));
        let part = Part { client: node.client.clone(), job: spec.id.clone(), slot, rows, file };
        running.spawn(part.fetch(Instant::now()));
    }
    let begun = Instant::now();
    let mut done: Vec<PartDone> = Vec::new();
    while let Some(joined) = running.join_next().await {
        let part = joined.map_err(|error| RenderError::Nodes(format!("a strip was not followed: {error}")))??;
        done.push(part);
        progress.status(&status(crew, &done, spec.options.height, begun.elapsed()));
    }
    done.sort_by_key(|part| part.rows);
    Ok(done)
}

fn status(crew: &Crew, done: &[PartDone], height: u32, elapsed: Duration) -> Status {
    let rows_done = done.iter().map(|part| part.rows.len()).sum();
    let nodes = crew.nodes.iter().map(|node| {
        let own = || done.iter().filter(|part| node.slots.contains(&part.slot));
        NodeStatus {
            name: node.client.name().to_owned(),
            slots: node.slots.len(),
            busy: node.slots.len().saturating_sub(own().count()),
            rows: own().map(|part| part.rows.len()).sum(),
            trouble: None,
        }
    });
    let share = f64::from(rows_done) / f64::from(height.max(1));
    // No strip tells how far it is, so nobody knows what is left.
    let elapsed = elapsed.as_secs_f64();
    Status { rows_done, rows_total: height, share, elapsed, left: None, nodes: nodes.collect() }
}

fn node_reports(crew: &Crew, parts: &[PartDone], parallel: Duration) -> Vec<NodeReport> {
    let parallel = parallel.as_secs_f64().max(1e-9);
    let report = |node: &crate::render::crew::Node| {
        let own: Vec<&PartDone> = parts.iter().filter(|part| node.slots.contains(&part.slot)).collect();
        let cpu = own.iter().map(|part| part.cpu).sum();
        NodeReport {
            name: node.client.name().to_owned(),
            rows: own.iter().map(|part| part.rows.len()).sum(),
            strips: u32::try_from(own.len()).unwrap_or(u32::MAX),
            cpu,
            povray_cpu: cpu,
            agent_cpu: own.iter().map(|part| part.crop_cpu).sum(),
            busy: own.iter().map(|part| (part.seconds / parallel).min(1.0)).collect(),
            speed: node.speed,
            slowed: None,
        }
    };
    crew.nodes.iter().map(report).collect()
}

/// Closes the job everywhere, which also stops what still renders.
async fn close(crew: &Crew, job: &str) {
    let mut closing = JoinSet::new();
    for node in &crew.nodes {
        let (client, id) = (node.client.clone(), job.to_owned());
        closing.spawn(async move { tokio::time::timeout(CLOSE_PATIENCE, client.close_job(&id)).await });
    }
    while closing.join_next().await.is_some() {}
}

//! The order of things in `td render`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use td_protocol::job::OpenJob;
use td_protocol::probe::{ProbeReport, StartProbe};
use tokio::sync::mpsc::Receiver;

use crate::compose::{Chunk, Spool, compose_announced};
use crate::jobs::record::{CompleteRecord, CrewRecord, PictureRecord, ProbeRecord, Record, SeamsChosen};
use crate::jobs::{Current, Places, SavedOutput, SavedText, now};
use crate::progress::Progress;
use crate::render::attempt::{Attempt, AttemptEnd, Rendered};
use crate::render::choice::choose;
use crate::render::crew::Crew;
use crate::render::failure::RenderError;
use crate::render::kept_open::{KeptOpen, MASTER_SILENCE};
use crate::render::opening::{self, Contents};
use crate::render::policy::{self, Policy, SeamsChoice, Wishes, class_word};
use crate::render::prepare::Prepared;
use crate::render::report::Report;
use crate::render::request::{RenderMethod, RenderRequest};
use crate::render::scene_failure::scene_failure;
use crate::render::{first_pass, heard::ProbeProblem, probing, resuming, written};
use crate::scene::Class;
use crate::schedule::Sharing;

/// A scene may compute so many names of files that td finds by trial.
const MOST_TRIALS: usize = 200;
/// How long nodes may take to answer that they have closed the job, once the picture is there.
const CLOSING: Duration = Duration::from_millis(30);

/// Renders and writes the picture.
///
/// # Errors
/// [`RenderError`]. Nothing is left beside the picture then; where [`RenderError::Kept`] says so, [`resume`] goes on.
pub async fn render(
    request: &RenderRequest,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<Report, RenderError> {
    let begun = Instant::now();
    let prepared = Prepared::new(&request.asked)?;
    for note in &prepared.notes {
        progress.note(note);
    }
    if request.verbose {
        for origin in &prepared.settings.origins {
            progress.note(&format!("{origin}"));
        }
    }
    let places = Places::open()?;
    let output = SavedOutput::of(prepared.output.target())
        .map_err(|source| RenderError::Folder { path: PathBuf::from("."), source })?;
    let claim = places.claim(&output)?;
    let crew = muster(request, &prepared, progress, interrupted).await?;
    for note in places.sweep(now())? {
        progress.note(&note);
    }
    let record = written::job(request, &prepared, &claim.id, &output, now());
    let job = Current::begin(&places, claim, record)?;
    progress.detail("job", [("id", job.id().as_str().into()), ("resumed", false.into())]);
    carry_out(request, prepared, crew, job, begun, progress, interrupted).await
}

/// Goes on with a job that another td did not bring to its end.
///
/// # Errors
/// As [`render`]; where the scene or the agents are not as they were, with what changed, and the job stays as it is.
pub async fn resume(
    request: &RenderRequest,
    job: Current,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<Report, RenderError> {
    let begun = Instant::now();
    let before = job.history();
    let prepared = resuming::prepare_again(&before)?;
    for note in &prepared.notes {
        progress.note(note);
    }
    let (id, rows_done, rows_total) = (job.id().clone(), job.rows_done(), before.job.options.rows.len());
    let scene = &before.job.scene;
    progress.note(&format!("job {id} goes on: {scene}, {rows_done} of {rows_total} rows are finished"));
    let crew = muster(request, &prepared, progress, interrupted).await?;
    resuming::check_crew(&job, &before, &crew)?;
    job.begin_run()?;
    progress.detail("job", [("id", id.as_str().into()), ("resumed", true.into())]);
    carry_out(request, prepared, crew, job, begun, progress, interrupted).await
}

async fn muster(
    request: &RenderRequest,
    prepared: &Prepared,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<Crew, RenderError> {
    progress.stage("starting agents");
    let mut crew = tokio::select! {
        crew = Crew::muster(&request.place, request.groups) => crew?,
        _ = interrupted.recv() => return Err(RenderError::Interrupted),
    };
    let options = prepared.options();
    crew.fit_memory(&request.place, options.width, options.height);
    for note in &crew.notes {
        progress.note(note);
    }
    Ok(crew)
}

/// Renders what is missing, composes, and writes down how it ended.
async fn carry_out(
    request: &RenderRequest,
    mut prepared: Prepared,
    mut crew: Crew,
    job: Current,
    begun: Instant,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<Report, RenderError> {
    let nodes = crew.nodes.iter().map(|node| node.client.name().to_owned()).collect();
    // On the disk before any row: what is resumed is compared with this.
    let noted = job.note_synced(Record::Crew(CrewRecord { fingerprint: crew.fingerprint.clone(), nodes }));
    let attempts = match noted {
        Ok(()) => attempts(request, &mut prepared, &mut crew, &job, begun, progress, interrupted).await,
        Err(error) => Err(error.into()),
    };
    let finished = match attempts {
        Ok((policy, rendered, spool)) => {
            finish(&prepared, crew, &job, &policy, rendered, &spool, begun, progress).await
        }
        Err(error) => {
            // First the agents, then the word that it ended: who resumes it then finds them free.
            drop(crew);
            Err(error)
        }
    };
    match finished {
        Ok(report) => {
            job.done();
            Ok(report)
        }
        Err(error) => Err(resuming::end(job, error)),
    }
}

/// Attempts, each with one more file that POV-Ray missed, until one succeeds.
async fn attempts(
    request: &RenderRequest,
    prepared: &mut Prepared,
    crew: &mut Crew,
    job: &Current,
    begun: Instant,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<(Policy, Rendered, Arc<Spool>), RenderError> {
    let kept = probing::Kept::in_cache();
    let before = job.history().attempt;
    if before.is_none() {
        resuming::remove_rows(job)?;
    }
    let mut trial = before.as_ref().map_or(0, |attempt| attempt.number);
    let mut found = before.map_or_else(Vec::new, |attempt| attempt.found);
    loop {
        job.note_synced(Record::Attempt(written::attempt(prepared, trial, &found)))?;
        match one_attempt(request, prepared, crew, job, &kept, trial, begun, progress, interrupted).await {
            Ok(done) => return Ok(done),
            Err(AttemptEnd::Failed(error)) => return Err(error),
            Err(AttemptEnd::MissingFile { name, povray }) => {
                if found.len() >= MOST_TRIALS || !add_missing(prepared, &name)? {
                    let told = crate::scene::read_failure(&povray).map_or(name, |failure| failure.text);
                    return Err(RenderError::Povray(told));
                }
                progress.note(&format!("{name}: found by trial and sent along"));
                // Nothing of this attempt is of use: the picture is another one with the file.
                let _ = std::fs::remove_file(job.segments(trial));
                found.push(name);
                trial += 1;
                // An earlier run may have come as far, and its word of that be lost.
                let _ = std::fs::remove_file(job.segments(trial));
            }
        }
    }
}

/// Finds a file that POV-Ray missed; an error also tells where the scene names it.
fn add_missing(prepared: &mut Prepared, name: &str) -> Result<bool, RenderError> {
    let named = prepared.assets.missing().into_iter().find(|missing| missing.name == name);
    prepared.assets.add_missing(name).map_err(|error| match named {
        Some(missing) => RenderError::Povray(format!("{}: {error}", missing.named)),
        None => error.into(),
    })
}

/// One try with the files known so far.
#[expect(clippy::too_many_arguments, reason = "one caller; a struct would only name the same things twice")]
async fn one_attempt(
    request: &RenderRequest,
    prepared: &Prepared,
    crew: &mut Crew,
    job: &Current,
    kept: &probing::Kept,
    trial: u32,
    begun: Instant,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<(Policy, Rendered, Arc<Spool>), AttemptEnd> {
    let options = prepared.options();
    let before = job.history();
    let out = resuming::leave_out(&before, crew, progress)?;
    resuming::close_earlier(job, trial, crew).await;
    let mut spec = OpenJob {
        id: job.agents_id(trial),
        bundle: prepared.assets.bundle(),
        options: options.clone(),
        exact: true,
        reuse: true,
        fresh: request.fresh.then(|| job.id().to_string()),
        radiosity: None,
        stall_timeout: request.stall_timeout,
        silence_timeout: MASTER_SILENCE,
    };
    let mut contents = Contents { assets: &prepared.assets, made: None };
    let (width, height) = probing::size(options.width, options.height);
    let mut probe = StartProbe { width, height, gammas: prepared.gammas(), cut: false, threads: 1 };
    let mut class = prepared.verdict.class;
    let mut report = None;
    if class > Class::Aligned32 && prepared.verdict.proven <= Class::Aligned32 {
        progress.stage("the scene's text leaves open whether strips are exact: trying");
        probe.cut = true;
        let found = match before.cut_report.clone() {
            Some(report) => report,
            None => probe_first(crew, &spec, &contents, &probe, interrupted).await?,
        };
        job.note(Record::Probe(ProbeRecord { cut: true, report: found.clone() }));
        if found.cut_differences == Some(0) {
            class = prepared.verdict.proven;
        }
        report = Some(found);
        // After a first pass there is another probe: it need not try the cuts again.
        probe.cut = false;
    }
    let wishes = Wishes { seams: before.job.seams.map(SeamsChoice::from), ..request.asked.wishes };
    let (mut policy, answer) = choose(prepared, class, wishes, request.may_ask, progress, interrupted).await?;
    if let Some(choice) = answer {
        job.note(Record::Seams(SeamsChosen { choice: choice.into() }));
    }
    // Rows of an earlier run may be of another group than all nodes of this one.
    if crew.mixed || (request.groups.mix && job.rows_done() > 0) {
        policy = policy.of_mixed_groups();
    }
    if request.verify_rows.is_some() && policy.class > Class::Aligned32 {
        return Err(RenderError::Usage(
            "--verify compares rows with the same rows rendered again, and those of this picture differ each time they \
             are cut otherwise: leave --verify out"
                .to_owned(),
        )
        .into());
    }
    // By one node a picture is exact whatever its class, but only from its first row to its last.
    let is_repeatable = policy.class <= Class::Aligned32;
    spec.exact = is_repeatable;
    spec.reuse &= is_repeatable;
    if policy.first_pass {
        let saved = before.first_pass.as_ref().and_then(|pass| resuming::saved_radiosity(job, pass));
        match saved {
            Some(bytes) => first_pass::adopt(&mut spec, &mut contents, bytes),
            None => {
                progress.stage("first pass: computing radiosity once");
                let client = crew.fastest().map(|node| node.client.clone());
                let client = client.ok_or_else(|| RenderError::AllLost("no agent".to_owned()))?;
                tokio::select! {
                    done = first_pass::run(&client, &mut spec, &mut contents) => done?,
                    _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
                };
                // Rows that were drawn with another file of samples do not go with this one.
                let _ = std::fs::remove_file(job.segments(trial));
                if let Some((hash, bytes)) = &contents.made {
                    resuming::keep_radiosity(job, *hash, bytes)?;
                }
            }
        }
        report = None;
    }
    if !policy.exact {
        let sentence = policy::class_sentence(policy.class);
        progress.note(&format!("not exact, {}: {sentence} ({})", class_word(policy.class), policy.why.join("; ")));
    }
    if report.is_none() {
        // After a first pass of this run there is none any more.
        report = job.history().report;
    }
    if report.is_none() && !request.fresh {
        report = kept.get(&spec, &crew.fingerprint);
    }
    if let Some(report) = report.clone().filter(|_| before.report.is_none()) {
        job.note(Record::Probe(ProbeRecord { cut: false, report }));
    }
    let spool = Arc::new(match policy.sharing {
        Sharing::OneLease => resuming::open_whole_spool(&job.segments(trial), prepared.shape, options.rows)?,
        Sharing::Rows | Sharing::WholeLeases => resuming::open_spool(&job.segments(trial), prepared.shape)?,
    });
    resuming::forget(&before, out, &spec, &spool).await?;
    for outside in outside(options.rows, prepared.shape.height) {
        spool.add_black(outside)?;
    }
    let parcel = contents.parcel(&spec.bundle).through_share(&crew.nodes);
    let rows_before = options.rows.len() - missing_of(&spool.missing(), options.rows);
    let attempt = Attempt {
        crew,
        parcel,
        spec,
        contents,
        policy: &policy,
        shape: prepared.shape,
        spool: Arc::clone(&spool),
        job,
        folder: job.folder().to_owned(),
        probe,
        kept,
        report,
        rows_before,
        progress,
        begun,
        tuning: request.tuning,
        verify_rows: request.verify_rows,
        before: &before,
    };
    let _syncing = resuming::Syncing::start(&spool);
    let rendered = attempt.run(interrupted).await?;
    Ok((policy, rendered, spool))
}

fn outside(rows: td_protocol::rows::Rows, height: u32) -> Vec<td_protocol::rows::Rows> {
    use td_protocol::rows::Rows;
    let runs = [Rows::new(0, rows.start), Rows::new(rows.end, height)];
    runs.into_iter().filter(|run| !run.is_empty()).collect()
}

/// How many of `rows` are among the missing.
fn missing_of(missing: &[td_protocol::rows::Rows], rows: td_protocol::rows::Rows) -> u32 {
    missing.iter().map(|run| run.end.min(rows.end).saturating_sub(run.start.max(rows.start))).sum()
}

/// A probe before any strip, where the class hangs on it.
async fn probe_first(
    crew: &Crew,
    spec: &OpenJob,
    contents: &Contents<'_>,
    probe: &StartProbe,
    interrupted: &mut Receiver<()>,
) -> Result<ProbeReport, AttemptEnd> {
    let Some(node) = crew.fastest() else {
        return Err(RenderError::AllLost("no agent".to_owned()).into());
    };
    let _open = KeptOpen::on([node.client.clone()], &spec.id);
    let run = async {
        opening::open(&node.client, spec, &contents.parcel(&spec.bundle), 0).await?;
        Ok::<_, RenderError>(probing::run(&node.client, &spec.id, probe).await)
    };
    let result = tokio::select! {
        result = run => result?,
        _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
    };
    match result {
        Ok(report) => Ok(report),
        Err(ProbeProblem::Lost(error)) => Err(RenderError::from(error).into()),
        Err(ProbeProblem::Failed { failure, message, povray }) => {
            Err(scene_failure(contents.assets, &failure, &message, &povray, false))
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one caller; a struct would only name the same things twice")]
async fn finish(
    prepared: &Prepared,
    crew: Crew,
    job: &Current,
    policy: &Policy,
    mut rendered: Rendered,
    spool: &Arc<Spool>,
    begun: Instant,
    progress: &mut Progress,
) -> Result<Report, RenderError> {
    let rows_complete = Instant::now();
    // From here on a failure costs nothing but composing again, even if the power fails with it.
    if let Err(error) = spool.sync() {
        tracing::warn!("{error}");
    }
    job.note(Record::Complete(CompleteRecord { at: now() }));
    progress.detail("rows_complete", []);
    let chunks: Result<Vec<Chunk>, _> = rendered.report.chunks.iter().map(Chunk::try_from).collect();
    let chunks = chunks.map_err(|error| RenderError::Nodes(format!("the probe's chunks cannot be used: {error}")))?;
    let bytes = compose_announced(spool, &chunks, &prepared.output, SystemTime::now(), &mut |picture| {
        let temporary = std::path::absolute(&picture.temporary).ok();
        job.note(Record::Picture(PictureRecord {
            device: picture.device,
            inode: picture.inode,
            size: picture.size,
            temporary: temporary.map(|path| SavedText::from(path.as_os_str())),
        }));
    })?;
    let nodes = crate::render::report::nodes(&crew, &rendered);
    // Begun while composing. A slow node is told, and its answer is not waited for: the picture is there.
    let closing = async { while rendered.closing.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(CLOSING, closing).await;
    drop(crew);
    let second_sequential = rows_complete.elapsed();
    Ok(Report {
        id: job.id().to_string(),
        method: RenderMethod::Td,
        out: prepared.output.target().clone(),
        bytes,
        class: policy.class,
        exact: policy.exact,
        why: policy.why.clone(),
        first_sequential: rendered.parallel_begun.duration_since(begun),
        parallel: rendered.parallel,
        second_sequential,
        from_state_file: rendered.report.way != td_protocol::strip::Way::Writer,
        why_not_state_file: rendered.report.reason.clone(),
        starts: rendered.starts,
        shrinks: rendered.shrinks,
        rows_resumed: rendered.rows_before,
        rows_from_cache: rendered.rows_from_cache,
        rows_verified: rendered.rows_verified,
        nodes,
        account: rendered.account,
        total: Duration::from_secs_f64(begun.elapsed().as_secs_f64()),
    })
}

//! The order of things in `td render`.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use td_protocol::job::OpenJob;
use td_protocol::probe::{ProbeReport, StartProbe};
use tokio::sync::mpsc::Receiver;

use crate::compose::{Chunk, Spool, compose};
use crate::progress::Progress;
use crate::render::attempt::{Attempt, AttemptEnd, Rendered};
use crate::render::crew::Crew;
use crate::render::failure::RenderError;
use crate::render::muster::Where;
use crate::render::opening::{self, Contents};
use crate::render::policy::{self, Policy, PolicyError, SeamsChoice, Wishes, class_word};
use crate::render::prepare::{Asked, Prepared};
use crate::render::report::Report;
use crate::render::scene_failure::scene_failure;
use crate::render::workplace::Workplace;
use crate::render::{first_pass, heard::ProbeProblem, probing};
use crate::scene::{Class, ClassFlags, classify};
use crate::schedule::Tuning;

/// A scene may compute so many names of files that td finds by trial.
const MOST_TRIALS: usize = 200;
/// Silence of the master after which agents stop, in seconds.
const MASTER_SILENCE: f64 = 20.0;

/// How a picture is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum RenderMethod {
    /// td's own.
    #[default]
    Td,
    /// The paper's: see [`crate::classic`].
    Classic,
}

impl RenderMethod {
    /// One word, as it is typed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Td => "td",
            Self::Classic => "classic",
        }
    }
}

/// All that `td render` was asked for.
#[derive(Debug, Clone)]
pub struct RenderRequest {
    pub asked: Asked,
    pub method: RenderMethod,
    pub place: Where,
    /// Seconds without any progress, parsing included.
    pub stall_timeout: f64,
    /// Use nothing of earlier jobs.
    pub fresh: bool,
    /// Rows to render again elsewhere and compare.
    pub verify_rows: Option<u32>,
    pub tuning: Tuning,
    /// Whether the user can be asked.
    pub may_ask: bool,
    pub verbose: bool,
}

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
    let mut prepared = Prepared::new(&request.asked)?;
    for note in &prepared.notes {
        progress.note(note);
    }
    if request.verbose {
        for origin in &prepared.settings.origins {
            progress.note(&format!("{origin}"));
        }
    }
    progress.stage("starting agents");
    let mut crew = tokio::select! {
        crew = Crew::muster(&request.place) => crew?,
        _ = interrupted.recv() => return Err(RenderError::Interrupted),
    };
    for note in &crew.notes {
        progress.note(note);
    }
    let workplace = Workplace::create()?;
    let kept = probing::Kept::in_cache();
    let mut trials = 0;
    loop {
        let attempt =
            one_attempt(request, &prepared, &mut crew, &workplace, &kept, trials, begun, progress, interrupted);
        match attempt.await {
            Ok((policy, rendered, spool)) => {
                return finish(&prepared, crew, &workplace, &policy, rendered, &spool, begun, progress).await;
            }
            Err(AttemptEnd::Failed(error)) => return Err(error),
            Err(AttemptEnd::MissingFile { name, povray }) => {
                trials += 1;
                if trials > MOST_TRIALS || !add_missing(&mut prepared, &name)? {
                    let told = crate::scene::read_failure(&povray).map_or(name, |failure| failure.text);
                    return Err(RenderError::Povray(told));
                }
                progress.note(&format!("{name}: found by trial and sent along"));
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
    workplace: &Workplace,
    kept: &probing::Kept,
    trial: usize,
    begun: Instant,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<(Policy, Rendered, Arc<Spool>), AttemptEnd> {
    let options = prepared.options();
    let mut spec = OpenJob {
        id: format!("{}-{trial}", workplace.id()),
        bundle: prepared.assets.bundle(),
        options: options.clone(),
        exact: true,
        reuse: !request.fresh,
        radiosity: None,
        stall_timeout: request.stall_timeout,
        silence_timeout: MASTER_SILENCE,
    };
    let mut contents = Contents { assets: &prepared.assets, made: None };
    let (width, height) = probing::size(options.width, options.height);
    let mut probe = StartProbe { width, height, gammas: prepared.gammas(), cut: false };
    let mut class = prepared.verdict.class;
    let mut report = None;
    if class > Class::Aligned32 && prepared.verdict.proven <= Class::Aligned32 {
        progress.stage("the scene's text leaves open whether strips are exact: trying");
        probe.cut = true;
        let found = probe_first(crew, &spec, &contents, &probe, interrupted).await?;
        if found.cut_differences == Some(0) {
            class = prepared.verdict.proven;
        }
        report = Some(found);
    }
    let policy = choose(prepared, class, request, progress)?;
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
        progress.stage("first pass: computing radiosity once");
        let client = crew.fastest().map(|node| node.client.clone());
        let client = client.ok_or_else(|| RenderError::AllLost("no agent".to_owned()))?;
        tokio::select! {
            done = first_pass::run(&client, &mut spec, &mut contents) => done?,
            _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
        };
        report = None;
    }
    if !policy.exact {
        let sentence = policy::class_sentence(policy.class);
        progress.note(&format!("not exact, {}: {sentence} ({})", class_word(policy.class), policy.why.join("; ")));
    }
    if report.is_none() && !request.fresh {
        report = kept.get(&spec, &crew.fingerprint);
    }
    let spool_path = workplace.folder().join(format!("segments-{trial}"));
    let spool = Arc::new(Spool::create(&spool_path, prepared.shape)?);
    for outside in outside(options.rows, prepared.shape.height) {
        spool.add_black(outside)?;
    }
    let parcel = contents.parcel(&spec.bundle);
    let attempt = Attempt {
        crew,
        parcel,
        spec,
        contents,
        policy: &policy,
        shape: prepared.shape,
        spool: Arc::clone(&spool),
        folder: workplace.folder().to_owned(),
        probe,
        kept,
        report,
        progress,
        begun,
        tuning: request.tuning,
        verify_rows: request.verify_rows,
    };
    let rendered = attempt.run(interrupted).await?;
    Ok((policy, rendered, spool))
}

fn outside(rows: td_protocol::rows::Rows, height: u32) -> Vec<td_protocol::rows::Rows> {
    use td_protocol::rows::Rows;
    let runs = [Rows::new(0, rows.start), Rows::new(rows.end, height)];
    runs.into_iter().filter(|run| !run.is_empty()).collect()
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
    let run = async {
        opening::open(&node.client, spec, &contents.parcel(&spec.bundle)).await?;
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

/// The policy; on a terminal the user is asked once where there is a choice.
fn choose(
    prepared: &Prepared,
    class: Class,
    request: &RenderRequest,
    progress: &mut Progress,
) -> Result<Policy, RenderError> {
    let wishes = request.asked.wishes;
    let options = prepared.options();
    match policy::decide(&prepared.verdict, class, options, wishes) {
        Err(PolicyError::Seams { why, two_pass }) if request.may_ask && std::io::stdin().is_terminal() => {
            progress.clear();
            let error = PolicyError::Seams { why, two_pass };
            let Some(choice) = ask(&error, two_pass) else { return Err(error.into()) };
            let wishes = Wishes { seams: Some(choice), ..wishes };
            let flags = ClassFlags { two_pass: choice == SeamsChoice::TwoPass };
            let verdict = classify(&prepared.assets, options, flags);
            Ok(policy::decide(&verdict, verdict.class, options, wishes)?)
        }
        other => Ok(other?),
    }
}

fn ask(question: &PolicyError, two_pass: bool) -> Option<SeamsChoice> {
    eprintln!("td: {question}");
    let keys = if two_pass {
        "[t]wo-pass, [o]ne-node, [a]llow-seams, or [q]uit"
    } else {
        "[o]ne-node, [a]llow-seams, or [q]uit"
    };
    eprint!("{keys}? ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).ok()?;
    match answer.trim().to_ascii_lowercase().chars().next()? {
        't' if two_pass => Some(SeamsChoice::TwoPass),
        'o' => Some(SeamsChoice::OneNode),
        'a' => Some(SeamsChoice::Allow),
        _ => None,
    }
}

#[expect(clippy::too_many_arguments, reason = "one caller; a struct would only name the same things twice")]
async fn finish(
    prepared: &Prepared,
    crew: Crew,
    workplace: &Workplace,
    policy: &Policy,
    mut rendered: Rendered,
    spool: &Arc<Spool>,
    begun: Instant,
    progress: &mut Progress,
) -> Result<Report, RenderError> {
    let rows_complete = Instant::now();
    progress.detail("rows_complete", []);
    let chunks: Result<Vec<Chunk>, _> = rendered.report.chunks.iter().map(Chunk::try_from).collect();
    let chunks = chunks.map_err(|error| RenderError::Nodes(format!("the probe's chunks cannot be used: {error}")))?;
    let bytes = compose(spool, &chunks, &prepared.output, SystemTime::now())?;
    let nodes = crate::render::report::nodes(&crew, &rendered);
    // Begun while composing, and bounded: an agent that is not told would keep the job open for a while.
    while rendered.closing.join_next().await.is_some() {}
    drop(crew);
    let second_sequential = rows_complete.elapsed();
    Ok(Report {
        id: workplace.id().to_owned(),
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
        rows_from_cache: rendered.rows_from_cache,
        rows_verified: rendered.rows_verified,
        nodes,
        total: Duration::from_secs_f64(begun.elapsed().as_secs_f64()),
    })
}

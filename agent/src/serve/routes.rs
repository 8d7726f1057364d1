//! What a master can ask for, one function per request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use td_protocol::classic::StartClassic;
use td_protocol::frame;
use td_protocol::hash::ContentHash;
use td_protocol::health::metrics::{self, Labels};
use td_protocol::health::{self, History};
use td_protocol::hello::Hello;
use td_protocol::job::{JobOpened, OpenJob};
use td_protocol::probe::{MOST_PIXELS, MOST_THREADS, StartFirstPass, StartProbe};
use td_protocol::rows::Rows;
use td_protocol::share::Shared;
use td_protocol::strip::{SetWay, Shrink, Shrunk, StartStrip, StripEvent};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

use crate::agent::Agent;
use crate::health::history::EVERY;
use crate::health::look::boot;
use crate::jobs::Job;
use crate::serve::answers::{self, Problem};
use crate::strip::control::{BandGrid, Control};
use crate::strip::run::Strip;
use crate::strip::standby::Work;
use crate::{classic, first_pass, probe};

/// Largest JSON body: a bundle of many files.
const MAX_JSON: usize = 64 << 20;
/// How long after an answer what it has begun may take a slow node's processor.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(2);
/// How long after a job an idle agent makes ready for the next one.
const AFTER_THE_JOB: Duration = Duration::from_secs(1);
/// Frames that may wait for the master before the rendering thread does.
const WAITING_FRAMES: usize = 4;

type Here = State<Arc<Agent>>;

pub fn router(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/hello", get(hello))
        .route("/health", get(health))
        .route("/health/history", get(health))
        .route("/metrics", get(health))
        .route("/jobs", post(open_job))
        .route("/jobs/{id}", delete(close_job))
        .route("/jobs/{id}/alive", post(alive))
        .route("/jobs/{id}/way", post(set_way))
        .route("/jobs/{id}/share", post(exchange))
        .route("/jobs/{id}/probe", post(start_probe))
        .route("/jobs/{id}/first-pass", post(start_first_pass))
        .route("/jobs/{id}/classic", post(start_classic))
        .route("/jobs/{id}/bands", delete(forget_bands))
        .route("/jobs/{id}/bands/{start}/{end}", get(band))
        .route("/jobs/{id}/strips", post(start_strip))
        .route("/jobs/{id}/strips/{lease}", delete(cancel_strip))
        .route("/jobs/{id}/strips/{lease}/shrink", post(shrink))
        .route("/blobs/{hash}", put(take_blob))
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .with_state(agent)
}

async fn hello(State(agent): Here) -> Json<Hello> {
    Json(agent.hello().await)
}

/// What the node says of its health, in three forms. One function for all of them: each handler is some 30 kB of program.
///
/// `/health?deep` also measures how fast the disk takes what is written; `/health/history?since=SECONDS` is a day, unless
/// less is asked for.
async fn health(State(agent): Here, uri: Uri) -> Result<Response, Problem> {
    if uri.path().ends_with("/history") {
        return history(&agent, &uri);
    }
    let for_prometheus = uri.path().ends_with("/metrics");
    let report = agent.report(!for_prometheus && parameter(&uri, "deep").is_some()).await;
    if for_prometheus {
        let text = metrics::encode(&[&report], Labels::Plain);
        return Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text.into_bytes()).into_response());
    }
    Ok(json(report.to_json()))
}

fn history(agent: &Agent, uri: &Uri) -> Result<Response, Problem> {
    let seconds = match parameter(uri, "since") {
        None => 86_400.0,
        Some(text) => text
            .parse::<f64>()
            .ok()
            .filter(|seconds| *seconds >= 0.0)
            .ok_or_else(|| Problem::bad_request(format!("since={text:?}: a number of seconds is expected")))?,
    };
    let now = boot::date();
    let samples = agent.health.history(seconds, now);
    Ok(json(History { version: health::VERSION, now, every: f64::from(EVERY), samples }.to_json()))
}

fn json(text: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// The value of a parameter in the query; empty where it has none.
fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let mut pairs = uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

/// `/jobs?standby=SLOTS` also has POV-Ray ready for so many strips, as soon as all contents are here.
async fn open_job(State(agent): Here, uri: Uri, Json(spec): Json<OpenJob>) -> Result<Json<JobOpened>, Problem> {
    let id = spec.id.clone();
    let silence = spec.silence_timeout;
    let job_rows = spec.options.rows;
    let standbys = parameter(&uri, "standby").and_then(|count| count.parse().ok()).unwrap_or(0);
    let opened = agent.open_job(spec).await?;
    watch_master(Arc::clone(&agent), id.clone(), silence);
    if standbys > 0 && opened.missing.is_empty() && !is_all(&opened.finished, job_rows) {
        tokio::spawn(async move {
            // First the answer: POV-Ray would take the time for it on a slow node, and masters wait for all nodes.
            tokio::time::sleep(AFTER_THE_ANSWER).await;
            if let Err(refused) = agent.stand_by(&id, standbys).await {
                tracing::debug!("no POV-Ray ready: {refused}");
            }
        });
    }
    Ok(Json(opened))
}

/// Whether the finished bands are all of the job's rows.
fn is_all(finished: &[Rows], job: Rows) -> bool {
    finished.iter().map(|rows| u64::from(rows.len())).sum::<u64>() >= u64::from(job.len())
}

/// Looks for a silent master as long as the job is open, and makes ready for the next job then.
fn watch_master(agent: Arc<Agent>, id: String, silence: f64) {
    let pause = std::time::Duration::from_secs_f64(silence.clamp(0.4, 4.0) / 4.0);
    tokio::spawn(async move {
        while agent.jobs.get(&id).is_some() {
            tokio::time::sleep(pause).await;
            agent.jobs.close_silent();
        }
        // A master that has more jobs begins the next one by then.
        tokio::time::sleep(AFTER_THE_JOB).await;
        agent.have_spares().await;
    });
}

async fn close_job(State(agent): Here, Path(id): Path<String>) -> StatusCode {
    agent.jobs.close(&id);
    StatusCode::NO_CONTENT
}

/// How long strips may take to end before their bands are removed.
const ENDING: Duration = Duration::from_secs(8);

/// The bands of this job's picture are wrong: what renders for the job ends, or it would keep more of them, and then all are removed.
async fn forget_bands(State(agent): Here, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let job = agent.job(&id)?;
    agent.jobs.close(&id);
    let deadline = Instant::now() + ENDING;
    while job.is_rendering() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    job.bands.forget().map_err(Problem::internal)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn alive(State(agent): Here, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    agent.job(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_way(State(agent): Here, Path(id): Path<String>, Json(set): Json<SetWay>) -> Result<StatusCode, Problem> {
    agent.job(&id)?.set_way(set.way);
    Ok(StatusCode::NO_CONTENT)
}

async fn exchange(State(agent): Here, Path(id): Path<String>) -> Result<Json<Shared>, Problem> {
    let job = agent.job(&id)?;
    Ok(Json(agent.exchange(&job).await?))
}

async fn take_blob(State(agent): Here, Path(hash): Path<String>, body: Body) -> Result<StatusCode, Problem> {
    let hash: ContentHash = hash.parse().map_err(Problem::bad_request)?;
    let mut incoming = agent.blobs.begin()?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        incoming.write(&piece.map_err(Problem::bad_request)?)?;
    }
    incoming.finish(hash)?;
    Ok(StatusCode::CREATED)
}

async fn start_probe(
    State(agent): Here,
    Path(id): Path<String>,
    Json(start): Json<StartProbe>,
) -> Result<Response, Problem> {
    let job = agent.job(&id)?;
    let view = u64::from(start.width) * u64::from(start.height);
    if start.width == 0 || start.height == 0 || view > MOST_PIXELS {
        return Err(Problem::bad_request(format!("a probe of {} x {} pixels", start.width, start.height)));
    }
    if !(1..=MOST_THREADS).contains(&start.threads) {
        return Err(Problem::bad_request(format!("a probe with {} threads", start.threads)));
    }
    // No slot is taken: the master keeps one free for it, and a probe that is repeated must not wait for a strip's end.
    let site = agent.site(job).await?;
    let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
    start_thread(&agent, "probe", move || probe::run(&site, &start, sender))?;
    Ok(answers::frames(receiver))
}

async fn start_first_pass(
    State(agent): Here,
    Path(id): Path<String>,
    Json(start): Json<StartFirstPass>,
) -> Result<Response, Problem> {
    let job = agent.job(&id)?;
    let options = &job.spec.options;
    if !(1..=options.width).contains(&start.width) || !(1..=options.height).contains(&start.height) {
        return Err(Problem::bad_request(format!("a first pass of {} x {} pixels", start.width, start.height)));
    }
    let site = agent.site(job).await?;
    let slots = Arc::clone(&agent.slots);
    let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
    start_thread(&agent, "first-pass", move || first_pass::run(&site, &slots, &start, sender))?;
    Ok(answers::frames(receiver))
}

async fn start_classic(
    State(agent): Here,
    Path(id): Path<String>,
    Json(start): Json<StartClassic>,
) -> Result<Response, Problem> {
    let job = agent.job(&id)?;
    if start.rows.is_empty() || !job.spec.options.rows.contains(start.rows) {
        return Err(Problem::bad_request(format!("{} are not rows of this job", start.rows)));
    }
    let site = agent.site(job).await?;
    let slots = Arc::clone(&agent.slots);
    let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
    start_thread(&agent, "classic", move || classic::run(&site, &slots, start.rows, sender))?;
    Ok(answers::frames(receiver))
}

async fn start_strip(
    State(agent): Here,
    Path(id): Path<String>,
    Json(start): Json<StartStrip>,
) -> Result<Response, Problem> {
    let job = agent.job(&id)?;
    let options = &job.spec.options;
    if start.rows.is_empty() || !options.rows.contains(start.rows) {
        return Err(Problem::bad_request(format!("{} are not rows of this job", start.rows)));
    }
    if job.strip(start.lease).is_some() {
        return Err(Problem::bad_request(format!("lease {} is rendering already", start.lease)));
    }
    let site = agent.site(Arc::clone(&job)).await?;
    if ![8, 16, 32].contains(&start.block_rows) {
        return Err(Problem::bad_request("blocks are 8, 16 or 32 rows high"));
    }
    let grid = BandGrid { origin: start.rows.start, height: start.block_rows };
    let control = Arc::new(Control::new(start.rows, grid, start.way));
    if start.may_yield {
        control.allow_yield();
    }
    job.enter(start.lease, &control);
    let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
    let for_spare = site.clone();
    let strip = Strip { site, rows: start.rows, block: start.block_rows, control, slots: Arc::clone(&agent.slots) };
    let leaving = Leaving { job: Arc::clone(&job), lease: start.lease };
    let work: Work = Box::new(move |standby| {
        strip.run(standby, sender);
        drop(leaving);
    });
    let mut work = job.give(work);
    if !job.is_closed() {
        work = work.and_then(|work| agent.spares.give(for_spare, work));
    }
    work.map_or(Ok(()), |work| start_thread(&agent, "strip", move || work(None)))?;
    Ok(answers::frames(receiver))
}

/// A strip's place in its job; the strip has left it, whatever came of it, when this is dropped.
struct Leaving {
    job: Arc<Job>,
    lease: u64,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.job.leave(self.lease);
    }
}

fn start_thread(agent: &Arc<Agent>, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Problem> {
    let agent = Arc::clone(agent);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        agent.give_way();
        work();
    });
    thread.map(|_| ()).map_err(|error| Problem::internal(format!("cannot start a thread: {error}")))
}

async fn cancel_strip(State(agent): Here, Path((id, lease)): Path<(String, u64)>) -> Result<StatusCode, Problem> {
    if let Some(control) = agent.job(&id)?.strip(lease) {
        control.cancel();
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn shrink(
    State(agent): Here,
    Path((id, lease)): Path<(String, u64)>,
    Json(wish): Json<Shrink>,
) -> Result<Json<Shrunk>, Problem> {
    let strip = agent.job(&id)?.strip(lease);
    let control = strip.ok_or_else(|| Problem::not_found(format!("lease {lease} renders no more")))?;
    Ok(Json(control.shrink(wish)))
}

async fn band(State(agent): Here, Path((id, start, end)): Path<(String, u32, u32)>) -> Result<Bytes, Problem> {
    let job = agent.job(&id)?;
    let rows = Rows::new(start, end);
    let read = job.bands.read(rows);
    let (segment, data) = read.ok_or_else(|| Problem::not_found(format!("{rows} do not lie here")))?;
    let event = StripEvent::Rows { segment, cpu: 0.0, ahead: 0.0 };
    frame::encode(&event, &data).map(Bytes::from).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found() {
        let value = |uri: &str, name| parameter(&uri.parse().unwrap(), name).map(str::to_owned);
        assert_eq!(value("/health?deep", "deep").as_deref(), Some(""));
        assert_eq!(value("/health?a=1&since=7200", "since").as_deref(), Some("7200"));
        assert_eq!(value("/health?deeper=1", "deep"), None);
        assert_eq!(value("/health", "deep"), None);
    }
}

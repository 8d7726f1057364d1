//! One agent's answers: those that a master needs for a job of way (a).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use td_agent::fingerprint::Found;
use td_agent::strip::control::{BandGrid, Control};
use td_protocol::hello::{Hello, PovrayState};
use td_protocol::job::{JobOpened, OpenJob, Refusal};
use td_protocol::strip::{SetWay, Shrink, Shrunk, StartStrip, Way};
use td_protocol::version;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::recording::Shared;
use crate::strip::Strip;

/// As many as a real agent lets wait.
const WAITING_FRAMES: usize = 4;

/// An agent with one slot.
pub struct Agent {
    name: String,
    found: Found,
    start_seconds: f64,
    recording: Shared,
    jobs: Mutex<HashMap<String, Job>>,
}

struct Job {
    height: u32,
    way: Way,
    strips: HashMap<u64, Arc<Control>>,
}

type Problem = (StatusCode, Json<Refusal>);

fn problem(status: StatusCode, message: &str) -> Problem {
    (status, Json(Refusal { message: message.to_owned() }))
}

impl Agent {
    pub fn new(name: &str, found: Found, start_seconds: f64, recording: Shared) -> Self {
        Self { name: name.to_owned(), found, start_seconds, recording, jobs: Mutex::default() }
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<String, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with an open job.
    fn with<T>(&self, id: &str, what: impl FnOnce(&mut Job) -> T) -> Result<T, Problem> {
        self.jobs().get_mut(id).map(what).ok_or_else(|| problem(StatusCode::NOT_FOUND, "no such job"))
    }

    /// A strip has ended.
    pub fn leave(&self, id: &str, lease: u64) {
        let _ = self.with(id, |job| job.strips.remove(&lease));
    }
}

type Here = State<Arc<Agent>>;

pub fn router(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/hello", get(hello))
        .route("/jobs", post(open_job))
        .route("/jobs/{id}", delete(close_job))
        .route("/jobs/{id}/alive", post(alive))
        .route("/jobs/{id}/way", post(set_way))
        .route("/jobs/{id}/strips", post(start_strip))
        .route("/jobs/{id}/strips/{lease}", delete(cancel_strip))
        .route("/jobs/{id}/strips/{lease}/shrink", post(shrink))
        .with_state(agent)
}

async fn hello(State(agent): Here) -> Json<Hello> {
    let Found { fingerprint, state_file_proven, speed } = agent.found.clone();
    Json(Hello {
        protocol: version::PROTOCOL,
        td: version::TD.to_owned(),
        name: agent.name.clone(),
        slots: 1,
        povray: PovrayState::Ready { fingerprint, state_file_proven, speed },
        memory_available: 256 << 20,
        scratch_available: 4 << 30,
        share: None,
    })
}

async fn open_job(State(agent): Here, Json(spec): Json<OpenJob>) -> Result<Json<JobOpened>, Problem> {
    let options = &spec.options;
    if (options.width, options.format) != (agent.recording.width, agent.recording.format) {
        return Err(problem(StatusCode::BAD_REQUEST, "what was recorded has another width or format"));
    }
    let job = Job { height: options.height, way: Way::Undecided, strips: HashMap::new() };
    agent.jobs().entry(spec.id).or_insert(job);
    Ok(Json(JobOpened { missing: Vec::new(), finished: Vec::new() }))
}

async fn close_job(State(agent): Here, Path(id): Path<String>) -> StatusCode {
    if let Some(job) = agent.jobs().remove(&id) {
        job.strips.values().for_each(|strip| strip.cancel());
    }
    StatusCode::NO_CONTENT
}

async fn alive(State(agent): Here, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    agent.with(&id, |_| StatusCode::NO_CONTENT)
}

async fn set_way(State(agent): Here, Path(id): Path<String>, Json(set): Json<SetWay>) -> Result<StatusCode, Problem> {
    agent.with(&id, |job| {
        job.way = set.way;
        job.strips.values().for_each(|strip| strip.set_way(set.way));
        StatusCode::NO_CONTENT
    })
}

async fn start_strip(
    State(agent): Here,
    Path(id): Path<String>,
    Json(start): Json<StartStrip>,
) -> Result<Response, Problem> {
    let grid = BandGrid { origin: start.rows.start, height: start.block_rows };
    let (control, height) = agent.with(&id, |job| {
        let way = if job.way == Way::Undecided { start.way } else { job.way };
        let control = Arc::new(Control::new(start.rows, grid, way));
        job.strips.insert(start.lease, Arc::clone(&control));
        (control, job.height)
    })?;
    if control.wishes().way == Way::Writer {
        return Err(problem(StatusCode::BAD_REQUEST, "what was recorded leaves by way (a) only"));
    }
    let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
    let recording = Arc::clone(&agent.recording);
    let strip =
        Strip { rows: start.rows, grid, height, start_seconds: agent.start_seconds, control, recording, sender };
    tokio::spawn(async move {
        strip.run().await;
        agent.leave(&id, start.lease);
    });
    let frames = ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>);
    Ok(Response::new(Body::from_stream(frames)))
}

async fn cancel_strip(State(agent): Here, Path((id, lease)): Path<(String, u64)>) -> Result<StatusCode, Problem> {
    agent.with(&id, |job| {
        if let Some(strip) = job.strips.get(&lease) {
            strip.cancel();
        }
        StatusCode::NO_CONTENT
    })
}

async fn shrink(
    State(agent): Here,
    Path((id, lease)): Path<(String, u64)>,
    Json(wish): Json<Shrink>,
) -> Result<Json<Shrunk>, Problem> {
    let strip = agent.with(&id, |job| job.strips.get(&lease).cloned())?;
    let control = strip.ok_or_else(|| problem(StatusCode::NOT_FOUND, "that lease renders no more"))?;
    Ok(Json(control.shrink(wish)))
}

//! One attempt at a job: from open agents to a complete spool.
//!
//! The loop owns the scheduler, the spool and the display. Tasks talk to the agents and tell the loop what they hear;
//! the loop asks the scheduler what follows, and does it. All decisions are made in one place, in order.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use td_protocol::job::OpenJob;
use td_protocol::probe::{ProbeReport, StartProbe};
use td_protocol::rows::Rows;
use td_protocol::strip::Way;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;

use crate::compose::{Shape, Spool};
use crate::jobs::{Current, History};
use crate::progress::Progress;
use crate::render::account::Account;
use crate::render::crew::Crew;
use crate::render::failure::RenderError;
use crate::render::finished::{self, Offer};
use crate::render::heard::Heard;
use crate::render::heartbeat;
use crate::render::held::Held;
use crate::render::kept_open::KeptOpen;
use crate::render::looping::Run;
use crate::render::opening::{self, Contents, OTHERS_JOIN_LATER, Opening, Parcel};
use crate::render::own_probe::{self, Reckoned};
use crate::render::policy::Policy;
use crate::render::probing;
use crate::render::tally::Tally;
use crate::render::verifying::Verifying;
use crate::render::wait_for_map::MapWait;
use crate::schedule::{Heartbeats, Job as ScheduledJob, NodeId, Scheduler, Tuning, WriteCost};

/// How long an agent may take to close the job.
const CLOSE_PATIENCE: Duration = Duration::from_millis(800);
/// Messages that may wait for the loop.
const WAITING: usize = 64;

/// What one attempt needs.
pub struct Attempt<'a> {
    pub crew: &'a mut Crew,
    pub spec: OpenJob,
    pub contents: Contents<'a>,
    /// The files of the bundle, for whoever sends them.
    pub parcel: Parcel,
    pub policy: &'a Policy,
    pub shape: Shape,
    pub spool: Arc<Spool>,
    /// What is written down.
    pub job: &'a Current,
    /// Folder for this job's own files.
    pub folder: PathBuf,
    pub probe: StartProbe,
    pub kept: &'a probing::Kept,
    /// A report that is known already.
    pub report: Option<ProbeReport>,
    /// Rows that an earlier run finished.
    pub rows_before: u32,
    pub progress: &'a mut Progress,
    pub begun: Instant,
    pub tuning: Tuning,
    /// Rows to render again elsewhere and compare.
    pub verify_rows: Option<u32>,
    /// What the journal says of earlier runs.
    pub before: &'a History,
}

/// What came of a whole attempt.
#[derive(Debug)]
pub struct Rendered {
    pub report: ProbeReport,
    pub tally: Tally,
    /// From the first strip to the last row.
    pub parallel: Duration,
    /// When the first strip was started.
    pub parallel_begun: Instant,
    pub starts: u32,
    pub shrinks: u32,
    /// Rows that an earlier run of this job finished.
    pub rows_before: u32,
    /// Rows that came from agents' caches.
    pub rows_from_cache: u32,
    /// What td's own work took.
    pub account: Account,
    /// Rows that were rendered again elsewhere, and were equal; none without `--verify`.
    pub rows_verified: Option<u32>,
    /// Nodes that were not there at the end.
    pub absent: Vec<NodeId>,
    /// The job being closed on its agents: awaited once the picture is written.
    /// What slowed nodes down during the job, by their own word.
    pub slowed: HashMap<NodeId, String>,
    pub closing: JoinSet<()>,
}

/// Why an attempt ended without the picture.
#[derive(Debug)]
pub enum AttemptEnd {
    /// POV-Ray misses a file that the scene computes the name of.
    MissingFile {
        name: String,
        povray: String,
    },
    Failed(RenderError),
}

impl<E: Into<RenderError>> From<E> for AttemptEnd {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Attempt<'_> {
    /// Renders all rows into the spool.
    ///
    /// # Errors
    /// [`AttemptEnd`]; all that renders was told to stop then.
    pub async fn run(mut self, interrupted: &mut Receiver<()>) -> Result<Rendered, AttemptEnd> {
        let mut result = self.open_and_render(interrupted).await;
        let absent = result.as_ref().map(|rendered| rendered.absent.clone()).unwrap_or_default();
        let mut closing = JoinSet::new();
        // A node that is lost closes the job by itself.
        for node in self.crew.nodes.iter().filter(|node| !absent.contains(&node.id)) {
            let (client, id) = (node.client.clone(), self.spec.id.clone());
            closing.spawn(async move {
                let _ = tokio::time::timeout(CLOSE_PATIENCE, client.close_job(&id)).await;
            });
        }
        match &mut result {
            Ok(rendered) => rendered.closing = closing,
            Err(_) => while closing.join_next().await.is_some() {},
        }
        result
    }

    async fn open_and_render(&mut self, interrupted: &mut Receiver<()>) -> Result<Rendered, AttemptEnd> {
        let (tell, hear) = mpsc::channel(WAITING);
        let own_probe = tokio::select! {
            wait = self.begin_own_probe(&tell) => wait,
            _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
        };
        // Until the loop begins to listen: other nodes open the job later, and the caches may hold much.
        let open = KeptOpen::on(self.crew.nodes.iter().map(|node| node.client.clone()), &self.spec.id);
        let nodes = self.crew.nodes.iter().map(|node| (node.id, node.client.clone(), node.slots.len()));
        let mut openings = opening::open_on(nodes, &self.spec, &self.parcel);
        let opened = tokio::select! {
            opened = opening::wait(&mut openings) => opened?,
            _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
        };
        let mut troubles = HashMap::new();
        let (up, offers) = self.take_opened(opened, &mut troubles, openings.is_empty())?;
        let cached = tokio::select! {
            cached = finished::fetch(self, offers) => cached?,
            _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
        };
        drop(open);
        let scheduler =
            Scheduler::new(self.scheduled_job(), self.tuning).map_err(|error| RenderError::Usage(error.to_string()))?;
        let run = Run {
            scheduler,
            way: self.report.as_ref().map_or(Way::Undecided, |report| report.way),
            held: Held::new(self.folder.clone()),
            tally: Tally::default(),
            leases: HashMap::new(),
            deferred: Vec::new(),
            probing: None,
            own_probe,
            costs_known: false,
            start_work: None,
            start_measured: self.report.is_some(),
            recalls: HashMap::new(),
            watchers: HashMap::new(),
            up,
            openings,
            calling: HashMap::new(),
            beats: Heartbeats::new(heartbeat::EVERY.as_secs_f64()),
            missed: HashMap::new(),
            all_lost: None,
            fitness: HashMap::new(),
            slowed: HashMap::new(),
            looked: Instant::now(),
            shown: None,
            probe_task: None,
            probe_wanted: false,
            probes_failed: 0,
            troubles,
            resting: HashMap::new(),
            retired: HashSet::new(),
            parallel_begun: Instant::now(),
            tell,
            finished: false,
            rows_at_begin: 0,
            written: (0.0, 0),
            makers: HashMap::new(),
            cached,
            verifying: Verifying::new(self.verify_rows, self.before),
            account: Account::default(),
            checking: Arc::default(),
            attempt: self,
        };
        run.run(hear, interrupted).await
    }

    /// Has the master render the probe itself, where it can; how long the first cut is to wait for its map.
    async fn begin_own_probe(&mut self, tell: &mpsc::Sender<Heard>) -> Option<MapWait> {
        if self.report.is_some() {
            own_probe::end(self.crew.own_probe.take());
            return None;
        }
        let (fingerprint, nodes) = (self.crew.fingerprint.clone(), self.crew.fastest().map_or(0.0, |node| node.speed));
        let ready = self.crew.own_probe.as_mut()?.ready(&fingerprint).await;
        let ready = ready.map(|ready| (ready.client(), ready.speed()));
        let Some((client, speed)) = ready else {
            // Its cache is for one render at a time.
            own_probe::end(self.crew.own_probe.take());
            return None;
        };
        if !own_probe::open(&client, &self.spec, &self.parcel).await {
            return None;
        }
        let all: f64 = self.crew.nodes.iter().map(|node| node.speed * node.slots.len() as f64).sum();
        let threads = own_probe::threads();
        let speeds = f64::from(threads) * speed / all.max(1e-9);
        let (width, height) =
            probing::own_size(self.shape.width, self.shape.height, self.spec.options.rows.len(), speeds, threads);
        let start = StartProbe { width, height, threads, ..self.probe.clone() };
        let pixels = |probe: &StartProbe| f64::from(probe.width.max(1)) * f64::from(probe.height.max(1));
        let file = own_probe::file_seconds(self.shape.width, self.shape.height, pixels(&start), speed);
        let reckoned = Reckoned { speeds: speed / nodes.max(1e-9), pixels: pixels(&self.probe) / pixels(&start), file };
        own_probe::spawn(client, self.spec.id.clone(), start, reckoned, tell.clone());
        let slots = self.crew.nodes.iter().map(|node| node.slots.len()).sum();
        Some(MapWait::of(speed, nodes, slots))
    }

    fn scheduled_job(&self) -> ScheduledJob {
        let rows = self.spec.options.rows;
        let unfinished = self.spool.missing();
        let mut done = Vec::new();
        let mut next = rows.start;
        for run in unfinished {
            if next < run.start {
                done.push(Rows::new(next, run.start));
            }
            next = next.max(run.end);
        }
        if next < rows.end {
            done.push(Rows::new(next, rows.end));
        }
        ScheduledJob {
            height: self.shape.height,
            rows,
            band_rows: 32,
            fine_rows: self.policy.fine_rows,
            band_origin: rows.start,
            sharing: self.policy.sharing,
            write: WriteCost::NONE,
            start_seconds: self.report.as_ref().map_or(0.6, |report| report.start_seconds),
            done,
        }
    }

    /// Who has opened the job, and what lies finished there. Who refused is left out; who is not ready yet is told.
    fn take_opened(
        &mut self,
        opened: Vec<Opening>,
        troubles: &mut HashMap<NodeId, String>,
        is_all: bool,
    ) -> Result<(HashSet<NodeId>, Vec<Offer>), AttemptEnd> {
        let mut up = HashSet::new();
        let mut offers = Vec::new();
        let mut refused = Vec::new();
        let mut last = None;
        for Opening { node, result } in opened {
            let client = self.crew.node(node).map(|node| node.client.clone());
            match (result, client) {
                (Ok(opened), Some(client)) => {
                    up.insert(node);
                    opened.tell(client.name(), self.progress);
                    offers.push((node, client, opened.answer.finished));
                }
                (Ok(_), None) => {}
                (Err(error), _) => {
                    self.progress.note(&format!("left out: {error}"));
                    refused.push(node);
                    last = Some(error);
                }
            }
        }
        self.crew.leave_out(&refused);
        if let Some(error) = last.filter(|_| up.is_empty() && is_all) {
            return Err(error.into());
        }
        for node in self.crew.nodes.iter().filter(|node| !up.contains(&node.id)) {
            let seconds = OTHERS_JOIN_LATER.as_secs();
            let text = format!("{} has not opened the job after {seconds} seconds: it joins later", node.client.name());
            self.progress.note(&text);
            troubles.insert(node.id, format!("{} has not opened the job", node.client.name()));
        }
        Ok((up, offers))
    }
}

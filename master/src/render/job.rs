//! One attempt at a job: from open agents to a complete spool.
//!
//! The loop owns the scheduler, the spool and the display. Tasks talk to the agents and tell the loop what they hear;
//! the loop asks the scheduler what follows, and does it. All decisions are made in one place, in order.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use td_protocol::hello::Fingerprint;
use td_protocol::job::OpenJob;
use td_protocol::probe::{ProbeReport, StartProbe};
use td_protocol::rows::Rows;
use td_protocol::segment::check_segment;
use td_protocol::strip::{Failure, Shrink, StartStrip, Way};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::compose::{Shape, Spool};
use crate::fleet::client::{AgentError, Client};
use crate::progress::{NodeStatus, Progress, Status};
use crate::render::crew::Crew;
use crate::render::failure::RenderError;
use crate::render::heard::{Heard, ProbeProblem};
use crate::render::held::Held;
use crate::render::opening::Contents;
use crate::render::policy::Policy;
use crate::render::strips::{StripHeard, StripTask};
use crate::render::tally::Tally;
use crate::render::{opening, probing};
use crate::scene::{Assets, FailureKind, read_failure};
use crate::schedule::{
    Action, CostMap, Event, GiveUpReason, Job as ScheduledJob, LeaseId, NodeId, Scheduler, Sharing, SlotId, Tuning,
    WriteCost,
};

/// Pause between two words to an agent.
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// Words that may go unanswered before a node counts as silent.
const UNANSWERED: u32 = 10;
/// How often an agent that died is called back in one job.
const MOST_RECALLS: u32 = 5;
/// Pause between two looks at the display when nothing happens.
const DISPLAY_EVERY: Duration = Duration::from_millis(250);
/// Messages that may wait for the loop.
const WAITING: usize = 64;

/// What one attempt needs.
pub struct Attempt<'a> {
    pub crew: &'a mut Crew,
    pub spec: OpenJob,
    pub contents: Contents<'a>,
    pub policy: &'a Policy,
    pub shape: Shape,
    pub spool: Arc<Spool>,
    /// Folder for this job's own files.
    pub folder: PathBuf,
    pub probe: StartProbe,
    pub kept: &'a probing::Kept,
    /// A report that is known already.
    pub report: Option<ProbeReport>,
    pub progress: &'a mut Progress,
    pub begun: Instant,
    pub tuning: Tuning,
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
    /// Rows that came from agents' caches.
    pub rows_from_cache: u32,
}

/// Why an attempt ended without the picture.
#[derive(Debug)]
pub enum AttemptEnd {
    /// POV-Ray misses a file that the scene computes the name of.
    MissingFile { name: String, povray: String },
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
        let result = self.open_and_render(interrupted).await;
        let closing = self.crew.nodes.iter().map(|node| {
            let (client, id) = (node.client.clone(), self.spec.id.clone());
            tokio::spawn(async move { tokio::time::timeout(Duration::from_millis(800), client.close_job(&id)).await })
        });
        let closing: Vec<_> = closing.collect();
        if result.is_err() {
            for closed in closing {
                let _ = closed.await;
            }
        }
        result
    }

    async fn open_and_render(&mut self, interrupted: &mut Receiver<()>) -> Result<Rendered, AttemptEnd> {
        let mut finished = Vec::new();
        for node in &self.crew.nodes {
            let opening = opening::open(&node.client, &self.spec, &self.contents);
            let opened = tokio::select! {
                opened = opening => opened?,
                _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
            };
            finished.push((node.client.clone(), opened.finished));
        }
        let rows_from_cache = self.fetch_finished(finished).await?;
        let (tell, hear) = mpsc::channel(WAITING);
        let heartbeats = self.watch_nodes(&tell);
        let scheduler = Scheduler::new(self.scheduled_job(), self.tuning)
            .map_err(|error| RenderError::Usage(error.to_string()))?;
        let run = Run {
            scheduler,
            way: self.report.as_ref().map_or(Way::Undecided, |report| report.way),
            held: Held::new(self.folder.clone()),
            tally: Tally::default(),
            leases: HashMap::new(),
            deferred: Vec::new(),
            probing: None,
            recalls: 0,
            troubles: HashMap::new(),
            parallel_begun: Instant::now(),
            tell,
            finished: false,
            rows_from_cache,
            attempt: self,
        };
        let result = run.run(hear, interrupted).await;
        for task in heartbeats {
            task.abort();
        }
        result
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

    /// Takes over what lies finished in the agents' caches.
    async fn fetch_finished(&self, finished: Vec<(Client, Vec<Rows>)>) -> Result<u32, AttemptEnd> {
        // A picture of whole leases cannot take bands of elsewhere.
        if self.policy.sharing == Sharing::WholeLeases || !self.spec.reuse {
            return Ok(0);
        }
        let mut fetched = 0;
        for (client, runs) in finished {
            for rows in runs {
                let is_missing = self.spool.missing().iter().any(|missing| missing.contains(rows));
                if !self.spec.options.rows.contains(rows) || !is_missing {
                    continue;
                }
                match client.band(&self.spec.id, rows).await {
                    Ok((meta, data)) => {
                        let checked = check_segment(&meta, &data, self.shape.width, self.shape.format, rows);
                        if let Err(error) = checked {
                            tracing::warn!("{}: a band of its cache is not used: {error}", client.name());
                            continue;
                        }
                        let _ = self.spool.add(&meta, &data)?;
                        fetched += rows.len();
                    }
                    Err(error) => tracing::debug!("a finished band was not fetched: {error}"),
                }
            }
        }
        Ok(fetched)
    }

    /// A task per node that says a word each second and tells when no answer comes.
    fn watch_nodes(&self, tell: &Sender<Heard>) -> Vec<tokio::task::JoinHandle<()>> {
        let watch = |node: &crate::render::crew::Node| {
            let (client, id, node, tell) = (node.client.clone(), self.spec.id.clone(), node.id, tell.clone());
            tokio::spawn(async move {
                let mut unanswered = 0;
                loop {
                    tokio::time::sleep(ALIVE_EVERY).await;
                    match client.alive(&id, ALIVE_EVERY * 5).await {
                        Ok(()) => unanswered = 0,
                        Err(AgentError::Unreachable { .. }) if unanswered < UNANSWERED => unanswered += 1,
                        Err(error) => {
                            unanswered = 0;
                            if tell.send(Heard::NodeSilent { node, error }).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            })
        };
        self.crew.nodes.iter().map(watch).collect()
    }
}

/// A strip that an agent has.
struct Lease {
    slot: SlotId,
    rows: Rows,
    traced: bool,
    given_up: bool,
    task: Option<tokio::task::JoinHandle<()>>,
}

/// The loop's state.
struct Run<'r, 'a> {
    attempt: &'r mut Attempt<'a>,
    scheduler: Scheduler,
    way: Way,
    held: Held,
    tally: Tally,
    leases: HashMap<LeaseId, Lease>,
    /// Strips that wait for the probe to leave their slot.
    deferred: Vec<StripTask>,
    /// The slot that the probe is on.
    probing: Option<SlotId>,
    recalls: u32,
    troubles: HashMap<NodeId, String>,
    parallel_begun: Instant,
    tell: Sender<Heard>,
    finished: bool,
    rows_from_cache: u32,
}

impl Drop for Run<'_, '_> {
    fn drop(&mut self) {
        for lease in self.leases.values_mut() {
            if let Some(task) = lease.task.take() {
                task.abort();
            }
        }
    }
}

impl Run<'_, '_> {
    async fn run(mut self, mut hear: Receiver<Heard>, interrupted: &mut Receiver<()>) -> Result<Rendered, AttemptEnd> {
        self.begin()?;
        while !(self.finished && self.probing.is_none()) {
            let pause = self.pause();
            let heard = tokio::select! {
                heard = hear.recv() => heard,
                _ = interrupted.recv() => Some(Heard::Interrupted),
                () = tokio::time::sleep(pause) => None,
            };
            match heard {
                None => self.tell_scheduler(Event::Tick)?,
                Some(heard) => self.take(heard).await?,
            }
            self.show();
        }
        let now = Instant::now();
        self.tally.end_all(now);
        let counts = self.scheduler.counts();
        let Some(report) = self.attempt.report.clone() else {
            return Err(RenderError::Nodes("no probe was rendered".to_owned()).into());
        };
        Ok(Rendered {
            report,
            tally: std::mem::take(&mut self.tally),
            parallel: now.duration_since(self.parallel_begun),
            parallel_begun: self.parallel_begun,
            starts: counts.starts,
            shrinks: counts.shrinks,
            rows_from_cache: self.rows_from_cache,
        })
    }

    fn begin(&mut self) -> Result<(), AttemptEnd> {
        self.parallel_begun = Instant::now();
        if self.attempt.report.is_none() {
            self.start_probe();
        }
        let report = self.attempt.report.clone();
        if let Some(report) = report {
            self.learn(&report)?;
        }
        let ups: Vec<Event> = self
            .attempt
            .crew
            .nodes
            .iter()
            .flat_map(|node| {
                node.slots.iter().map(|&slot| Event::SlotUp { slot, node: node.id, speed: node.speed, start_seconds: None })
            })
            .collect();
        for up in ups {
            self.tell_scheduler(up)?;
        }
        self.tell_scheduler(Event::Begin)
    }

    fn start_probe(&mut self) {
        let Some(node) = self.attempt.crew.fastest() else { return };
        self.probing = node.slots.first().copied();
        let (client, id, start) = (node.client.clone(), self.attempt.spec.id.clone(), self.attempt.probe.clone());
        let tell = self.tell.clone();
        tokio::spawn(async move {
            let result = probing::run(&client, &id, &start).await;
            let _ = tell.send(Heard::Probe(result)).await;
        });
    }

    fn pause(&self) -> Duration {
        let wake = self.scheduler.next_wake().map_or(DISPLAY_EVERY, |wake| {
            Duration::try_from_secs_f64(wake - self.now()).unwrap_or(Duration::ZERO)
        });
        wake.clamp(Duration::from_millis(5), DISPLAY_EVERY)
    }

    fn now(&self) -> f64 {
        self.attempt.begun.elapsed().as_secs_f64()
    }

    async fn take(&mut self, heard: Heard) -> Result<(), AttemptEnd> {
        match heard {
            Heard::Strip { slot, lease, what } => self.take_strip(slot, lease, what).await,
            Heard::Shrunk { lease, epoch, end } => match end {
                Some(end) => self.tell_scheduler(Event::ShrinkAnswered { lease, epoch, end }),
                None => Ok(()),
            },
            Heard::Probe(result) => self.take_probe(result).await,
            Heard::NodeSilent { node, error } => self.lose_node(node, &error.to_string()).await,
            Heard::Interrupted => Err(RenderError::Interrupted.into()),
        }
    }

    async fn take_probe(&mut self, result: Result<ProbeReport, ProbeProblem>) -> Result<(), AttemptEnd> {
        let slot = self.probing.take();
        match result {
            Ok(report) => {
                let fingerprint: &Fingerprint = &self.attempt.crew.fingerprint;
                self.attempt.kept.put(&self.attempt.spec, fingerprint, &report);
                self.learn(&report)?;
                self.attempt.report = Some(report);
            }
            Err(ProbeProblem::Failed { failure, message, povray }) => {
                return Err(self.scene_failure(&failure, &message, &povray, false));
            }
            Err(ProbeProblem::Lost(error)) => {
                if let Some(node) = slot.and_then(|slot| self.attempt.crew.node_of(slot)).map(|node| node.id) {
                    self.lose_node(node, &error.to_string()).await?;
                }
                if self.recalls > MOST_RECALLS {
                    return Err(RenderError::from(error).into());
                }
                self.start_probe();
                return Ok(());
            }
        }
        self.announce_way();
        for mut task in std::mem::take(&mut self.deferred) {
            task.start.way = self.way_for(task.slot);
            self.spawn(task);
        }
        Ok(())
    }

    /// What the probe tells the scheduler.
    fn learn(&mut self, report: &ProbeReport) -> Result<(), AttemptEnd> {
        self.way = report.way;
        self.attempt.progress.detail(
            "probe",
            [
                ("from_state_file", (report.way != Way::Writer).into()),
                ("reason", report.reason.as_str().into()),
                ("start_seconds", report.start_seconds.into()),
                ("trace_cpu", report.trace_cpu.into()),
            ],
        );
        if report.row_costs.len() > 1 {
            let small = f64::from(self.attempt.probe.width) * f64::from(self.attempt.probe.height);
            let whole = f64::from(self.attempt.shape.width) * f64::from(self.attempt.shape.height);
            let seconds = (report.trace_cpu > 0.0).then(|| report.trace_cpu * whole / small.max(1.0));
            self.tell_scheduler(Event::CostMap(CostMap { costs: report.row_costs.clone(), seconds }))?;
        }
        if report.way == Way::Writer {
            // Some nanoseconds per pixel of the whole image for black rows, more for those with pixels.
            let megapixels = f64::from(self.attempt.shape.width) * f64::from(self.attempt.shape.height) * 1e-6;
            let seconds = megapixels * 0.12;
            self.tell_scheduler(Event::WriteCost(WriteCost { top: seconds, bottom: seconds }))?;
        }
        Ok(())
    }

    fn announce_way(&self) {
        for node in &self.attempt.crew.nodes {
            let (client, id) = (node.client.clone(), self.attempt.spec.id.clone());
            let way = if node.state_file_proven { self.way } else { Way::Writer };
            tokio::spawn(async move {
                if let Err(error) = client.set_way(&id, way).await {
                    tracing::debug!("{error}");
                }
            });
        }
    }

    fn way_for(&self, slot: SlotId) -> Way {
        let is_proven = self.attempt.crew.node_of(slot).is_some_and(|node| node.state_file_proven);
        if is_proven { self.way } else { Way::Writer }
    }

    async fn take_strip(&mut self, slot: SlotId, lease: LeaseId, what: StripHeard) -> Result<(), AttemptEnd> {
        match what {
            StripHeard::Tracing { seconds, .. } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.traced = true;
                }
                self.tell_scheduler(Event::StartCost { slot, seconds })
            }
            StripHeard::Progress { end } => {
                self.tell_scheduler(Event::Progress { slot, lease, end, cost_seconds: 0.0 })
            }
            StripHeard::Segment { meta, data, cpu } => {
                let rows = meta.rows;
                self.tally.slot(slot).cpu += cpu;
                if self.attempt.policy.sharing == Sharing::WholeLeases {
                    let folder = self.attempt.folder.clone();
                    self.held.add(lease, meta, &data).map_err(|source| RenderError::Folder { path: folder, source })?;
                } else {
                    let before = self.scheduler.rows_settled();
                    let _ = self.attempt.spool.add(&meta, &data)?;
                    self.tell_scheduler(Event::RowsDone { slot, lease, rows, cost_seconds: cpu })?;
                    self.tally.slot(slot).rows += self.scheduler.rows_settled().saturating_sub(before);
                    return Ok(());
                }
                self.tell_scheduler(Event::RowsDone { slot, lease, rows, cost_seconds: cpu })
            }
            StripHeard::Ended { agent_cpu, .. } => {
                self.tally.slot(slot).agent_cpu += agent_cpu;
                self.end_lease(slot, lease);
                self.tell_scheduler(Event::StripEnded { slot, lease })
            }
            StripHeard::Failed { failure, message, povray } => {
                let ended = self.end_lease(slot, lease);
                if ended.as_ref().is_some_and(|lease| lease.given_up) {
                    return self.tell_scheduler(Event::StripEnded { slot, lease });
                }
                let had_traced = ended.is_some_and(|lease| lease.traced);
                self.strip_failed(slot, lease, &failure, &message, &povray, had_traced)
            }
            StripHeard::Lost { error } => {
                let ended = self.end_lease(slot, lease);
                if ended.as_ref().is_some_and(|lease| lease.given_up) {
                    return self.tell_scheduler(Event::StripEnded { slot, lease });
                }
                self.strip_lost(slot, lease, error).await
            }
        }
    }

    fn end_lease(&mut self, slot: SlotId, lease: LeaseId) -> Option<Lease> {
        self.tally.end(slot, Instant::now());
        self.leases.remove(&lease)
    }

    fn strip_failed(
        &mut self,
        slot: SlotId,
        lease: LeaseId,
        failure: &Failure,
        message: &str,
        povray: &str,
        had_traced: bool,
    ) -> Result<(), AttemptEnd> {
        self.held.forget(lease);
        let is_hopeless = match failure {
            Failure::Scene => true,
            // A scene that does not get through its parsing does so nowhere.
            Failure::Stalled => !had_traced,
            _ => false,
        };
        if is_hopeless {
            return Err(self.scene_failure(failure, message, povray, had_traced));
        }
        let node = self.attempt.crew.node_of(slot).map_or_else(String::new, |node| node.client.name().to_owned());
        self.attempt.progress.note(&format!("{node}: {message}; its rows are rendered again"));
        self.tell_scheduler(Event::StripFailed { slot, lease, reason: message.to_owned() })
    }

    async fn strip_lost(&mut self, slot: SlotId, lease: LeaseId, error: AgentError) -> Result<(), AttemptEnd> {
        self.held.forget(lease);
        let Some(node) = self.attempt.crew.node_of(slot).map(|node| node.id) else { return Ok(()) };
        match error {
            AgentError::Unreachable { .. } | AgentError::Refused { status: 404, .. } => {
                self.lose_node(node, &error.to_string()).await
            }
            AgentError::Garbage { .. } | AgentError::Version(_) => {
                let reason = error.to_string();
                self.attempt.progress.note(&format!("{reason}: it is not used any more"));
                self.troubles.insert(node, "not used any more".to_owned());
                self.tell_scheduler(Event::NodeOut { node, reason })
            }
            AgentError::Refused { message, .. } => {
                self.attempt.progress.note(&format!("a strip was refused: {message}"));
                self.tell_scheduler(Event::StripFailed { slot, lease, reason: message })
            }
        }
    }

    /// All slots of a node are gone; it is called back at once, since an agent may only have been started anew.
    async fn lose_node(&mut self, node: NodeId, reason: &str) -> Result<(), AttemptEnd> {
        let Some(found) = self.attempt.crew.node(node) else { return Ok(()) };
        let (name, slots) = (found.client.name().to_owned(), found.slots.clone());
        let lost: Vec<LeaseId> =
            self.leases.iter().filter(|(_, lease)| slots.contains(&lease.slot)).map(|(&id, _)| id).collect();
        for id in lost {
            if let Some(lease) = self.leases.remove(&id) {
                self.tally.end(lease.slot, Instant::now());
                if let Some(task) = lease.task {
                    task.abort();
                }
            }
            self.held.forget(id);
        }
        self.recalls += 1;
        self.attempt.progress.note(&format!("{name} was lost ({reason}); it is called again"));
        let is_back = self.recalls <= MOST_RECALLS && self.call_back(node).await;
        if !is_back {
            self.troubles.insert(node, "lost".to_owned());
            for slot in slots {
                self.tell_scheduler(Event::SlotLost { slot })?;
            }
            return Ok(());
        }
        let speed = self.attempt.crew.node(node).map_or(1.0, |node| node.speed);
        for slot in slots {
            self.tell_scheduler(Event::SlotUp { slot, node, speed, start_seconds: None })?;
        }
        Ok(())
    }

    async fn call_back(&mut self, node: NodeId) -> bool {
        if let Err(error) = self.attempt.crew.call_back(node).await {
            self.attempt.progress.note(&error.to_string());
            return false;
        }
        let Some(found) = self.attempt.crew.node(node) else { return false };
        let client = found.client.clone();
        match opening::open(&client, &self.attempt.spec, &self.attempt.contents).await {
            Ok(_) => true,
            Err(error) => {
                self.attempt.progress.note(&error.to_string());
                false
            }
        }
    }

    fn scene_failure(&self, failure: &Failure, message: &str, povray: &str, had_traced: bool) -> AttemptEnd {
        scene_failure(self.attempt.contents.assets, failure, message, povray, had_traced)
    }

    fn tell_scheduler(&mut self, event: Event) -> Result<(), AttemptEnd> {
        let now = self.now();
        for action in self.scheduler.handle(now, event) {
            self.act(action)?;
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), AttemptEnd> {
        match action {
            Action::Start { slot, lease, rows, block_rows, .. } => self.start(slot, lease, rows, block_rows),
            Action::Shrink { slot, lease, epoch, new_end } => self.shrink(slot, lease, epoch, new_end),
            Action::GiveUp { slot, lease, reason } => self.give_up(slot, lease, reason),
            Action::Settle { lease, rows } => return self.settle(lease, rows),
            Action::Rest { node, reason } => {
                let name = self.attempt.crew.node(node).map_or("a node", |node| node.client.name());
                self.attempt.progress.note(&format!("{name} rests after three failures in a row: {reason}"));
                self.troubles.insert(node, format!("rests: {reason}"));
            }
            Action::Finished => self.finished = true,
            Action::Stuck { reason } => {
                let troubles: Vec<&str> = self.troubles.values().map(String::as_str).collect();
                let text = format!("{reason}; {}", troubles.join("; "));
                let is_lost = matches!(reason, crate::schedule::StuckReason::NoSlotLeft { .. });
                let error = if is_lost { RenderError::AllLost(text) } else { RenderError::Nodes(text) };
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn start(&mut self, slot: SlotId, lease: LeaseId, rows: Rows, block_rows: u32) {
        let Some(node) = self.attempt.crew.node_of(slot) else { return };
        self.attempt.progress.strip(node.client.name(), slot.0, rows);
        let start = StartStrip { lease: lease.0, rows, block_rows, way: self.way_for(slot) };
        let task = StripTask {
            client: node.client.clone(),
            job: self.attempt.spec.id.clone(),
            slot,
            lease,
            start,
            width: self.attempt.shape.width,
            format: self.attempt.shape.format,
        };
        self.leases.insert(lease, Lease { slot, rows, traced: false, given_up: false, task: None });
        if self.probing == Some(slot) {
            self.deferred.push(task);
        } else {
            self.spawn(task);
        }
    }

    fn spawn(&mut self, task: StripTask) {
        let Some(lease) = self.leases.get_mut(&task.lease) else { return };
        self.tally.begin(task.slot, Instant::now());
        lease.task = Some(tokio::spawn(task.run(self.tell.clone())));
    }

    fn shrink(&mut self, slot: SlotId, lease: LeaseId, epoch: u32, new_end: u32) {
        // A strip that has not been sent to its agent yet is shrunk right here.
        if let Some(task) = self.deferred.iter_mut().find(|task| task.lease == lease) {
            let end = new_end.max(task.start.rows.start + task.start.block_rows).min(task.start.rows.end);
            task.start.rows.end = end;
            if let Some(lease) = self.leases.get_mut(&lease) {
                lease.rows.end = end;
            }
            self.answer(Heard::Shrunk { lease, epoch, end: Some(end) });
            return;
        }
        let Some(node) = self.attempt.crew.node_of(slot) else { return };
        let (client, id, tell) = (node.client.clone(), self.attempt.spec.id.clone(), self.tell.clone());
        tokio::spawn(async move {
            let answer = client.shrink(&id, lease.0, Shrink { epoch, new_end }).await;
            let end = answer.ok().map(|shrunk| shrunk.end);
            let _ = tell.send(Heard::Shrunk { lease, epoch, end }).await;
        });
    }

    fn give_up(&mut self, slot: SlotId, lease: LeaseId, reason: GiveUpReason) {
        tracing::debug!("lease {} is given up: {reason}", lease.0);
        self.deferred.retain(|task| task.lease != lease);
        let Some(known) = self.leases.get_mut(&lease) else { return };
        known.given_up = true;
        if known.task.is_none() {
            let what = StripHeard::Ended { cpu: 0.0, agent_cpu: 0.0, from_state_file: true };
            self.answer(Heard::Strip { slot, lease, what });
            return;
        }
        let Some(node) = self.attempt.crew.node_of(slot) else { return };
        let (client, id) = (node.client.clone(), self.attempt.spec.id.clone());
        tokio::spawn(async move {
            if let Err(error) = client.cancel_strip(&id, lease.0).await {
                tracing::debug!("{error}");
            }
        });
    }

    /// Tells the loop something from within, in its turn.
    fn answer(&self, heard: Heard) {
        let tell = self.tell.clone();
        tokio::spawn(async move {
            let _ = tell.send(heard).await;
        });
    }

    fn settle(&mut self, lease: LeaseId, rows: Rows) -> Result<(), AttemptEnd> {
        if self.attempt.policy.sharing != Sharing::WholeLeases {
            return Ok(());
        }
        let spool = Arc::clone(&self.attempt.spool);
        let folder = self.attempt.folder.clone();
        let mut settled = 0;
        self.held.take(lease, |meta, data| {
            settled += meta.rows.len();
            spool.add(&meta, &data).map(|_| ()).map_err(SettleError::Spool)
        })
        .map_err(|error| match error {
            SettleError::Spool(error) => RenderError::from(error),
            SettleError::Io(source) => RenderError::Folder { path: folder, source },
        })?;
        tracing::debug!("lease {} settles {rows}", lease.0);
        if let Some(slot) = self.leases.get(&lease).map(|lease| lease.slot) {
            self.tally.slot(slot).rows += settled;
        }
        Ok(())
    }

    fn show(&mut self) {
        let rows_total = self.attempt.spec.options.rows.len();
        let rows_done = self.scheduler.rows_settled();
        let share = f64::from(rows_done) / f64::from(rows_total.max(1));
        let elapsed = self.parallel_begun.elapsed().as_secs_f64();
        let left = (share > 0.02).then(|| elapsed / share - elapsed);
        let nodes = self.attempt.crew.nodes.iter().map(|node| NodeStatus {
            name: node.client.name().to_owned(),
            slots: node.slots.len(),
            busy: node.slots.iter().filter(|slot| self.tally.is_busy(**slot)).count(),
            rows: node.slots.iter().map(|slot| self.tally.get(*slot).rows).sum(),
            trouble: self.troubles.get(&node.id).cloned(),
        });
        let status = Status { rows_done, rows_total, share, elapsed, left, nodes: nodes.collect() };
        self.attempt.progress.status(&status);
    }
}

/// Why a lease could not be settled.
enum SettleError {
    Spool(crate::compose::SpoolError),
    Io(std::io::Error),
}

impl From<std::io::Error> for SettleError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a failure that no other node would mend means for the user, in POV-Ray's own words where it has some.
#[must_use]
pub fn scene_failure(assets: &Assets, failure: &Failure, message: &str, povray: &str, had_traced: bool) -> AttemptEnd {
    match failure {
        Failure::Stalled => {
            let doing = if had_traced { "rendering" } else { "reading the scene" };
            let what = message.replace(" and was stopped", &format!(" ({doing})"));
            return AttemptEnd::Failed(RenderError::Stalled { what });
        }
        Failure::Scene => {}
        _ => return AttemptEnd::Failed(RenderError::Povray(message.to_owned())),
    }
    let Some(told) = read_failure(povray) else {
        let tail: Vec<&str> = povray.lines().rev().filter(|line| !line.trim().is_empty()).take(5).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return AttemptEnd::Failed(RenderError::Povray(format!("{message}:\n{}", tail.join("\n"))));
    };
    if let FailureKind::MissingFile { name } = &told.kind {
        return AttemptEnd::MissingFile { name: name.clone(), povray: povray.to_owned() };
    }
    let mut text = match told.place(assets) {
        Some((file, line)) => format!("{}:{line}: {}", file.display(), told.text),
        None => format!("POV-Ray: {}", told.text),
    };
    if let Some(excerpt) = told.excerpt(assets) {
        text.push_str(&format!("\n  {excerpt}"));
    }
    AttemptEnd::Failed(RenderError::Povray(text))
}

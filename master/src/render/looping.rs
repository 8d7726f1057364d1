//! The loop of one attempt: it hears, asks the scheduler, acts, and shows how far it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use td_protocol::probe::ProbeReport;
use td_protocol::rows::Rows;
use td_protocol::strip::{Failure, Way};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::{JoinHandle, JoinSet};

use crate::compose::Maker;
use crate::cpu::thread_cpu;
use crate::health::Fitness;
use crate::jobs::Record;
use crate::jobs::record::ProbeRecord;
use crate::progress::{self, NodeStatus, Status};
use crate::render::account::{Account, Checking};
use crate::render::attempt::{Attempt, AttemptEnd, Rendered};
use crate::render::failure::RenderError;
use crate::render::heard::{Heard, ProbeProblem};
use crate::render::held::Held;
use crate::render::losing::AllLost;
use crate::render::opening::{Opening, Openings};
use crate::render::own_probe;
use crate::render::probing;
use crate::render::strips::StripTask;
use crate::render::tally::Tally;
use crate::render::verifying::Verifying;
use crate::render::wait_for_map::MapWait;
use crate::schedule::{CostMap, Event, Heartbeats, LeaseId, NodeId, Scheduler, SlotId, WriteCost};

/// Probes that may be killed or stopped in one job.
const MOST_PROBES: u32 = 3;
/// What POV-Ray's writer costs for a million pixels of the whole image, as a multiple of the fingerprint scene's CPU time
/// (the unit in which a slot's speed is told). Both were measured on one machine: 0.12 s, and 3 scenes a second.
const WRITE_SCENES_PER_MEGAPIXEL: f64 = 0.36;
/// What a start of POV-Ray costs for a million pixels of the whole image, beyond what it costs for a small view, in the same
/// unit: 0.013 s there.
const START_SCENES_PER_MEGAPIXEL: f64 = 0.04;
/// POV-Ray makes room for the whole image in memory at its start, up to 128 MB at 20 bytes a pixel; a larger one goes into a
/// file, of which only the strip's part is ever written.
const MEGAPIXELS_IN_MEMORY: f64 = 6.7;
/// The display changes no more often than this, however much happens.
const SHOW_EVERY: Duration = Duration::from_millis(50);
/// Pause between two looks at the display when nothing happens.
const DISPLAY_EVERY: Duration = Duration::from_millis(250);

/// A strip that an agent has.
pub(super) struct Lease {
    pub slot: SlotId,
    pub rows: Rows,
    /// When it was given out, on the clock of the job.
    pub begun: f64,
    /// Seconds until POV-Ray had read the scene, once it has.
    pub start_seconds: Option<f64>,
    pub given_up: bool,
    pub task: Option<tokio::task::JoinHandle<()>>,
}

/// What the loop waited for.
enum Woken {
    Heard(Heard),
    /// A node has opened the job, or its task broke.
    Late(Option<Opening>),
    ByTime,
}

/// The loop's state.
pub(super) struct Run<'r, 'a> {
    pub attempt: &'r mut Attempt<'a>,
    pub scheduler: Scheduler,
    pub way: Way,
    pub held: Held,
    pub tally: Tally,
    pub leases: HashMap<LeaseId, Lease>,
    /// Strips that wait for the probe to leave their slot.
    pub deferred: Vec<StripTask>,
    /// The slot that the probe is on.
    pub probing: Option<SlotId>,
    /// The master renders the probe itself; how long the first cut waits for its cost map.
    pub own_probe: Option<MapWait>,
    pub costs_known: bool,
    /// What a start of POV-Ray is expected to take, in seconds of a slot of speed 1.
    pub start_work: Option<f64>,
    /// An earlier job of this picture has told it.
    pub start_measured: bool,
    /// How often each node was called back.
    pub recalls: HashMap<NodeId, u32>,
    pub watchers: HashMap<NodeId, JoinHandle<()>>,
    /// Nodes on which the job is open and that are not lost.
    pub up: HashSet<NodeId>,
    /// Nodes on which the job is still being opened.
    pub openings: Openings,
    /// Lost nodes that are being called, and nodes whose finished bands are being taken over: who is about to come.
    pub calling: HashMap<NodeId, JoinHandle<()>>,
    pub beats: Heartbeats,
    /// Why a node's last heartbeat was not answered.
    pub missed: HashMap<NodeId, String>,
    pub all_lost: Option<AllLost>,
    /// How fit to render each node is, by its own last word; who is not here is fit.
    pub fitness: HashMap<NodeId, Fitness>,
    /// What slowed nodes down during the job.
    pub slowed: HashMap<NodeId, String>,
    /// When the heartbeats were last looked at.
    pub looked: Instant,
    pub shown: Option<Instant>,
    pub probe_task: Option<JoinHandle<()>>,
    /// A probe is needed, and no node is there for it.
    pub probe_wanted: bool,
    /// Probes whose POV-Ray was killed or stopped.
    pub probes_failed: u32,
    pub troubles: HashMap<NodeId, String>,
    /// Why nodes take no strips, however often they are lost and come back.
    pub resting: HashMap<NodeId, String>,
    /// Nodes that take no strips of this job any more, however well they are: they failed again and again, or answered garbage.
    pub retired: HashSet<NodeId>,
    pub parallel_begun: Instant,
    pub tell: Sender<Heard>,
    pub finished: bool,
    /// Rows that were there before anything was rendered: they took none of the time.
    pub rows_at_begin: u32,
    /// What POV-Ray's writer cost so far, in seconds at speed 1, and in how many strips.
    pub written: (f64, u32),
    /// Which slot has rendered what is held of a lease.
    pub makers: HashMap<LeaseId, SlotId>,
    /// Runs that came from agents' caches.
    pub cached: Vec<(Rows, Maker)>,
    pub verifying: Verifying,
    /// What td's own work took.
    pub account: Account,
    pub checking: Arc<Checking>,
}

impl Drop for Run<'_, '_> {
    fn drop(&mut self) {
        let asked = self.verifying.asked.values();
        for task in self.watchers.values().chain(self.calling.values()).chain(&self.probe_task).chain(asked) {
            task.abort();
        }
        for lease in self.leases.values_mut() {
            if let Some(task) = lease.task.take() {
                task.abort();
            }
        }
    }
}

impl Run<'_, '_> {
    pub(super) async fn run(
        mut self,
        mut hear: Receiver<Heard>,
        interrupted: &mut Receiver<()>,
    ) -> Result<Rendered, AttemptEnd> {
        let result = self.render(&mut hear, interrupted).await;
        self.end_forgetting().await;
        result?;
        self.tell_unended();
        self.tell_slowed();
        self.checking.enter(&mut self.account);
        self.openings.abort_all();
        let complete = self.verifying.complete.unwrap_or_else(Instant::now);
        let counts = self.scheduler.counts();
        let Some(report) = self.attempt.report.clone() else {
            return Err(RenderError::Nodes("no probe was rendered".to_owned()).into());
        };
        self.keep_costs(&report);
        let made: HashSet<(Rows, Maker)> = self.attempt.spool.made().into_iter().collect();
        Ok(Rendered {
            report,
            tally: std::mem::take(&mut self.tally),
            parallel: complete.duration_since(self.parallel_begun),
            parallel_begun: self.parallel_begun,
            starts: counts.starts,
            shrinks: counts.shrinks,
            rows_before: self.attempt.rows_before,
            rows_from_cache: self.cached.iter().filter(|run| made.contains(run)).map(|(rows, _)| rows.len()).sum(),
            account: self.account,
            rows_verified: self.verifying.wanted.map(|_| self.verifying.rows_verified),
            absent: self.attempt.crew.nodes.iter().map(|node| node.id).filter(|id| !self.up.contains(id)).collect(),
            slowed: std::mem::take(&mut self.slowed),
            closing: JoinSet::new(),
        })
    }

    /// Until all rows are there, and verified where that is wanted.
    async fn render(&mut self, hear: &mut Receiver<Heard>, interrupted: &mut Receiver<()>) -> Result<(), AttemptEnd> {
        self.wait_for_map(hear, interrupted).await?;
        self.begin()?;
        while !self.is_complete() || self.has_to_verify()? {
            let pause = self.pause();
            let woken = tokio::select! {
                Some(heard) = hear.recv() => Woken::Heard(heard),
                Some(late) = self.openings.join_next() => Woken::Late(late.ok()),
                _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
                () = tokio::time::sleep(pause) => Woken::ByTime,
            };
            let begun = thread_cpu();
            match woken {
                Woken::Heard(heard) => self.take(heard)?,
                Woken::Late(Some(late)) => self.take_late(late)?,
                Woken::Late(None) => {}
                Woken::ByTime => self.tell_scheduler(Event::Tick)?,
            }
            self.look_around()?;
            self.show();
            self.account.messages += 1;
            self.account.looping += thread_cpu().saturating_sub(begun);
        }
        Ok(())
    }

    /// Whether all rows are there, and the probe's report too.
    fn is_complete(&self) -> bool {
        self.finished && self.probing.is_none() && self.own_probe.is_none() && !self.probe_wanted
    }

    fn begin(&mut self) -> Result<(), AttemptEnd> {
        self.rows_at_begin = self.scheduler.rows_settled();
        self.parallel_begun = Instant::now();
        // One may be on its way already: the master's own failed while the first cut waited for it.
        if self.attempt.report.is_none() && self.own_probe.is_none() && self.probing.is_none() {
            self.start_probe()?;
        }
        let report = self.attempt.report.clone();
        // What came while the first cut waited is learnt already.
        if let Some(report) = report.filter(|_| !self.costs_known) {
            self.learn(&report)?;
        }
        let nodes: Vec<NodeId> = self.up.iter().copied().collect();
        for node in nodes {
            self.node_up(node)?;
        }
        self.tell_scheduler(Event::Begin)
    }

    pub(super) fn start_probe(&mut self) -> Result<(), AttemptEnd> {
        let is_fit = |id: &NodeId| self.up.contains(id) && !self.troubles.contains_key(id);
        let nodes = self.attempt.crew.nodes.iter().filter(|node| is_fit(&node.id));
        let Some(node) = nodes.max_by(|a, b| a.speed.total_cmp(&b.speed)) else {
            if self.calling.is_empty() && self.openings.is_empty() {
                let troubles: Vec<&str> = self.troubles.values().map(String::as_str).collect();
                return Err(RenderError::AllLost(troubles.join("; ")).into());
            }
            // Whoever comes back renders it.
            self.probe_wanted = true;
            return Ok(());
        };
        self.probe_wanted = false;
        self.probing = node.slots.first().copied();
        let (client, id, start) = (node.client.clone(), self.attempt.spec.id.clone(), self.attempt.probe.clone());
        let tell = self.tell.clone();
        self.probe_task = Some(tokio::spawn(async move {
            let result = probing::run(&client, &id, &start).await;
            let _ = tell.send(Heard::Probe(result)).await;
        }));
        Ok(())
    }

    fn pause(&self) -> Duration {
        let wake = self
            .scheduler
            .next_wake()
            .map_or(DISPLAY_EVERY, |wake| Duration::try_from_secs_f64(wake - self.now()).unwrap_or(Duration::ZERO));
        wake.clamp(Duration::from_millis(5), DISPLAY_EVERY)
    }

    pub(super) fn now(&self) -> f64 {
        self.attempt.begun.elapsed().as_secs_f64()
    }

    pub(super) fn take(&mut self, heard: Heard) -> Result<(), AttemptEnd> {
        match heard {
            Heard::Strip { slot, lease, what } => self.take_strip(slot, lease, what),
            Heard::Shrunk { lease, epoch, end } => match end {
                Some(end) => self.tell_scheduler(Event::ShrinkAnswered { lease, epoch, end }),
                None => Ok(()),
            },
            Heard::Probe(result) => self.take_probe(result),
            // Nothing waits for it any more.
            Heard::ViewProgress(_) => Ok(()),
            Heard::Costs(early) => {
                self.expect(early.start_cpu, early.trace_cpu)?;
                self.learn_costs(CostMap { costs: early.row_costs, seconds: None, load: None })
            }
            Heard::NoOwnProbe(problem) => {
                tracing::debug!("the master does not render the probe: {problem:?}");
                self.own_probe = None;
                self.start_probe()
            }
            Heard::Beat { node, round_trip } => {
                if self.up.contains(&node) {
                    let now = self.now();
                    self.beats.heard(now, node, Some(round_trip));
                    self.missed.remove(&node);
                }
                Ok(())
            }
            Heard::BeatMissed { node, reason } => {
                self.missed.insert(node, reason);
                Ok(())
            }
            Heard::Health { node, report } => self.judge(node, &report),
            Heard::NodeLost { node, error } => self.lose_node(node, &error.to_string()),
            Heard::Band { node, band } => self.take_band(node, band),
            Heard::BandsTaken { node } => self.take_bands_taken(node),
            Heard::Called { node, result } => self.take_called(node, *result),
            Heard::Witness { look, case, witness, what } => self.take_witness(look, case, witness, what),
        }
    }

    fn take_probe(&mut self, result: Result<ProbeReport, ProbeProblem>) -> Result<(), AttemptEnd> {
        if self.own_probe.take().is_some() && result.is_ok() {
            own_probe::end(self.attempt.crew.own_probe.take());
        }
        match result {
            Ok(report) => {
                self.keep(&report);
                self.probing = None;
                self.learn(&report)?;
                self.attempt.job.note(Record::Probe(ProbeRecord { cut: false, report: report.clone() }));
                self.attempt.report = Some(report);
            }
            Err(ProbeProblem::Failed { failure, message, povray }) => {
                self.probes_failed += 1;
                let is_hopeless = matches!(failure, Failure::Scene | Failure::Stalled);
                if is_hopeless || self.probes_failed >= MOST_PROBES {
                    return Err(self.scene_failure(&failure, &message, &povray, false));
                }
                self.attempt.progress.note(&format!("the probe is rendered again: {message}"));
                return self.start_probe();
            }
            Err(ProbeProblem::Lost(error)) => {
                let node = self.probing.and_then(|slot| self.attempt.crew.node_of(slot)).map(|node| node.id);
                return match node {
                    // The probe goes to another node, or to this one when it is back.
                    Some(node) => self.lose_node(node, &error.to_string()),
                    None => Ok(()),
                };
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
        self.expect(report.start_cpu, report.trace_cpu)?;
        if !self.costs_known {
            let seconds =
                (report.trace_cpu > 0.0).then(|| report.trace_cpu * self.probes_speed() / self.probes_share());
            let load = (report.trace_seconds > 0.0 && report.trace_cpu > 0.0)
                .then(|| (report.trace_seconds / report.trace_cpu).max(1.0));
            self.learn_costs(CostMap { costs: report.row_costs.clone(), seconds, load })?;
        }
        if report.way == Way::Writer {
            // Until the first strip has told what it really costs.
            let seconds = self.megapixels() * WRITE_SCENES_PER_MEGAPIXEL;
            self.tell_scheduler(Event::WriteCost(WriteCost { top: seconds, bottom: seconds }))?;
        }
        Ok(())
    }

    /// What a probe lets expect of the picture, before any slot has told.
    fn expect(&mut self, start_cpu: f64, trace_cpu: f64) -> Result<(), AttemptEnd> {
        if start_cpu > 0.0 {
            let in_memory = self.megapixels() <= MEGAPIXELS_IN_MEMORY && !self.start_measured;
            let size = if in_memory { self.megapixels() * START_SCENES_PER_MEGAPIXEL } else { 0.0 };
            self.start_work = Some(start_cpu * self.probes_speed() + size);
        }
        let seconds = trace_cpu * self.probes_speed() / self.probes_share();
        self.tell_scheduler(Event::Expected { seconds })
    }

    fn megapixels(&self) -> f64 {
        f64::from(self.attempt.shape.width) * f64::from(self.attempt.shape.height) * 1e-6
    }

    /// The small view's share of the picture's pixels.
    fn probes_share(&self) -> f64 {
        let small = f64::from(self.attempt.probe.width) * f64::from(self.attempt.probe.height);
        let whole = f64::from(self.attempt.shape.width) * f64::from(self.attempt.shape.height);
        small.max(1.0) / whole.max(1.0)
    }

    /// The speed of the slot that the probe is reckoned to have run on.
    fn probes_speed(&self) -> f64 {
        self.attempt.crew.fastest().map_or(1.0, |node| node.speed)
    }

    /// What the rows really cost is kept for the next job of this picture.
    fn keep_costs(&self, report: &ProbeReport) {
        if let Some(map) = self.scheduler.cost_map() {
            let start_work = self.scheduler.start_work();
            self.keep(&probing::refined(report, &map, start_work, self.probes_share(), self.probes_speed()));
        }
    }

    fn keep(&self, report: &ProbeReport) {
        // One that fell to way (b) by a mishap is tried anew by the next job.
        if report.way != Way::Writer || self.attempt.spec.options.dither {
            self.attempt.kept.put(&self.attempt.spec, &self.attempt.crew.fingerprint, report);
        }
    }

    fn learn_costs(&mut self, map: CostMap) -> Result<(), AttemptEnd> {
        if map.costs.len() < 2 {
            return Ok(());
        }
        self.costs_known = true;
        self.tell_scheduler(Event::CostMap(map))
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

    pub(super) fn way_for(&self, slot: SlotId) -> Way {
        let is_proven = self.attempt.crew.node_of(slot).is_some_and(|node| node.state_file_proven);
        if is_proven { self.way } else { Way::Writer }
    }

    fn show(&mut self) {
        if self.shown.is_some_and(|shown| shown.elapsed() < SHOW_EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        let rows_total = self.attempt.spec.options.rows.len();
        let rows_done = self.scheduler.rows_settled();
        let share = f64::from(rows_done) / f64::from(rows_total.max(1));
        let elapsed = self.parallel_begun.elapsed().as_secs_f64();
        let left = progress::time_left(self.rows_at_begin, rows_done, rows_total, elapsed);
        let nodes = self.attempt.crew.nodes.iter().map(|node| NodeStatus {
            name: node.client.name().to_owned(),
            slots: node.slots.len(),
            busy: node.slots.iter().filter(|slot| self.tally.is_busy(**slot)).count(),
            rows: node.slots.iter().map(|slot| self.tally.get(*slot).rows).sum(),
            // The line has its name already.
            trouble: self
                .troubles
                .get(&node.id)
                .map(|text| text.strip_prefix(node.client.name()).map_or(text.as_str(), str::trim_start).to_owned()),
        });
        let status = Status { rows_done, rows_total, share, elapsed, left, nodes: nodes.collect() };
        self.attempt.progress.status(&status);
    }
}

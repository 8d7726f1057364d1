//! The state machine itself: its state, its events by name, and what it tells of itself.

use std::collections::{BTreeMap, BTreeSet};

use td_protocol::rows::Rows;

use super::cost_map::{CostMap, CostSums, Measured};
use super::event::{Action, Event, LeaseId, SlotId, StuckReason};
use super::grid::Grid;
use super::job::{Job, JobError, Tuning};
use super::lease::{Lease, Retired};
use super::level::Level;
use super::moment::Moment;
use super::pool::Pool;
use super::row_set::RowSet;
use super::slots::Slots;

/// The scheduler of one job. See the [module's text](super).
#[derive(Debug, Clone)]
pub struct Scheduler {
    pub(super) job: Job,
    pub(super) tuning: Tuning,
    pub(super) grid: Grid,
    pub(super) now: f64,
    pub(super) begun: bool,
    /// The slots that were there at the beginning measured about one speed.
    pub(super) one_model: bool,
    pub(super) finished: bool,
    was_stuck: bool,

    pub(super) slots: Slots,
    pub(super) leases: BTreeMap<LeaseId, Lease>,
    pub(super) retired: BTreeMap<LeaseId, Retired>,
    /// Which live lease answers for the rows from here on; copies are not listed.
    pub(super) owners: BTreeMap<u32, LeaseId>,
    pub(super) pool: Pool,
    /// The last rows of long strips, kept back to even out the end.
    pub(super) reserve: Pool,
    pub(super) settled: RowSet,
    pub(super) unsettled: u32,

    pub(super) sums: CostSums,
    pub(super) measured: Measured,
    /// The same as the next job of this picture had better believe it.
    pub(super) measured_for_next: Measured,
    /// Seconds at speed 1 per unit of `sums`, over the whole picture.
    pub(super) seconds_per_unit: f64,
    pub(super) rate_told: bool,
    /// Wall seconds for each CPU second on a slot that has not told its own.
    pub(super) usual_load: f64,
    /// What of it such slots were last given.
    pub(super) assumed_load: f64,
    pub(super) observed: Observed,
    /// What the first rows of a strip that began here cost, in seconds at speed 1 per unit.
    pub(super) edges: BTreeMap<u32, f64>,
    /// Rows that were taken over: from a row to a row, and seconds at speed 1 per unit by what their last slot was late.
    pub(super) taken_over: BTreeMap<u32, (u32, f64)>,
    /// What a start took on the slots that told it, in seconds at speed 1.
    pub(super) start_work: Option<f64>,
    /// Seconds at speed 1 that the whole image is guessed to take.
    pub(super) expected: Option<f64>,

    /// Mean speed of the usable slots, as of the last rebuild.
    pub(super) typical_speed: f64,

    /// Leases that rows can be taken from, by predicted finish.
    pub(super) victims: BTreeSet<(Moment, LeaseId)>,
    /// Leases that only a copy can help, by predicted finish.
    pub(super) tails: BTreeSet<(Moment, LeaseId)>,
    pub(super) timers: BTreeSet<(Moment, Timer)>,
    pub(super) level: Level,
    pub(super) pending_shrinks: u32,

    pub(super) next_lease: u64,
    pub(super) counts: Counts,
    pub(super) actions: Vec<Action>,
    pub(super) scratch: Vec<Rows>,
}

/// No job lasts until then, in seconds; keeps sums of moments exact enough.
pub const LATEST: f64 = 1e12;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A shrink should have been answered.
    Answer(LeaseId, u32),
    /// A band should have been finished.
    Band(LeaseId),
}

/// Sums over all finished rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Observed {
    pub seconds: f64,
    pub units: f64,
    pub reports: u64,
    /// Reports after which all is predicted anew.
    pub next_rebuild: u64,
}

/// What the scheduler has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Strips started.
    pub starts: u32,
    /// Shrinks asked for.
    pub shrinks: u32,
    /// Shrinks that no agent answered in time.
    pub unanswered: u32,
    /// Strips started as a copy of one that seemed stuck.
    pub copies: u32,
    /// Strips that failed.
    pub failures: u32,
    /// Strips whose slot was lost or taken out.
    pub losses: u32,
    /// Copies that were given up for another because they were stuck themselves.
    pub stuck_copies: u32,
    /// Strips that were given up because they stood still and no start was left for a copy.
    pub past_help: u32,
    /// Strips whose rows were given out without asking again: the agent had not answered, or given nothing, and was stuck.
    pub taken_back: u32,
    /// Rows that were found without an owner, and given out again: 0, or the scheduler is wrong.
    pub forgotten_rows: u32,
    /// Runs of rows to begin with, and runs that were refused later.
    pub(super) pieces: u32,
}

impl Scheduler {
    /// A scheduler for `job` that knows no slot yet.
    pub fn new(job: Job, tuning: Tuning) -> Result<Self, JobError> {
        job.check()?;
        let grid = Grid { rows: job.rows, origin: job.band_origin, step: job.fine_rows };
        let mut settled = RowSet::default();
        let mut scratch = Vec::new();
        for &rows in &job.done {
            settled.insert(Rows::new(rows.start.max(job.rows.start), rows.end.min(job.rows.end)), &mut scratch);
        }
        scratch.clear();
        let mut pool = Pool::default();
        // Rows next to finished ones are rendered again where they share a block with unfinished ones.
        let mut unfinished = RowSet::default();
        for run in settled.missing(job.rows) {
            unfinished.insert(grid.widen(run), &mut scratch);
        }
        scratch.clear();
        let mut pieces = 0;
        for run in unfinished.runs() {
            pool.put(run, f64::from(run.len()));
            pieces += 1;
        }
        let unsettled = settled.count_missing(job.rows);
        let cells = (job.height / job.fine_rows.max(1)) as usize;
        Ok(Self {
            sums: CostSums::uniform(job.height),
            measured: Measured::new(job.height, cells),
            measured_for_next: Measured::new(job.height, cells),
            seconds_per_unit: tuning.assumed_seconds.max(1e-6) / f64::from(job.height.max(1)),
            rate_told: false,
            usual_load: 1.0,
            assumed_load: 1.0,
            observed: Observed::default(),
            edges: BTreeMap::new(),
            taken_over: BTreeMap::new(),
            start_work: None,
            expected: None,
            typical_speed: 1.0,
            grid,
            tuning,
            now: 0.0,
            begun: false,
            one_model: false,
            finished: false,
            was_stuck: false,
            slots: Slots::default(),
            leases: BTreeMap::new(),
            retired: BTreeMap::new(),
            owners: BTreeMap::new(),
            pool,
            reserve: Pool::default(),
            settled,
            unsettled,
            victims: BTreeSet::new(),
            tails: BTreeSet::new(),
            timers: BTreeSet::new(),
            level: Level::default(),
            pending_shrinks: 0,
            next_lease: 1,
            counts: Counts { pieces, ..Counts::default() },
            actions: Vec::new(),
            scratch,
            job,
        })
    }

    /// What is to be done about `event` at the moment `now`, in seconds. The scheduler's own clock never goes back: an earlier
    /// moment, or one from [`LATEST`] on, leaves it where it is.
    #[must_use]
    pub fn handle(&mut self, now: f64, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.handle_into(now, event, &mut actions);
        actions
    }

    /// As [`Self::handle`], adding to `actions`.
    pub fn handle_into(&mut self, now: f64, event: Event, actions: &mut Vec<Action>) {
        if now > self.now && now < LATEST {
            self.now = now;
        }
        self.take(event);
        self.expire();
        self.dispatch();
        actions.append(&mut self.actions);
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::SlotUp { slot, node, speed, start_seconds } => self.slot_up(slot, node, speed, start_seconds),
            Event::Begin => self.begin(),
            Event::SlotIdle { .. } | Event::Tick => {}
            Event::CostMap(map) => self.learn_map(&map),
            Event::StartCost { slot, seconds } => self.learn_start(slot, seconds),
            Event::Expected { seconds } => self.expect(seconds),
            Event::WriteCost(write) => {
                self.job.write = write.sane();
                self.rebuild();
            }
            Event::RowsDone { slot, lease, rows, cost_seconds, ahead_seconds } => {
                self.rows_done(slot, lease, rows, cost_seconds, ahead_seconds);
            }
            Event::Progress { slot, lease, end, cost_seconds } => self.progress(slot, lease, end, cost_seconds),
            Event::Working { slot, lease, done, cost_seconds } => self.working(slot, lease, done, cost_seconds),
            Event::StripEnded { slot, lease } => self.strip_ended(slot, lease),
            Event::StripYielded { slot, lease } => self.strip_yielded(slot, lease),
            Event::StripFailed { slot, lease, reason } => self.strip_failed(slot, lease, &reason),
            Event::ShrinkAnswered { lease, epoch, end } => self.shrink_answered(lease, epoch, end),
            Event::SlotLost { slot } => self.slot_lost(slot),
            Event::SlotSlow { slot, factor } => self.slot_slow(slot, factor),
            Event::NodeOut { node, reason } => self.node_out(node, reason),
            Event::NodeDrain { node, reason } => self.node_drain(node, reason),
            Event::NodeBack { node } => self.slots.set_resting(node, false),
            Event::RowsSettledElsewhere { rows } => self.settle(rows, None),
            Event::RowsRefused { rows } => self.rows_refused(rows),
        }
    }

    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            self.one_model = self.slots.of_one_model();
            if self.one_model {
                self.slots.rely_on_speeds();
            }
            self.assume_rate();
            self.note_typical_speed();
        }
    }

    /// Gives work to idle slots until nothing more helps.
    fn dispatch(&mut self) {
        if !self.begun {
            return;
        }
        loop {
            if self.unsettled == 0 {
                if !self.finished {
                    self.finished = true;
                    self.actions.push(Action::Finished);
                }
                return;
            }
            if self.leases.is_empty() && self.pool.is_empty() && self.reserve.is_empty() {
                self.collect_forgotten_rows();
            }
            if self.slots.fastest_idle().is_none() || !self.serve() {
                break;
            }
        }
        let stuck = self.stuck();
        if let Some(reason) = stuck.filter(|_| !self.was_stuck) {
            self.actions.push(Action::Stuck { reason });
        }
        self.was_stuck = stuck.is_some();
    }

    /// Why rows are left that nobody can render, if that is so now. [`Action::Stuck`] says when it begins.
    #[must_use]
    pub fn stuck(&self) -> Option<StuckReason> {
        if !self.begun || self.unsettled == 0 || !self.leases.is_empty() || self.slots.usable() > 0 {
            return None;
        }
        let rows = self.unsettled;
        let is_any_alive = self.slots.alive() > 0;
        Some(if is_any_alive { StuckReason::AllNodesRest { rows } } else { StuckReason::NoSlotLeft { rows } })
    }

    /// Gives work to an idle slot; whether there was any for it.
    fn serve(&mut self) -> bool {
        self.serve_pool() || self.serve_reserve() || self.try_steal(0.0) || self.try_take_over() || self.try_copy()
    }

    /// A net under the accounts: no row may be left without an owner. Where this is no test the picture is worth more than
    /// the mistake: it is counted.
    fn collect_forgotten_rows(&mut self) {
        self.counts.forgotten_rows = self.counts.forgotten_rows.saturating_add(self.unsettled);
        debug_assert!(false, "rows without an owner");
        for run in self.settled.missing(self.job.rows) {
            self.put_back(self.grid.widen(run));
            self.counts.pieces += 1;
        }
    }

    /// The moment of the next [`Event::Tick`] that could change anything, in the same seconds as `now`.
    #[must_use]
    pub fn next_wake(&self) -> Option<f64> {
        self.timers.first().map(|(moment, _)| moment.0)
    }

    /// Rows that are settled, of those to render.
    #[must_use]
    pub fn rows_settled(&self) -> u32 {
        self.job.rows.len() - self.unsettled
    }

    #[must_use]
    pub fn finished(&self) -> bool {
        self.finished
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// At most so many strips are started: slots x (2 + log2 bands), plus lost slots, plus shrinks of way (b). A slot is lost once for
    /// each strip that it does not bring to its end: its agent is gone or out, its POV-Ray failed or yielded, or it stood still and gave
    /// nothing when it was asked, or until it was given up (a copy; or the strip itself, where no start is left for a copy). Further work is a start more each: runs of rows beyond the first that were missing to begin
    /// with, and runs that were refused. Nothing but what slots and agents did is in it.
    #[must_use]
    pub fn start_bound(&self) -> u64 {
        self.allowance()
    }

    /// What finished rows cost so far, for the next job with the same picture. None before the first.
    #[must_use]
    pub fn cost_map(&self) -> Option<CostMap> {
        self.measured_for_next.map(&self.sums).map(|map| CostMap { load: Some(self.usual_load), ..map })
    }

    /// What a start of POV-Ray took on the slots that told it, in seconds of a slot of speed 1.
    #[must_use]
    pub fn start_work(&self) -> Option<f64> {
        self.start_work
    }

    /// Each slot's relative speed as now believed, load included.
    pub fn speeds(&self) -> impl Iterator<Item = (SlotId, f64)> + '_ {
        self.slots.iter().map(|(id, slot)| (id, slot.pace.speed_now()))
    }
}

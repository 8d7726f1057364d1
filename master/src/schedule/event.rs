//! What the scheduler hears and what it says.

use td_protocol::rows::Rows;

use super::cost_map::CostMap;
use super::job::WriteCost;

/// One slot: one POV-Ray process at a time on an agent. Numbered by the caller, for the whole job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u32);

/// The node that a slot belongs to. Numbered by the caller, for the whole job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// One strip given to one slot once. Numbered by the scheduler, never used twice in a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub u64);

/// Something that happened. The moment comes beside it, in seconds on any clock that does not run backwards.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A slot can work. `speed` is relative and above 0 (2.0 renders twice as fast as 1.0), as measured by the agent at
    /// its start. `start_seconds` is what one start of POV-Ray costs there, where the agent has measured it.
    /// For a slot that is already up this means that its agent was started again: what it had is lost.
    SlotUp { slot: SlotId, node: NodeId, speed: f64, start_seconds: Option<f64> },
    /// All slots that were waited for are up (or were waited for long enough): cut now.
    Begin,
    /// The slot has nothing to do. Ignored while the scheduler counts on a strip there; never needed after
    /// `StripEnded` or `StripFailed`.
    SlotIdle { slot: SlotId },
    /// Where the cost of the picture lies, from the probe or from earlier jobs.
    CostMap(CostMap),
    /// The slot's strip has parsed and begins to trace: `seconds` after it was started.
    StartCost { slot: SlotId, seconds: f64 },
    /// What the whole image is expected to take on a slot of speed 1, in seconds: a guess, until rows tell.
    Expected { seconds: f64 },
    /// What writing costs from now on (a job that falls back from way (a) to way (b)).
    WriteCost(WriteCost),
    /// Rows arrived and were verified. `cost_seconds`: CPU seconds that the slot spent on them, 0 where not known;
    /// `ahead_seconds`: those that it has spent since on what follows. An agent looks now and then, and finds the next block begun.
    RowsDone { slot: SlotId, lease: LeaseId, rows: Rows, cost_seconds: f64, ahead_seconds: f64 },
    /// All rows of the strip before row `end` are traced, though not yet here (way (b), or held back).
    Progress { slot: SlotId, lease: LeaseId, end: u32, cost_seconds: f64 },
    /// The strip goes on with the row of blocks that is not finished: `done` of its blocks (0 to 1) are, after
    /// `cost_seconds` CPU seconds since the last finished rows. Said about once a second; never needed.
    Working { slot: SlotId, lease: LeaseId, done: f64, cost_seconds: f64 },
    /// The strip ran to its end, shrunk or not; the slot is free.
    StripEnded { slot: SlotId, lease: LeaseId },
    /// The strip was ended early because the slot is shared with another job: what is left of it is to be started anew,
    /// and nobody has failed.
    StripYielded { slot: SlotId, lease: LeaseId },
    /// The strip ended early, or was given up; the slot is free.
    StripFailed { slot: SlotId, lease: LeaseId, reason: String },
    /// The agent's answer to [`Action::Shrink`]: the end that it accepts.
    ShrinkAnswered { lease: LeaseId, epoch: u32, end: u32 },
    /// The slot is gone: its agent is dead or cannot be reached.
    SlotLost { slot: SlotId },
    /// The slot is known to run at `factor` (0 to 1) of its measured speed, for example by its throttle flags.
    SlotSlow { slot: SlotId, factor: f64 },
    /// The node must not take part any more, for example because its pixels were wrong.
    NodeOut { node: NodeId, reason: String },
    /// The node gets no further strips; what it renders is left to end.
    NodeDrain { node: NodeId, reason: String },
    /// A resting node may work again.
    NodeBack { node: NodeId },
    /// Rows are there without any strip of this scheduler, for example from an agent's cache.
    RowsSettledElsewhere { rows: Rows },
    /// Settled rows turned out to be wrong and must be rendered again.
    RowsRefused { rows: Rows },
    /// Nothing but time has passed; see [`super::Scheduler::next_wake`].
    Tick,
}

/// Something to do, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start a strip. `block_rows` is POV-Ray's block height (`+BS`); `copy` says that the same rows are
    /// being rendered elsewhere too, by a slot that seems stuck.
    Start { slot: SlotId, lease: LeaseId, rows: Rows, block_rows: u32, copy: bool },
    /// Ask the agent to end this strip at row `new_end` (excluded) already.
    Shrink { slot: SlotId, lease: LeaseId, epoch: u32, new_end: u32 },
    /// These rows of this lease are the ones that count: put them into the picture. Each row is settled once; any other
    /// copy of it is to be thrown away. With whole leases this comes when the lease has ended, for all of its rows.
    Settle { lease: LeaseId, rows: Rows },
    /// End this strip; then say `StripEnded` or `StripFailed` for it.
    GiveUp { slot: SlotId, lease: LeaseId, reason: GiveUpReason },
    /// This node gets no strips until [`Event::NodeBack`].
    Rest { node: NodeId, reason: String },
    /// All rows are settled. Said once, the last action.
    Finished,
    /// Rows are left and nobody can render them. A slot that comes up (or a node that comes back) ends it.
    Stuck { reason: StuckReason },
}

/// Why a strip is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GiveUpReason {
    #[error("its rows are already there")]
    RowsAlreadySettled,
    #[error("it is stuck")]
    Stuck,
    #[error("idle slots render its last rows sooner")]
    TakenOver,
    #[error("its node was taken out of the job")]
    NodeOut,
}

/// Why nothing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StuckReason {
    #[error("no slot is left: {rows} rows are not rendered")]
    NoSlotLeft { rows: u32 },
    #[error("no node that can be reached takes strips: {rows} rows are not rendered")]
    AllNodesRest { rows: u32 },
    /// Never said by the scheduler: the picture is rendered, and is to be verified.
    #[error("all rows are rendered, and no node is left to verify them")]
    NoWitnessLeft,
}

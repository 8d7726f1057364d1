//! Who renders which rows, and when rows change hands.
//!
//! [`Scheduler`] is a deterministic state machine: [`Event`]s go in, [`Action`]s come out. It has no clock (each event
//! brings its moment), no socket and no randomness, so the same code steers `td render`, `td simulate` and the tests.
//!
//! The method, with its sources, is on one page in `docs/scheduling.md`. In short: the first cut gives each slot a strip
//! with the same predicted finish (`deal`); a slot that runs dry takes the lower part of the strip that would finish
//! last, so that both finish together, if that pays (`steal`); what finished rows really took corrects the cost of
//! the picture and the speed of each slot (`pace`); rows of a lost slot go back to a pool (`pool`). Every event costs
//! O(log n) of slots, strips and settled runs.
//!
//! How it is driven:
//! 1. [`Event::SlotUp`] for each slot, then [`Event::Begin`].
//! 2. Each [`Action::Start`] becomes a strip on an agent; what the strip says becomes [`Event::StartCost`],
//!    [`Event::RowsDone`] (or [`Event::Progress`]) and one of [`Event::StripEnded`] and [`Event::StripFailed`].
//! 3. [`Event::Tick`] at [`Scheduler::next_wake`], at the latest.
//! 4. [`Action::Settle`] names the rows that go into the picture; [`Action::Finished`] is the end.
//!
//! Events that make no sense (a lease never given, rows outside of it, an epoch gone by) change nothing.

mod arrivals;
mod budget;
mod cost_map;
mod deal;
mod endings;
mod event;
mod grid;
mod heartbeat;
mod job;
mod jumps;
mod lag;
mod lease;
mod level;
mod moment;
mod pace;
mod pool;
mod prediction;
mod row_set;
mod scheduler;
mod serving;
mod shrinking;
mod slots;
mod standing_still;
mod steal;
mod take_over;

pub use cost_map::CostMap;
pub(crate) use cost_map::CostSums;
pub use event::{Action, Event, GiveUpReason, LeaseId, NodeId, SlotId, StuckReason};
pub use heartbeat::Heartbeats;
pub use job::{Job, JobError, Sharing, Tuning, WriteCost};
pub use jumps::with_jumps;
pub use scheduler::{Counts, LATEST, Scheduler};

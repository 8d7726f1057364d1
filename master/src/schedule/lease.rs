//! A strip that was given to a slot.

use td_protocol::rows::Rows;

use super::event::{LeaseId, NodeId, SlotId};
use super::pace::FieldEstimate;
use super::row_set::RowSet;

/// A live lease: the scheduler counts on its slot for the rows `rows.start..end`.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub slot: SlotId,
    pub node: NodeId,
    /// As started. The agent may render all of it where a shrink was not answered.
    pub rows: Rows,
    /// Rows from here on are somebody else's by now.
    pub end: u32,
    /// Block height in rows: the strip can end at `rows.start + k * block`.
    pub block: u32,
    /// All rows before this one are traced.
    pub frontier: u32,
    /// The moment at which `frontier` was reached; before the first rows, the one at which tracing begins.
    pub anchor: f64,
    /// Whether `anchor` was told, not predicted.
    pub anchored: bool,
    pub field: FieldEstimate,
    /// Seconds at speed 1 of all rows so far, and the map's units of them, to start over with a new map.
    pub cpu_seconds: f64,
    /// CPU seconds that the block at work had taken when the rows before it were told.
    pub ahead: f64,
    /// How many times slower than predicted the band at work is, at least; 1 until it is overdue.
    pub stall: f64,
    /// The same by what the agent tells of the band at work; 1 as long as it goes about as predicted.
    pub lag: f64,
    /// How much of that is a slower slot, and goes on: at least 1.
    pub slower: f64,
    /// Rows of `rows.start..end` that are not settled.
    pub unsettled: u32,
    pub epoch: u32,
    pub shrink: Option<PendingShrink>,
    pub twin: Twin,
    /// Copies of it that were stuck as well.
    pub stuck_copies: i32,
    /// The agent has not confirmed `end`: it may go on beyond.
    pub end_unconfirmed: bool,
    /// A shrink was not answered, or gave nothing: no other until something is heard.
    pub deaf: bool,
    /// Rows of it were refused, so rows missing at its end are no failure.
    pub refused: bool,
    /// With whole leases: rows that are here but not settled.
    pub received: RowSet,
    /// As last computed; keys of the ordered sets.
    pub finish: f64,
    /// Speed and finish as they are counted in the [level](super::level), if they are.
    pub counted: Option<(f64, f64)>,
    pub overdue_at: f64,
    pub queued: Queued,
}

/// A shrink that was asked for and not answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingShrink {
    pub new_end: u32,
    /// Who starts on the rows; none: they are kept for whoever is idle first.
    pub thief: Option<SlotId>,
    pub deadline: f64,
}

/// Whether the same rows are rendered twice on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twin {
    None,
    /// Another slot renders the rest of this lease too.
    CopiedBy(LeaseId),
    /// This lease is the other one.
    CopyOf(LeaseId),
}

/// In which ordered set the lease waits to be relieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queued {
    No,
    /// Rows can be taken from it.
    Victim,
    /// Only a copy can help it, or those that take it over.
    Tail,
}

impl Lease {
    /// The rows that this lease answers for.
    pub fn own(&self) -> Rows {
        Rows::new(self.rows.start, self.end)
    }

    /// The rows still to be traced.
    pub fn rest(&self) -> Rows {
        Rows::new(self.frontier.min(self.end), self.end)
    }

    /// The first end that the agent could accept: that of the block at work.
    pub fn first_cut(&self) -> u32 {
        let traced = self.frontier.saturating_sub(self.rows.start);
        let blocks = traced / self.block + 1;
        self.rows.start.saturating_add(blocks.saturating_mul(self.block))
    }

    /// The end of the block at work, or of the strip.
    pub fn block_at_work(&self) -> Rows {
        Rows::new(self.frontier.min(self.end), self.first_cut().min(self.end))
    }

    /// How many times longer than predicted the band at work takes, and then the rows after it.
    pub fn delay(&self) -> (f64, f64) {
        if self.lag > 1.0 { (self.lag, self.slower) } else { (self.stall, self.stall) }
    }

    /// Whose fault a late block at work is: how many times slower its slot is taken to be, and how many times costlier its
    /// rows, which would meet another slot as well. Where the agent has told nothing, each has its half of the delay.
    pub fn blame(&self) -> (f64, f64) {
        if self.lag > 1.0 { (self.slower, self.lag / self.slower) } else { (self.stall.sqrt(), self.stall.sqrt()) }
    }

    pub fn is_copy(&self) -> bool {
        matches!(self.twin, Twin::CopyOf(_))
    }
}

/// A lease that has ended, or whose slot was lost. Rows of it may still arrive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retired {
    pub slot: SlotId,
    pub rows: Rows,
}

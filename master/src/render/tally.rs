//! What each slot did, for the display and the report.

use std::collections::HashMap;
use std::time::Instant;

use crate::schedule::SlotId;

/// One slot's work.
#[derive(Debug, Clone, Default)]
pub struct SlotTally {
    /// Rows that went into the picture.
    pub rows: u32,
    pub strips: u32,
    /// CPU seconds of POV-Ray for rows that were sent.
    pub cpu: f64,
    /// CPU seconds of POV-Ray in all: starts, parsing and writing too.
    pub povray_cpu: f64,
    /// CPU seconds of the agent's own work.
    pub agent_cpu: f64,
    /// Seconds with a strip.
    pub busy: f64,
    busy_since: Option<Instant>,
}

/// All slots' work.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    slots: HashMap<SlotId, SlotTally>,
}

impl Tally {
    pub fn slot(&mut self, slot: SlotId) -> &mut SlotTally {
        self.slots.entry(slot).or_default()
    }

    #[must_use]
    pub fn get(&self, slot: SlotId) -> SlotTally {
        self.slots.get(&slot).cloned().unwrap_or_default()
    }

    pub fn begin(&mut self, slot: SlotId, now: Instant) {
        let tally = self.slot(slot);
        tally.strips += 1;
        tally.busy_since.get_or_insert(now);
    }

    pub fn end(&mut self, slot: SlotId, now: Instant) {
        let tally = self.slot(slot);
        if let Some(since) = tally.busy_since.take() {
            tally.busy += now.duration_since(since).as_secs_f64();
        }
    }

    /// Ends all slots that still count as busy.
    pub fn end_all(&mut self, now: Instant) {
        let slots: Vec<SlotId> = self.slots.keys().copied().collect();
        for slot in slots {
            self.end(slot, now);
        }
    }

    #[must_use]
    pub fn is_busy(&self, slot: SlotId) -> bool {
        self.slots.get(&slot).is_some_and(|tally| tally.busy_since.is_some())
    }
}

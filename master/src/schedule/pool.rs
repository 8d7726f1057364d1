//! Rows that nobody renders: all of them at first, those of lost slots later.

use std::collections::BTreeSet;

use td_protocol::rows::Rows;

use super::moment::Moment;
use super::row_set::RowSet;

/// Runs of rows that wait for a slot, the costliest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    pieces: BTreeSet<(Moment, u32, u32)>,
    seconds: f64,
}

impl Pool {
    /// `seconds`: what the rows are believed to cost.
    pub fn put(&mut self, rows: Rows, seconds: f64) {
        if !rows.is_empty() && self.pieces.insert((Moment(-seconds), rows.start, rows.end)) {
            self.seconds += seconds;
        }
    }

    /// Takes the costliest piece, without the settled rows at its ends.
    pub fn take(&mut self, settled: &RowSet) -> Option<Rows> {
        while let Some((seconds, start, end)) = self.pieces.pop_first() {
            self.seconds += seconds.0;
            if let Some(rows) = settled.missing_hull(Rows::new(start, end)) {
                return Some(rows);
            }
        }
        self.seconds = 0.0;
        None
    }

    /// `rows` and all pieces that have rows in common with them, taken out: no row waits twice.
    pub fn take_overlapping(&mut self, rows: Rows) -> Rows {
        let overlaps = |&&(_, start, end): &&(Moment, u32, u32)| start < rows.end && rows.start < end;
        let found: Vec<_> = self.pieces.iter().filter(overlaps).copied().collect();
        found.into_iter().fold(rows, |all, piece| {
            self.pieces.remove(&piece);
            let (seconds, start, end) = piece;
            self.seconds += seconds.0;
            Rows::new(all.start.min(start), all.end.max(end))
        })
    }

    /// All pieces, taken out.
    pub fn drain(&mut self) -> Vec<Rows> {
        self.seconds = 0.0;
        let pieces = std::mem::take(&mut self.pieces);
        pieces.into_iter().map(|(_, start, end)| Rows::new(start, end)).collect()
    }

    /// What all pieces cost, in seconds at speed 1.
    pub fn seconds(&self) -> f64 {
        self.seconds.max(0.0)
    }

    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

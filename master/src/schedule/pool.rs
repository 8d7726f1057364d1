//! Rows that nobody renders: all of them at first, those of lost slots later.

use std::collections::BTreeSet;

use td_protocol::rows::Rows;

use super::moment::Moment;
use super::row_set::RowSet;

/// Runs of rows that wait for a slot, the costliest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    pieces: BTreeSet<(Moment, u32, u32)>,
}

impl Pool {
    /// `seconds`: what the rows are believed to cost.
    pub fn put(&mut self, rows: Rows, seconds: f64) {
        if !rows.is_empty() {
            self.pieces.insert((Moment(-seconds), rows.start, rows.end));
        }
    }

    /// Takes the costliest piece, without the settled rows at its ends.
    pub fn take(&mut self, settled: &RowSet) -> Option<Rows> {
        while let Some((_, start, end)) = self.pieces.pop_first() {
            if let Some(rows) = settled.missing_hull(Rows::new(start, end)) {
                return Some(rows);
            }
        }
        None
    }

    /// What the costliest piece costs, in seconds.
    pub fn costliest(&self) -> Option<f64> {
        self.pieces.first().map(|(seconds, _, _)| -seconds.0)
    }

    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

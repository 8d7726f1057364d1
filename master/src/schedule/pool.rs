//! Rows that nobody renders: all of them at first, those of lost slots later.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use td_protocol::rows::Rows;

use super::row_set::RowSet;

/// Runs of rows that wait for a slot, longest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    pieces: BTreeSet<(Reverse<u32>, u32)>,
}

impl Pool {
    pub fn put(&mut self, rows: Rows) {
        if !rows.is_empty() {
            self.pieces.insert((Reverse(rows.len()), rows.start));
        }
    }

    /// Takes the longest piece, without the settled rows at its ends.
    pub fn take(&mut self, settled: &RowSet) -> Option<Rows> {
        while let Some((Reverse(length), start)) = self.pieces.pop_first() {
            if let Some(rows) = settled.missing_hull(Rows::new(start, start + length)) {
                return Some(rows);
            }
        }
        None
    }

    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

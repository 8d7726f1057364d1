//! Which rows are settled, and where the chunk of each run lies in the spool.

use std::collections::BTreeMap;

use td_protocol::rows::Rows;

/// One settled run of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub rows: Rows,
    /// Where the IDAT chunk starts in the spool file.
    pub offset: u64,
    /// Bytes of the whole chunk: length, kind, data and CRC.
    pub chunk_len: u64,
    pub raw_len: u64,
    pub adler32: u32,
}

/// The settled runs by first row; no two overlap.
#[derive(Debug, Default)]
pub(super) struct Settled {
    by_start: BTreeMap<u32, Entry>,
    rows: u64,
}

impl Settled {
    /// The runs within `rows` that are not settled, top down.
    pub(super) fn missing_in(&self, rows: Rows) -> Vec<Rows> {
        let mut missing = Vec::new();
        let mut at = rows.start;
        // The one run that starts before `rows` can reach into it.
        let before = self.by_start.range(..rows.start).next_back().map(|(_, entry)| entry);
        let within = self.by_start.range(rows.start..rows.end.max(rows.start)).map(|(_, entry)| entry);
        for entry in before.into_iter().chain(within) {
            if entry.rows.start > at {
                missing.push(Rows::new(at, entry.rows.start));
            }
            at = at.max(entry.rows.end);
        }
        if at < rows.end {
            missing.push(Rows::new(at, rows.end));
        }
        missing
    }

    /// Settles a run. `false`, and nothing changes, when any of its rows is settled already.
    pub(super) fn insert(&mut self, entry: Entry) -> bool {
        let free = !entry.rows.is_empty() && self.missing_in(entry.rows) == [entry.rows];
        if free {
            self.rows += u64::from(entry.rows.len());
            self.by_start.insert(entry.rows.start, entry);
        }
        free
    }

    /// How many rows are settled.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// All runs, top down.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.by_start.values()
    }
}

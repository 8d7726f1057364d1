//! Which rows are settled, and where the chunk of each run lies in the spool.

use std::collections::BTreeMap;

use td_protocol::rows::Rows;

use super::maker::Maker;

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
    pub maker: Maker,
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

    /// Takes all runs of a maker out, and returns them, top down.
    pub(super) fn remove(&mut self, maker: Maker) -> Vec<Rows> {
        let gone: Vec<Rows> = self.entries().filter(|entry| entry.maker == maker).map(|entry| entry.rows).collect();
        for rows in &gone {
            self.by_start.remove(&rows.start);
            self.rows -= u64::from(rows.len());
        }
        gone
    }

    /// The run that begins at this row.
    pub(super) fn starting_at(&self, row: u32) -> Option<Entry> {
        self.by_start.get(&row).copied()
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

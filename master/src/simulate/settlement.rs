//! The simulation's own account of rows, apart from the scheduler's.

use td_protocol::rows::Rows;

/// One bit for each row.
#[derive(Debug)]
pub(super) struct Settlement {
    bits: Vec<u64>,
    pub settled: u32,
    pub twice: u32,
}

impl Settlement {
    pub fn new(height: u32) -> Self {
        Self { bits: vec![0; height as usize / 64 + 1], settled: 0, twice: 0 }
    }

    pub fn settle(&mut self, rows: Rows) {
        for row in rows.start..rows.end {
            let Some(word) = self.bits.get_mut(row as usize / 64) else {
                continue;
            };
            let bit = 1u64 << (row % 64);
            if *word & bit == 0 {
                *word |= bit;
                self.settled += 1;
            } else {
                self.twice += 1;
            }
        }
    }
}

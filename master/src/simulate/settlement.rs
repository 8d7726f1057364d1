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

    /// The runs of `rows` that were not settled before, top down.
    pub fn settle(&mut self, rows: Rows) -> Vec<Rows> {
        let mut new: Vec<Rows> = Vec::new();
        for row in rows.start..rows.end {
            let Some(word) = self.bits.get_mut(row as usize / 64) else {
                continue;
            };
            let bit = 1u64 << (row % 64);
            if *word & bit != 0 {
                self.twice += 1;
                continue;
            }
            *word |= bit;
            self.settled += 1;
            match new.last_mut() {
                Some(run) if run.end == row => run.end += 1,
                _ => new.push(Rows::new(row, row + 1)),
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_were_there_are_counted_and_not_told_again() {
        let mut settlement = Settlement::new(100);
        assert_eq!(settlement.settle(Rows::new(40, 70)), [Rows::new(40, 70)]);
        assert_eq!(settlement.settle(Rows::new(30, 80)), [Rows::new(30, 40), Rows::new(70, 80)]);
        assert_eq!((settlement.settled, settlement.twice), (50, 30));
        assert!(settlement.settle(Rows::new(30, 80)).is_empty());
    }
}

//! Where strips may begin and end.

use td_protocol::rows::Rows;

/// Boundaries at `origin + k * step`, and at both ends of the job's rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub rows: Rows,
    pub origin: u32,
    pub step: u32,
}

impl Grid {
    /// The last boundary at or before `row`.
    pub fn floor(&self, row: u32) -> u32 {
        let row = row.clamp(self.rows.start, self.rows.end);
        if row == self.rows.end {
            return row;
        }
        let phase = (i64::from(row) - i64::from(self.origin)).rem_euclid(i64::from(self.step));
        let floor = i64::from(row) - phase;
        u32::try_from(floor).unwrap_or(0).max(self.rows.start)
    }

    /// The first boundary at or after `row`.
    pub fn ceil(&self, row: u32) -> u32 {
        let row = row.clamp(self.rows.start, self.rows.end);
        let floor = self.floor(row);
        if floor == row {
            return row;
        }
        let phase = (i64::from(row) - i64::from(self.origin)).rem_euclid(i64::from(self.step));
        let ceil = i64::from(row) + i64::from(self.step) - phase;
        u32::try_from(ceil).unwrap_or(u32::MAX).min(self.rows.end)
    }

    /// The boundary nearest to `row`.
    pub fn nearest(&self, row: f64) -> u32 {
        let row = row.clamp(f64::from(self.rows.start), f64::from(self.rows.end));
        let below = self.floor(row as u32);
        let above = self.ceil(below.saturating_add(1));
        if row - f64::from(below) <= f64::from(above) - row { below } else { above }
    }

    /// `rows` widened to boundaries.
    pub fn widen(&self, rows: Rows) -> Rows {
        Rows::new(self.floor(rows.start), self.ceil(rows.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_multiples_from_the_origin_and_both_ends() {
        let grid = Grid { rows: Rows::new(10, 100), origin: 0, step: 32 };
        assert_eq!(
            (grid.floor(10), grid.floor(31), grid.floor(32), grid.floor(99), grid.floor(100)),
            (10, 10, 32, 96, 100)
        );
        assert_eq!(
            (grid.ceil(10), grid.ceil(11), grid.ceil(32), grid.ceil(97), grid.ceil(500)),
            (10, 32, 32, 100, 100)
        );
        assert_eq!((grid.nearest(40.0), grid.nearest(60.0), grid.nearest(99.0)), (32, 64, 100));
        let shifted = Grid { rows: Rows::new(10, 100), origin: 10, step: 32 };
        assert_eq!((shifted.floor(50), shifted.ceil(50), shifted.ceil(80)), (42, 74, 100));
        let later = Grid { rows: Rows::new(10, 100), origin: 20, step: 32 };
        assert_eq!((later.floor(15), later.ceil(15)), (10, 20));
    }
}

//! Where the cost of a picture lies.

use td_protocol::rows::Rows;

/// The cost of equal runs of rows, top down, over the whole height of an image: from a probe, from earlier jobs, or
/// from a recording. Only the proportions count, but for `seconds`.
#[derive(Debug, Clone, PartialEq)]
pub struct CostMap {
    /// One number for each run of rows; those that are not above 0 count as very cheap.
    pub costs: Vec<f64>,
    /// What the whole image takes on a slot of speed 1, in CPU seconds, where that is known.
    pub seconds: Option<f64>,
    /// Wall seconds for each CPU second on the slots of this job, where that is known: above 1 where other work, or a
    /// limit, takes a part of the processor.
    pub load: Option<f64>,
}

/// A cost map laid over an image, as running sums. The mean cost of a row is 1 unit.
#[derive(Debug, Clone)]
pub(crate) struct CostSums {
    sums: Vec<f64>,
    cell_rows: f64,
    known: bool,
}

/// No row costs less than this share of the mean: even empty rows are traced.
const CHEAPEST: f64 = 0.01;

impl CostSums {
    /// Nothing is known: all rows cost the same.
    pub fn uniform(height: u32) -> Self {
        let height = f64::from(height.max(1));
        Self { sums: vec![0.0, height], cell_rows: height, known: false }
    }

    pub fn new(map: &CostMap, height: u32) -> Self {
        let sane = |cost: f64| {
            if cost.is_finite() && cost > 0.0 { cost } else { 0.0 }
        };
        let total: f64 = map.costs.iter().copied().map(sane).sum();
        if map.costs.is_empty() || total <= 0.0 || !total.is_finite() {
            return Self::uniform(height);
        }
        let cells = map.costs.len() as f64;
        let cell_rows = f64::from(height.max(1)) / cells;
        let mut sums = Vec::with_capacity(map.costs.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for &cost in &map.costs {
            sum += (sane(cost) / total * cells).max(CHEAPEST) * cell_rows;
            sums.push(sum);
        }
        // The floor may have added a little.
        let scale = f64::from(height.max(1)) / sum;
        for sum in &mut sums {
            *sum *= scale;
        }
        Self { sums, cell_rows, known: true }
    }

    pub fn known(&self) -> bool {
        self.known
    }

    /// Units of all rows before `row`.
    pub fn before(&self, row: f64) -> f64 {
        let cells = self.sums.len() - 1;
        let position = (row / self.cell_rows).clamp(0.0, cells as f64);
        let cell = (position as usize).min(cells - 1);
        let (low, high) = (self.sums[cell], self.sums[cell + 1]);
        low + (high - low) * (position - cell as f64)
    }

    /// Units of `rows`.
    pub fn of(&self, rows: Rows) -> f64 {
        if rows.is_empty() { 0.0 } else { self.before(f64::from(rows.end)) - self.before(f64::from(rows.start)) }
    }

    /// The row before which `units` lie.
    pub fn row_at(&self, units: f64) -> f64 {
        let cells = self.sums.len() - 1;
        let cell = self.sums.partition_point(|&sum| sum <= units).clamp(1, cells) - 1;
        let (low, high) = (self.sums[cell], self.sums[cell + 1]);
        let part = if high > low { ((units - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        (cell as f64 + part) * self.cell_rows
    }
}

/// What finished rows really cost, in seconds of a slot of speed 1, by equal runs of rows.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    seconds: Vec<f64>,
    rows: Vec<f64>,
    cell_rows: f64,
}

impl Measured {
    /// `cells` runs over `height` rows.
    pub fn new(height: u32, cells: usize) -> Self {
        let cells = cells.clamp(1, 1024);
        Self { seconds: vec![0.0; cells], rows: vec![0.0; cells], cell_rows: f64::from(height.max(1)) / cells as f64 }
    }

    pub fn add(&mut self, rows: Rows, seconds: f64) {
        let (start, end) = (f64::from(rows.start), f64::from(rows.end));
        let last = self.seconds.len() - 1;
        let first_cell = ((start / self.cell_rows) as usize).min(last);
        let last_cell = ((end / self.cell_rows) as usize).min(last);
        for cell in first_cell..=last_cell {
            let from = start.max(cell as f64 * self.cell_rows);
            let to = end.min((cell + 1) as f64 * self.cell_rows);
            if to > from {
                self.rows[cell] += to - from;
                self.seconds[cell] += seconds * (to - from) / (end - start);
            }
        }
    }

    /// As [`Self::add`]; within `rows` the cost lies as `sums` has it.
    pub fn add_like(&mut self, rows: Rows, seconds: f64, sums: &CostSums) {
        let units = sums.of(rows);
        if units <= 0.0 {
            return;
        }
        let mut start = rows.start;
        while start < rows.end {
            // From the boundary of one cell to the next.
            let cell = (f64::from(start) / self.cell_rows) as u32 + 1;
            let end = ((f64::from(cell) * self.cell_rows).ceil() as u32).clamp(start + 1, rows.end);
            let part = Rows::new(start, end);
            self.add(part, seconds * sums.of(part) / units);
            start = end;
        }
    }

    /// Seconds per row just above and just below `rows`, where either was measured.
    pub fn seconds_per_row_near(&self, rows: Rows) -> Option<f64> {
        let cell = |row: f64| {
            let cell = (row / self.cell_rows) as usize;
            let rows = self.rows.get(cell).copied().filter(|rows| *rows > 0.0)?;
            Some(self.seconds[cell] / rows)
        };
        let above = if rows.start > 0 { cell(f64::from(rows.start) - 0.5) } else { None };
        match (above, cell(f64::from(rows.end) + 0.5)) {
            (Some(above), Some(below)) => Some(f64::midpoint(above, below)),
            (one, other) => one.or(other),
        }
    }

    /// Seconds per unit of `sums`, over all that was measured; none if nothing was.
    pub fn seconds_per_unit(&self, sums: &CostSums) -> Option<f64> {
        let mut seconds = 0.0;
        let mut units = 0.0;
        for cell in 0..self.seconds.len() {
            if self.rows[cell] > 0.0 {
                let from = cell as f64 * self.cell_rows;
                let whole = sums.before(from + self.cell_rows) - sums.before(from);
                seconds += self.seconds[cell];
                units += whole * self.rows[cell] / self.cell_rows;
            }
        }
        (seconds > 0.0 && units > 0.0).then(|| seconds / units)
    }

    /// The map for the next job: measured where something was, else as `sums` has it.
    pub fn map(&self, sums: &CostSums) -> Option<CostMap> {
        let per_unit = self.seconds_per_unit(sums)?;
        let costs: Vec<f64> = (0..self.seconds.len())
            .map(|cell| {
                if self.rows[cell] > 0.0 {
                    self.seconds[cell] / self.rows[cell] * self.cell_rows
                } else {
                    let from = cell as f64 * self.cell_rows;
                    (sums.before(from + self.cell_rows) - sums.before(from)) * per_unit
                }
            })
            .collect();
        let seconds = costs.iter().sum();
        Some(CostMap { costs, seconds: Some(seconds), load: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_the_map_and_can_be_turned_round() {
        let sums = CostSums::new(&CostMap { costs: vec![1.0, 3.0], seconds: None, load: None }, 100);
        assert!((sums.of(Rows::new(0, 50)) - 25.0).abs() < 1e-9);
        assert!((sums.of(Rows::new(0, 100)) - 100.0).abs() < 1e-9);
        for row in [0.0, 10.0, 49.0, 51.0, 99.0] {
            assert!((sums.row_at(sums.before(row)) - row).abs() < 1e-6, "{row}");
        }
        assert!((sums.row_at(1e9) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_map_without_sense_is_no_map() {
        for costs in [vec![], vec![0.0, 0.0], vec![f64::NAN, -1.0], vec![f64::INFINITY]] {
            assert!(!CostSums::new(&CostMap { costs, seconds: None, load: None }, 10).known());
        }
    }

    #[test]
    fn what_was_measured_makes_the_next_map() {
        let sums = CostSums::uniform(100);
        let mut measured = Measured::new(100, 4);
        assert!(measured.map(&sums).is_none());
        measured.add(Rows::new(0, 50), 10.0);
        measured.add(Rows::new(50, 75), 20.0);
        let map = measured.map(&sums).unwrap();
        assert_eq!(map.costs, [5.0, 5.0, 20.0, 10.0]);
    }

    #[test]
    fn what_a_band_cost_lies_within_it_as_the_map_before_had_it() {
        let sums = CostSums::new(&CostMap { costs: vec![1.0, 3.0, 2.0, 2.0], seconds: None, load: None }, 100);
        let mut measured = Measured::new(100, 4);
        measured.add_like(Rows::new(0, 50), 8.0, &sums);
        measured.add_like(Rows::new(50, 100), 2.0, &sums);
        for (cost, expected) in measured.map(&sums).unwrap().costs.into_iter().zip([2.0, 6.0, 1.0, 1.0]) {
            assert!((cost - expected).abs() < 1e-9, "{cost} {expected}");
        }
        // Cells that do not begin at whole rows, and none at all.
        let mut measured = Measured::new(10, 3);
        measured.add_like(Rows::new(2, 9), 7.0, &CostSums::uniform(10));
        measured.add_like(Rows::new(9, 9), 7.0, &CostSums::uniform(10));
        let map = measured.map(&CostSums::uniform(10)).unwrap();
        assert!((map.seconds.unwrap() - 10.0).abs() < 1e-9, "{map:?}");
    }
}

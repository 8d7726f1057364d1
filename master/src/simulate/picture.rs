//! What each row of the simulated picture truly costs.

use td_protocol::rows::Rows;

use crate::schedule::{CostMap, CostSums};

use super::dice::share_at;
use super::options::SimulateOptions;

/// Rows that share one value of noise.
const TILE: u32 = 8;

/// The recorded map, stretched over the image, with noise. Costs are seconds at speed 1.
#[derive(Debug)]
pub(super) struct Picture {
    sums: CostSums,
    scale: f64,
    noise: f64,
    seed: u64,
    height: u32,
}

impl Picture {
    pub fn new(options: &SimulateOptions) -> Self {
        let height = options.height();
        let map = CostMap { costs: options.map.clone(), seconds: None, load: None };
        let mut picture =
            Self { sums: CostSums::new(&map, height), scale: 1.0, noise: options.noise, seed: options.seed, height };
        let total = picture.cost(Rows::new(0, height));
        picture.scale = options.work * options.total_speed() / total;
        picture
    }

    /// Seconds at speed 1 for `rows`.
    pub fn cost(&self, rows: Rows) -> f64 {
        let mut seconds = 0.0;
        let mut row = rows.start;
        while row < rows.end {
            let tile = row / TILE;
            let end = (tile + 1).saturating_mul(TILE).min(rows.end);
            let noise = 1.0 + self.noise * (2.0 * share_at(self.seed, u64::from(tile)) - 1.0);
            seconds += self.sums.of(Rows::new(row, end)) * noise;
            row = end;
        }
        seconds * self.scale
    }

    /// What an earlier job of the same picture measured: `cells` runs of rows, each within 2 %, and how long all took.
    pub fn kept(&self, cells: usize) -> CostMap {
        let cells = cells.clamp(1, self.height as usize);
        let bound = |cell: usize| (u64::from(self.height) * cell as u64 / cells as u64) as u32;
        let costs: Vec<f64> = (0..cells)
            .map(|cell| {
                let error = 0.04 * share_at(self.seed ^ 0x6b65_7074, cell as u64) - 0.02;
                self.cost(Rows::new(bound(cell), bound(cell + 1))) * (1.0 + error)
            })
            .collect();
        let seconds = costs.iter().sum();
        CostMap { costs, seconds: Some(seconds), load: Some(1.0) }
    }

    /// What a probe lets expect of the whole, within 20 %: seconds at speed 1.
    pub fn expected(&self) -> f64 {
        let error = 0.4 * share_at(self.seed ^ 0x6578_7065, 0) - 0.2;
        self.cost(Rows::new(0, self.height)) * (1.0 + error)
    }

    /// What a probe of the whole view finds: `cells` runs of rows, each within 5 %.
    pub fn probe(&self, cells: usize) -> CostMap {
        let cells = cells.clamp(1, self.height as usize);
        let height = f64::from(self.height);
        let costs = (0..cells)
            .map(|cell| {
                let from = height * cell as f64 / cells as f64;
                let to = height * (cell + 1) as f64 / cells as f64;
                let error = 0.1 * share_at(self.seed ^ 0x70_726f_6265, cell as u64) - 0.05;
                (self.sums.before(to) - self.sums.before(from)) * (1.0 + error)
            })
            .collect();
        CostMap { costs, seconds: None, load: None }
    }
}

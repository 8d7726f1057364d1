//! Where the cost jumps inside one run of rows of a small view.
//!
//! A view has few rows of blocks, and the edge of a sky or of a table lies somewhere in one of them: its cost is a mean of the
//! cheap and the dear rows. Taken for even, it puts a boundary in it off by a tenth of a strip. Where the runs on both sides are
//! level, what the mean tells is where the jump lies (subcell resolution: A. Harten, ENO schemes with subcell resolution,
//! Journal of Computational Physics 83, 1989).

/// Parts that each run of rows is divided into.
const PARTS: usize = 8;
/// The runs on both sides of a jump differ so many times at least: a slope is no jump.
const STEEP: f64 = 2.0;
/// How much the next run on either side may differ from them, as a share of the jump.
const LEVEL: f64 = 0.5;

/// The costs of equal runs of rows, top down, as those of eighths of these runs, with each jump where it lies. Each run keeps its
/// cost.
#[must_use]
pub fn with_jumps(costs: &[f64]) -> Vec<f64> {
    let mut parts = Vec::with_capacity(costs.len() * PARTS);
    for (index, &cost) in costs.iter().enumerate() {
        match jump_in(costs, index) {
            Some((above, below, place)) => parts.extend((0..PARTS).map(|part| {
                let (start, end) = (part as f64 / PARTS as f64, (part + 1) as f64 / PARTS as f64);
                let before = place.clamp(start, end) - start;
                above * before + below * (end - start - before)
            })),
            None => parts.extend(std::iter::repeat_n(cost / PARTS as f64, PARTS)),
        }
    }
    parts
}

/// The costs above and below a jump in this run, and where it is in it, 0 to 1.
fn jump_in(costs: &[f64], index: usize) -> Option<(f64, f64, f64)> {
    let cost = costs.get(index)?;
    let (&above, &below) = (costs.get(index.checked_sub(1)?)?, costs.get(index + 1)?);
    let (low, high) = (above.min(below), above.max(below));
    let height = high - low;
    let is_level = |next: Option<&f64>, side: f64| next.is_some_and(|next| (next - side).abs() <= LEVEL * height);
    let is_jump = low >= 0.0
        && high.is_finite()
        && high > STEEP * low
        && (low..=high).contains(cost)
        && is_level(index.checked_sub(2).and_then(|next| costs.get(next)), above)
        && is_level(costs.get(index + 2), below);
    is_jump.then(|| (above, below, (below - cost) / (below - above)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cost of the rows before this part of the whole.
    fn before(costs: &[f64], part: f64) -> f64 {
        let place = part * costs.len() as f64;
        let whole: f64 = costs.iter().take(place as usize).sum();
        whole + costs.get(place as usize).map_or(0.0, |cost| cost * place.fract())
    }

    #[test]
    fn an_edge_lies_where_the_mean_tells() {
        // A sky down to 2.3 runs, then ground that is ten times as dear.
        let costs = [1.0, 1.0, 0.3 + 0.7 * 10.0, 10.0, 10.0];
        let found = with_jumps(&costs);
        for (row, wanted) in [(0.4, 2.0), (0.46, 2.3), (0.5, 2.3 + 2.0), (0.6, 2.3 + 7.0)] {
            assert!((before(&found, row) - wanted).abs() < 0.3, "{row}: {} {wanted}", before(&found, row));
        }
        assert!((before(&costs, 0.5) - 4.3).abs() > 1.0, "even, it would be far off");
        let upwards: Vec<f64> = costs.iter().rev().copied().collect();
        let mirrored: Vec<f64> = found.iter().rev().copied().collect();
        assert!(with_jumps(&upwards).iter().zip(&mirrored).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn slopes_and_peaks_are_even() {
        for costs in [[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 1.0, 9.0, 1.0, 1.0], [1.0, 3.0, 9.0, 27.0, 81.0]] {
            let found = with_jumps(&costs);
            assert!(
                found.iter().enumerate().all(|(part, cost)| *cost == costs[part / PARTS] / PARTS as f64),
                "{costs:?}"
            );
        }
        assert!(with_jumps(&[]).is_empty());
        assert_eq!(with_jumps(&[8.0]), [1.0; 8]);
        assert!(with_jumps(&[f64::NAN, 1.0, f64::INFINITY, -1.0, 3.0]).len() == 40);
    }

    proptest! {
        #[test]
        fn each_run_keeps_its_cost(costs in proptest::collection::vec(0.0..100.0f64, 0..40)) {
            let found = with_jumps(&costs);
            prop_assert!(found.iter().all(|cost| *cost >= 0.0));
            for (run, cost) in found.chunks(PARTS).zip(&costs) {
                prop_assert!((run.iter().sum::<f64>() - cost).abs() < 1e-6);
            }
        }
    }
}

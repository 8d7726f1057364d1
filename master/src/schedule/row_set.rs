//! A set of rows, kept as disjoint runs.

use std::collections::BTreeMap;

use td_protocol::rows::Rows;

/// Runs that neither overlap nor touch. Every operation takes O(log n) and the runs it meets.
#[derive(Debug, Clone, Default)]
pub(super) struct RowSet {
    runs: BTreeMap<u32, u32>,
}

impl RowSet {
    /// Adds `rows` and pushes the parts that were not there before to `new`, in order.
    pub fn insert(&mut self, rows: Rows, new: &mut Vec<Rows>) {
        if rows.is_empty() {
            return;
        }
        let mut merged = rows;
        let mut cursor = rows.end;
        let first_new = new.len();
        while let Some((&start, &end)) = self.runs.range(..=rows.end).next_back() {
            if end < rows.start {
                break;
            }
            if end < cursor {
                new.push(Rows::new(end.max(rows.start), cursor));
            }
            cursor = cursor.min(start.max(rows.start));
            merged = Rows::new(merged.start.min(start), merged.end.max(end));
            self.runs.remove(&start);
        }
        if cursor > rows.start {
            new.push(Rows::new(rows.start, cursor));
        }
        new[first_new..].reverse();
        new.retain(|run| !run.is_empty());
        self.runs.insert(merged.start, merged.end);
    }

    /// Takes `rows` out and pushes the parts that were there to `gone`, in order.
    pub fn remove(&mut self, rows: Rows, gone: &mut Vec<Rows>) {
        if rows.is_empty() {
            return;
        }
        let first_gone = gone.len();
        while let Some((&start, &end)) = self.runs.range(..rows.end).next_back() {
            if end <= rows.start {
                break;
            }
            self.runs.remove(&start);
            gone.push(Rows::new(start.max(rows.start), end.min(rows.end)));
            if end > rows.end {
                self.runs.insert(rows.end, end);
            }
            if start < rows.start {
                self.runs.insert(start, rows.start);
                break;
            }
        }
        gone[first_gone..].reverse();
    }

    /// The runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = Rows> + '_ {
        self.runs.iter().map(|(&start, &end)| Rows::new(start, end))
    }

    /// The runs of `within` that are not in the set, in order.
    pub fn missing(&self, within: Rows) -> Vec<Rows> {
        let mut missing = Vec::new();
        let mut cursor = within.start;
        for run in self.overlapping(within) {
            if run.start > cursor {
                missing.push(Rows::new(cursor, run.start));
            }
            cursor = run.end;
        }
        if cursor < within.end {
            missing.push(Rows::new(cursor, within.end));
        }
        missing
    }

    /// From the first to the last row of `within` that is not in the set; rows between may be. None if all are there.
    pub fn missing_hull(&self, within: Rows) -> Option<Rows> {
        let mut hull = within;
        if let Some((_, &end)) = self.runs.range(..=hull.start).next_back() {
            hull.start = hull.start.max(end);
        }
        if let Some((&start, &end)) = self.runs.range(..hull.end).next_back()
            && end >= hull.end
        {
            hull.end = hull.end.min(start);
        }
        (!hull.is_empty()).then_some(hull)
    }

    /// How many rows of `within` are not in the set.
    pub fn count_missing(&self, within: Rows) -> u32 {
        let there: u32 = self.overlapping(within).map(Rows::len).sum();
        within.len() - there.min(within.len())
    }

    fn overlapping(&self, within: Rows) -> impl Iterator<Item = Rows> + '_ {
        let before = self.runs.range(..within.start).next_back().map(|(&start, &end)| Rows::new(start, end));
        let after =
            self.runs.range(within.start..within.end.max(within.start)).map(|(&start, &end)| Rows::new(start, end));
        before
            .into_iter()
            .chain(after)
            .map(move |run| Rows::new(run.start.max(within.start), run.end.min(within.end)))
            .filter(|run| !run.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn new_parts_are_told_once_and_in_order() {
        let mut set = RowSet::default();
        let mut new = Vec::new();
        set.insert(Rows::new(10, 20), &mut new);
        set.insert(Rows::new(30, 40), &mut new);
        new.clear();
        set.insert(Rows::new(5, 45), &mut new);
        assert_eq!(new, [Rows::new(5, 10), Rows::new(20, 30), Rows::new(40, 45)]);
        assert_eq!(set.missing(Rows::new(0, 50)), [Rows::new(0, 5), Rows::new(45, 50)]);
    }

    proptest! {
        #[test]
        fn behaves_like_a_list_of_flags(steps in proptest::collection::vec((any::<bool>(), 0u32..60, 0u32..25), 1..40)) {
            let mut set = RowSet::default();
            let mut flags = [false; 100];
            for (add, start, length) in steps {
                let rows = Rows::new(start, start + length);
                let mut told = Vec::new();
                if add { set.insert(rows, &mut told) } else { set.remove(rows, &mut told) }
                let mut expected = [false; 100];
                for row in start..start + length {
                    expected[row as usize] = flags[row as usize] != add;
                    flags[row as usize] = add;
                }
                let mut seen = [false; 100];
                for run in &told {
                    for row in run.start..run.end { seen[row as usize] = true; }
                }
                prop_assert_eq!(seen, expected);
                prop_assert!(told.windows(2).all(|pair| pair[0].end <= pair[1].start));
                let within = Rows::new(7, 71);
                let missing: Vec<u32> = set.missing(within).iter().flat_map(|run| run.start..run.end).collect();
                let by_flags: Vec<u32> = (7..71).filter(|&row| !flags[row as usize]).collect();
                prop_assert_eq!(set.count_missing(within) as usize, by_flags.len());
                let hull = set.missing_hull(within);
                prop_assert_eq!(hull.map(|rows| rows.start), by_flags.first().copied());
                prop_assert_eq!(hull.map(|rows| rows.end - 1), by_flags.last().copied());
                prop_assert_eq!(missing, by_flags);
            }
        }
    }
}

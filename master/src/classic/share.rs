//! Equal strips of rows.

use td_protocol::rows::Rows;

/// `height` rows in as many strips as there are slots, equal to within a row, top down. Fewer strips where there are
/// fewer rows than slots.
pub fn equal(height: u32, slots: usize) -> Vec<Rows> {
    let count = u32::try_from(slots).unwrap_or(u32::MAX).min(height);
    let bound = |index: u32| u32::try_from(u64::from(index) * u64::from(height) / u64::from(count)).unwrap_or(height);
    (0..count).map(|index| Rows::new(bound(index), bound(index + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_are_equal_and_cover_all() {
        assert_eq!(equal(600, 8).iter().map(|rows| rows.len()).collect::<Vec<_>>(), [75; 8]);
        for (height, slots) in [(1, 8), (7, 3), (1200, 7), (4_000_000_000, 512)] {
            let strips = equal(height, slots);
            assert_eq!(strips.first().unwrap().start, 0);
            assert_eq!(strips.last().unwrap().end, height);
            assert!(strips.windows(2).all(|pair| pair[0].end == pair[1].start));
            let lengths = || strips.iter().map(|rows| rows.len());
            assert!(lengths().max().unwrap() - lengths().min().unwrap() <= 1);
        }
        assert!(equal(600, 0).is_empty());
    }
}

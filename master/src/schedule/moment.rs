//! Seconds that can be put in order.

use std::cmp::Ordering;

/// A moment or a duration in seconds, with a total order, as a key of ordered sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(pub f64);

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Moment {}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

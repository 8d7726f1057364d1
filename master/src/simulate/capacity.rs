//! What would have been possible with the speeds that were there.

/// The sum of all speeds over time.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    changes: Vec<(f64, f64)>,
}

impl Capacity {
    /// From the moment `time` on, the sum of the speeds differs by `change`.
    pub fn change(&mut self, time: f64, change: f64) {
        self.changes.push((time, change));
    }

    /// The earliest moment at which `cost` could be done, if nothing is done before `start`.
    pub fn time_for(mut self, cost: f64, start: f64) -> f64 {
        self.changes.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut now, mut left, mut speed) = (0.0f64, cost, 0.0f64);
        for (time, change) in self.changes {
            let from = now.max(start);
            let done = (time - from).max(0.0) * speed;
            if done >= left && speed > 0.0 {
                return from + left / speed;
            }
            left -= done;
            now = time;
            speed = (speed + change).max(0.0);
        }
        now.max(start) + left / speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_the_speeds_that_were_there() {
        let mut capacity = Capacity::default();
        capacity.change(0.0, 2.0);
        assert!((capacity.time_for(10.0, 1.0) - 6.0).abs() < 1e-9);
        let mut capacity = Capacity::default();
        capacity.change(3.0, -1.0);
        capacity.change(0.0, 2.0);
        // 2 s at 2, then 6 s at 1.
        assert!((capacity.time_for(10.0, 1.0) - 9.0).abs() < 1e-9);
    }
}

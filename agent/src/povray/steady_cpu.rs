//! The CPU time of a process with one busy thread, between the moments at which the kernel counts it.
//!
//! What a thread that runs without a break has used is added to its account at each tick of the kernel's clock, 250 times a second
//! with most kernels. Read from outside it stands still for up to 4 ms and jumps then; a small view has rows that take less. In
//! between the process is taken to run on, as far as the ticks agree: who shares its core is behind.
//!
//! Threads beside one another have ticks of their own, and whether each has a core all the time nobody knows. What is counted is the better
//! account of theirs: taken to run on, they were ahead at the begin of a view, and its first rows looked dear.

/// Seconds from one tick to the next.
const TICK: f64 = 0.004;
/// Seconds in which the ticks are followed: some of them, and much less than a row of blocks takes.
const SETTLES: f64 = 0.01;

/// The CPU time of one process.
#[derive(Debug, Clone, Copy)]
pub struct SteadyCpu {
    wall: f64,
    cpu: f64,
}

impl SteadyCpu {
    /// From the moment `wall` on, at which the kernel has counted `cpu`; both in seconds.
    #[must_use]
    pub const fn begin(wall: f64, cpu: f64) -> Self {
        Self { wall, cpu }
    }

    /// CPU seconds at the moment `wall`, at which the kernel has counted `counted`.
    pub fn at(&mut self, wall: f64, counted: f64) -> f64 {
        let passed = (wall - self.wall).max(0.0);
        self.wall = wall;
        let runs_on = self.cpu + passed;
        // Between two ticks it is, on the average, half a tick behind.
        let by_ticks = counted + TICK / 2.0;
        let followed = 1.0 - (-passed / SETTLES).exp();
        let settled = runs_on + (by_ticks - runs_on) * followed;
        self.cpu = settled.max(self.cpu).clamp(counted, counted + TICK);
        self.cpu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel counts a process that has run for `cpu` seconds without a break.
    fn counted(cpu: f64) -> f64 {
        (cpu / TICK).floor() * TICK
    }

    #[test]
    fn a_process_that_runs_on_is_followed_between_ticks() {
        // The first tick comes after 1 ms.
        let mut steady = SteadyCpu::begin(0.0, counted(0.003));
        let mut wall = 0.0;
        while wall < 0.2 {
            wall += 0.0007;
            let cpu = steady.at(wall, counted(0.003 + wall));
            assert!(wall < 0.02 || (cpu - 0.003 - wall).abs() < 0.0008, "{wall} {cpu}");
        }
    }

    #[test]
    fn a_process_that_waits_is_ahead_by_a_tick_at_most() {
        let mut steady = SteadyCpu::begin(0.0, 1.0);
        let mut before = 1.0;
        for step in 1..100 {
            let cpu = steady.at(f64::from(step), 1.0);
            assert!(cpu >= before && cpu <= 1.0 + TICK, "{cpu}");
            before = cpu;
        }
        // What its other threads do is counted as well.
        assert!(steady.at(100.1, 1.5) >= 1.5);
    }
}

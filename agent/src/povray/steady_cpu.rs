//! A process's CPU time between the moments at which the kernel counts it.
//!
//! What a thread that runs without a break has used is added to its account at each tick of the kernel's clock, 250 times a second
//! with most kernels. Read from outside it stands still for up to 4 ms and jumps then; a small view has rows that take less. In
//! between the process is taken to run on, as far as the ticks agree: who shares its core, or whose threads share cores, is behind.

/// Seconds from one tick to the next.
const TICK: f64 = 0.004;
/// Seconds in which the ticks are followed: some of them, and much less than a row of blocks takes.
const SETTLES: f64 = 0.01;

/// The CPU time of one process.
#[derive(Debug, Clone, Copy)]
pub struct SteadyCpu {
    wall: f64,
    cpu: f64,
    /// CPU seconds that it takes in a second, running on.
    threads: f64,
}

impl SteadyCpu {
    /// From the moment `wall` on, at which the kernel has counted `cpu`; both in seconds. So many `threads` run.
    #[must_use]
    pub const fn begin(wall: f64, cpu: f64, threads: f64) -> Self {
        Self { wall, cpu, threads }
    }

    /// CPU seconds at the moment `wall`, at which the kernel has counted `counted`.
    pub fn at(&mut self, wall: f64, counted: f64) -> f64 {
        let passed = (wall - self.wall).max(0.0);
        self.wall = wall;
        let behind = self.threads * TICK;
        let runs_on = self.cpu + self.threads * passed;
        // Between two ticks it is, on the average, half a tick behind.
        let by_ticks = counted + behind / 2.0;
        let followed = 1.0 - (-passed / SETTLES).exp();
        let settled = runs_on + (by_ticks - runs_on) * followed;
        self.cpu = settled.max(self.cpu).clamp(counted, counted + behind);
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
        let mut steady = SteadyCpu::begin(0.0, counted(0.003), 1.0);
        let mut wall = 0.0;
        while wall < 0.2 {
            wall += 0.0007;
            let cpu = steady.at(wall, counted(0.003 + wall));
            assert!(wall < 0.02 || (cpu - 0.003 - wall).abs() < 0.0008, "{wall} {cpu}");
        }
    }

    #[test]
    fn threads_that_get_less_than_all_cores_are_not_taken_to_be_ahead() {
        // Two threads, each four fifths of the time, counted at ticks of their own.
        let mut steady = SteadyCpu::begin(0.0, 0.0, 2.0);
        let (mut wall, mut ahead, mut looks) = (0.0, 0.0, 0);
        while wall < 0.4 {
            wall += 0.0019;
            let seen = counted(0.8 * wall) + counted(0.8 * wall + 0.0013);
            let cpu = steady.at(wall, seen);
            if wall > 0.05 {
                let true_cpu = 1.6 * wall + 0.0013;
                assert!((cpu - true_cpu).abs() < 0.0045, "{wall} {cpu}");
                (ahead, looks) = (ahead + cpu - true_cpu, looks + 1);
            }
        }
        let mean = ahead / f64::from(looks);
        assert!(mean.abs() < 0.003, "{mean}");
    }

    #[test]
    fn a_process_that_waits_is_ahead_by_a_tick_at_most() {
        let mut steady = SteadyCpu::begin(0.0, 1.0, 1.0);
        let mut before = 1.0;
        for step in 1..100 {
            let cpu = steady.at(f64::from(step), 1.0);
            assert!(cpu >= before && cpu <= 1.0 + TICK, "{cpu}");
            before = cpu;
        }
        // Threads side by side use more than the clock's time.
        assert!(steady.at(100.1, 1.5) >= 1.5);
    }
}

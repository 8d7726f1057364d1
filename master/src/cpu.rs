//! The CPU clock of a thread: what work costs, whatever else the machine does meanwhile.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this thread so far. Two looks tell of what lies between them only if no `await` does.
#[must_use]
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What two looks at the clock cost by themselves, to be taken off where what lies between them is short.
#[must_use]
pub(crate) fn cost_of_looking() -> Duration {
    const PAIRS: u32 = 1000;
    let between = (0..PAIRS).map(|_| {
        let begun = thread_cpu();
        thread_cpu().saturating_sub(begun)
    });
    between.sum::<Duration>() / PAIRS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_more_than_looking_and_sleep_takes_none() {
        let looking = cost_of_looking();
        let begun = thread_cpu();
        std::hint::black_box((0..20_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(thread_cpu().saturating_sub(begun) > looking);
        let begun = thread_cpu();
        std::thread::sleep(Duration::from_millis(300));
        assert!(thread_cpu().saturating_sub(begun) < Duration::from_millis(200));
    }
}

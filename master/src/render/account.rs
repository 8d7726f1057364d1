//! What td's own work costs the machine that it runs on, in CPU seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cpu::thread_cpu;

/// What the loop did in one job: it alone decides and keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// Messages of agents, of td's own tasks and of the clock.
    pub messages: u64,
    /// All that the loop did about them: deciding, keeping, giving orders, showing how far it is.
    pub looping: Duration,
    /// Events that the scheduler was told, and its part of the time.
    pub decisions: u64,
    pub deciding: Duration,
    /// Writing finished segments into the job's folder.
    pub keeping: Duration,
    /// Segments that tasks beside the loop checked, and what that took.
    pub segments: u64,
    pub checking: Duration,
}

impl Account {
    /// The numbers as `--json` tells them: seconds.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "messages": self.messages,
            "looping": seconds(self.looping),
            "decisions": self.decisions,
            "deciding": seconds(self.deciding),
            "keeping": seconds(self.keeping),
            "segments": self.segments,
            "checking": seconds(self.checking),
        })
    }
}

/// Microseconds matter here.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() * 1e-6
}

/// What the checking of segments takes, in whichever task.
#[derive(Debug, Default)]
pub(super) struct Checking {
    segments: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Checking {
    /// Does `check`, and counts it.
    pub fn count<T>(&self, check: impl FnOnce() -> T) -> T {
        let begun = thread_cpu();
        let checked = check();
        let took = thread_cpu().saturating_sub(begun);
        self.segments.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        checked
    }

    /// Enters what was counted.
    pub fn enter(&self, account: &mut Account) {
        account.segments = self.segments.load(Ordering::Relaxed);
        account.checking = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_checked_is_counted_with_the_cpu_it_took() {
        let checking = Checking::default();
        let begun = thread_cpu();
        let sum = checking.count(|| (0..2_000_000_u64).map(std::hint::black_box).sum::<u64>());
        let all = thread_cpu().saturating_sub(begun);
        assert_eq!(sum, 1_999_999_000_000);
        let mut account = Account::default();
        checking.enter(&mut account);
        assert_eq!(account.segments, 1);
        assert!(account.checking > Duration::ZERO && account.checking <= all);
    }
}

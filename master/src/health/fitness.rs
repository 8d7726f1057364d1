//! How much of a picture a node should get: the scheduler's question to the checks.
//!
//! Pure: the same report gives the same answer, so a node that is well again is fit again with its next report.

use std::borrow::Cow;

use td_protocol::health::Report;

use crate::health::checks::{
    Check, FREQUENCY_CAPPED_CHECK, MEMORY_CHECK, POVRAY_CHECK, PROBE_CHECK, ROOT_READ_ONLY_CHECK, SCRATCH_CHECK,
    SWAP_CHECK, TEST_RENDER_CHECK, THROTTLED_CHECK, available_share, clock_share, is_slowed,
};
use crate::health::finding::Verdict;
use crate::health::seen::{Expected, Seen};

/// What a node cannot render without; one that fails keeps it out. Those that a strip itself may cause come last.
static NEEDED: [&Check; 5] = [&POVRAY_CHECK, &TEST_RENDER_CHECK, &ROOT_READ_ONLY_CHECK, &SCRATCH_CHECK, &MEMORY_CHECK];

/// The share of a slowed node whose clock is not known, and of one that swaps.
const HALF: f64 = 0.5;
/// The least share: a node that gets nothing would never show that it is well again.
const LEAST: f64 = 0.1;
/// Swap in use is only swapping where memory is short too: what was swapped out at some time and is not needed may lie there
/// for days.
const SHORT_OF_MEMORY: f64 = 0.25;

/// A node's fitness to render.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitness {
    Fit,
    /// It should get less than its usual speed deserves.
    Less {
        /// Of its usual speed, above 0 and below 1.
        share: f64,
        /// A sentence, without the node's name.
        reason: String,
    },
    /// It should get nothing.
    Unfit {
        /// The check's name.
        check: &'static str,
        /// A sentence, without the node's name: the check, and what it says.
        reason: String,
    },
}

impl Fitness {
    /// Whether a strip that runs there may be the cause: then it is over when the strip ends.
    #[must_use]
    pub fn may_come_from_a_strip(&self) -> bool {
        matches!(self, Self::Unfit { check, .. } if [MEMORY_CHECK.name, SCRATCH_CHECK.name].contains(check))
    }
}

/// The fitness of the node that sent this report. What the report does not say is no reason to do without the node.
#[must_use]
pub fn fitness(report: &Report, expected: &Expected) -> Fitness {
    let report = without_what_is_too_old(report, expected);
    let seen = Seen { report: &report, expected, moment: None };
    for check in NEEDED {
        let finding = (check.look)(&seen);
        if finding.verdict == Verdict::Fail {
            return Fitness::Unfit { check: check.name, reason: format!("{}: {}", check.name, finding.sentence) };
        }
    }
    let less = |check: &Check, share: f64| {
        let reason = format!("{}: {}", check.name, (check.look)(&seen).sentence);
        (share, reason)
    };
    let slowed = is_slowed(&seen).then(|| {
        let share = clock_share(&seen).filter(|share| *share < 1.0).unwrap_or(HALF);
        let is_throttled = (THROTTLED_CHECK.look)(&seen).facts.contains(&("now", true));
        less(if is_throttled { &THROTTLED_CHECK } else { &FREQUENCY_CAPPED_CHECK }, share)
    });
    let swaps = (SWAP_CHECK.look)(&seen).verdict.is_bad()
        && available_share(&seen).is_some_and(|available| available < SHORT_OF_MEMORY);
    let swaps = swaps.then(|| less(&SWAP_CHECK, HALF));
    match slowed.into_iter().chain(swaps).min_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((share, reason)) => Fitness::Less { share: share.max(LEAST), reason },
        None => Fitness::Fit,
    }
}

/// What a probe saw that does not look any more says nothing about now: a node whose timer was stopped must not be left out
/// for what is mended since.
fn without_what_is_too_old<'a>(report: &'a Report, expected: &Expected) -> Cow<'a, Report> {
    let age = (PROBE_CHECK.look)(&Seen { report, expected, moment: None });
    if age.verdict == Verdict::Fail {
        Cow::Owned(Report { probed: None, ..report.clone() })
    } else {
        Cow::Borrowed(report)
    }
}

#[cfg(test)]
mod tests {
    use td_protocol::health::{Disk, Fast, Firmware, Memory, Place, Probed, RenderTrial, Slow};
    use td_protocol::hello::PovrayState;

    use super::*;
    use crate::health::checks::slowed_between;

    fn with_fast(fast: Fast) -> Report {
        Report { probed: Some(Probed { fast: Some(fast), ..Probed::default() }), ..Report::default() }
    }

    fn firmware(throttled: u32) -> Report {
        let firmware = Firmware { throttled: Some(throttled), ..Firmware::default() };
        with_fast(Fast { firmware: Some(firmware), ..Fast::default() })
    }

    fn memory(available: u64, swap_free: u64) -> Report {
        let memory = Memory { total: 1000, available, swap_total: 100, swap_free, swapped_in: 0 };
        let mut report = Report::default();
        report.look.memory = Some(memory);
        report
    }

    #[track_caller]
    fn is_unfit(report: &Report, word: &str) {
        match fitness(report, &Expected::default()) {
            Fitness::Unfit { check, reason } => {
                assert!(reason.starts_with(word) && reason.starts_with(check), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn less(report: &Report) -> (f64, String) {
        match fitness(report, &Expected::default()) {
            Fitness::Less { share, reason } => (share, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_says_nothing_is_fit() {
        assert_eq!(fitness(&Report::default(), &Expected::default()), Fitness::Fit);
    }

    #[test]
    fn a_slowed_node_gets_what_its_clock_is_worth() {
        let mut report = firmware(0b100);
        assert_eq!(less(&report).0, HALF, "the clock is not known");
        report.look.arm_clock = Some(600e6);
        report.look.arm_clock_most = Some(1500e6);
        let (share, reason) = less(&report);
        assert_eq!(share, 0.4);
        report.busy = Some(0);
        assert_eq!(less(&report).0, HALF, "an idle processor lowers its clock by itself");
        report.busy = Some(1);
        assert_eq!(less(&report).0, 0.4);
        assert!(reason.starts_with("throttled: it is throttled"), "{reason}");
        assert!(less(&firmware(0b10)).1.starts_with("frequency-capped: its clock is capped"));
        // What was and is no more costs nothing; nor does a voltage that is low and slows nothing down.
        assert_eq!(fitness(&firmware(0xF_0000), &Expected::default()), Fitness::Fit);
        assert_eq!(fitness(&firmware(0b1), &Expected::default()), Fitness::Fit);
    }

    #[test]
    fn an_old_measure_of_the_firmware_does_not_count() {
        let firmware = Firmware { throttled: Some(0b100), arm_clock: Some(600e6), ..Firmware::default() };
        let mut report = with_fast(Fast { firmware: Some(firmware), ..Fast::default() });
        (report.busy, report.look.arm_clock, report.look.arm_clock_most) = (Some(1), Some(900e6), Some(1500e6));
        report.fast_age = Some(30.0);
        assert_eq!(less(&report).0, 0.4);
        report.fast_age = Some(200.0);
        assert_eq!(less(&report).0, 0.6, "the kernel's is of now");
    }

    #[test]
    fn what_came_during_a_job_shows_in_what_was_since_the_boot() {
        let between = |first, last| slowed_between(&firmware(first), &firmware(last));
        assert_eq!(between(0, 0), None);
        assert_eq!(between(0x6_0000, 0x6_0000), None, "before the job, or not: nobody knows");
        assert!(between(0x2_0000, 0x6_0000).unwrap().starts_with("throttled: at some time"));
        assert!(between(0x1_0000, 0x3_0000).unwrap().starts_with("frequency-capped: at some time"));
        assert_eq!(between(0, 0x9_0000), None, "a low voltage and the soft limit alone slow nothing down much");
        assert_eq!(slowed_between(&Report::default(), &firmware(0x4_0000)), None);
    }

    #[test]
    fn swap_in_use_counts_where_memory_is_short() {
        assert_eq!(fitness(&memory(500, 50), &Expected::default()), Fitness::Fit);
        let (share, reason) = less(&memory(200, 50));
        assert_eq!(share, HALF);
        assert!(reason.starts_with("swap: "), "{reason}");
        assert_eq!(fitness(&memory(200, 100), &Expected::default()), Fitness::Fit);
    }

    #[test]
    fn what_rendering_needs() {
        is_unfit(&memory(10, 100), "memory: ");
        let mut full = Report::default();
        full.look.disks =
            vec![Disk { place: Place::Scratch, path: "/s".into(), size: 1 << 30, free: 1 << 20, ..Disk::default() }];
        is_unfit(&full, "scratch: /s has 1 MB free");
        is_unfit(&with_fast(Fast { root_read_only: Some(true), ..Fast::default() }), "root-read-only: ");
        let unusable = PovrayState::Unusable { message: "no POV-Ray".into() };
        is_unfit(&Report { povray: Some(unusable), ..Report::default() }, "povray: no POV-Ray");
        let render = RenderTrial { passed: false, seconds: 1.0, problem: Some("killed".into()) };
        let slow = Slow { povray: Some("3.7".into()), render: Some(render), ..Slow::default() };
        let probed = Probed { slow: Some(slow), ..Probed::default() };
        is_unfit(&Report { probed: Some(probed), ..Report::default() }, "test-render: ");
    }

    #[test]
    fn what_a_stopped_probe_saw_is_no_reason() {
        let limit = td_inventory::health::PROBE.fail.unwrap();
        let read_only = with_fast(Fast { root_read_only: Some(true), ..Fast::default() });
        for (age, is_fit) in [(None, false), (Some(60.0), false), (Some(limit + 1.0), true)] {
            let report = Report { fast_age: age, ..read_only.clone() };
            assert_eq!(fitness(&report, &Expected::default()) == Fitness::Fit, is_fit, "{age:?}");
        }
        // What the agent sees by itself is of now, however old the probe.
        let old = Report { fast_age: Some(limit + 1.0), ..memory(10, 100) };
        is_unfit(&Report { probed: read_only.probed, ..old }, "memory: ");
    }

    /// A scratch that is no file system of its own lies on the cache's or the root's.
    #[test]
    fn scratch_on_the_root() {
        let mut full = Report::default();
        full.look.disks = vec![
            Disk { place: Place::Root, path: "/".into(), size: 1 << 30, free: 1 << 20, ..Disk::default() },
            Disk { place: Place::Boot, path: "/boot".into(), size: 1 << 30, free: 1 << 29, ..Disk::default() },
        ];
        is_unfit(&full, "scratch: / has 1 MB free");
    }
}

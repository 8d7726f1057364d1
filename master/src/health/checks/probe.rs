//! The age of what the probe saw.

use td_inventory::health::PROBE;

use super::Check;
use crate::health::finding::{Finding, Verdict};
use crate::health::seen::{Seen, finite};
use crate::health::text::span;

/// Seconds. The slow half of the probe is seen once a day.
const SLOW_LATE: f64 = 2.0 * 86_400.0;

pub static PROBE_CHECK: Check = Check {
    name: "probe",
    meaning: "How old what `td-agent probe` saw is: it looks each minute as root, and at packages, POV-Ray and file systems \
              once a day. Other checks are as old as that.",
    when: "warn too: the daily half is older than two days",
    remedy: "`systemctl status td-probe.timer td-probe.service` on the node; `td-provision apply` sets both up.",
    limit: Some(&PROBE),
    look: probe,
};

fn probe(seen: &Seen<'_>) -> Finding {
    if seen.fast().is_none() && seen.slow().is_none() {
        return Finding::unsupported(seen.unprobed());
    }
    let Some(age) = finite(seen.report.fast_age) else { return Finding::unsupported("its age is not known") };
    let what = format!("it looked {} ago", span(age));
    let finding = Finding::measured(seen, &PROBE, age, span(age), &what, "systemctl status td-probe.timer there");
    match finite(seen.report.slow_age) {
        Some(slow) if slow > SLOW_LATE && finding.verdict == Verdict::Ok => {
            let sentence = format!("its daily half is {} old: systemctl status td-probe.timer there", span(slow));
            Finding { verdict: Verdict::Warn, sentence, ..finding }
        }
        _ => finding,
    }
}

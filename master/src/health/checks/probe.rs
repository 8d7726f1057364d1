//! The age of what the probe saw.

use td_inventory::health::PROBE;

use super::Check;
use crate::health::finding::{Finding, Verdict};
use crate::health::seen::{Seen, finite};
use crate::health::text::{plain, span};

/// Seconds. The slow half of the probe is seen once a day.
const SLOW_LATE: f64 = 2.0 * 86_400.0;
/// Seconds after the boot. The slow half begins in the second minute, and again a quarter of an hour after one that was killed.
const SLOW_MISSING: f64 = 1800.0;

pub static PROBE_CHECK: Check = Check {
    name: "probe",
    meaning: "How old what `td-agent probe` saw is: it looks each minute as root, and at packages, POV-Ray and file systems \
              once a day. Other checks are as old as that. On a node of an inventory where it has not looked since the boot, \
              that counts from the boot.",
    when: "fail too: the agent itself cannot look at the node in time, so that nothing is known; warn too: the daily half \
           is older than two days, or missing half an hour after the boot",
    remedy: "`systemctl status td-probe.timer td-probe.service` on the node; `td-provision apply` sets both up. A node that \
             cannot look at itself in time has a disk that hangs, or far too much to do: `dmesg` and `top` there tell.",
    limit: Some(&PROBE),
    look: probe,
};

fn probe(seen: &Seen<'_>) -> Finding {
    if let Some(why) = &seen.report.look_problem {
        return Finding::fail("unknown", format!("{}: its disk hangs, or it is far too busy", plain(why)));
    }
    if seen.fast().is_none() && seen.slow().is_none() {
        return never(seen);
    }
    let Some(age) = finite(seen.report.fast_age) else { return Finding::unsupported("its age is not known") };
    let what = format!("it looked {} ago", span(age));
    let finding = Finding::measured(seen, &PROBE, age, span(age), &what, "systemctl status td-probe.timer there");
    match finite(seen.report.slow_age) {
        Some(slow) if slow > SLOW_LATE && finding.verdict == Verdict::Ok => {
            let sentence = format!("its daily half is {} old: systemctl status td-probe.timer there", span(slow));
            Finding { verdict: Verdict::Warn, sentence, ..finding }
        }
        None if finding.verdict == Verdict::Ok => match uptime(seen) {
            Some(up) if up > SLOW_MISSING => {
                let sentence = format!(
                    "its daily half is missing {} after the boot: systemctl status td-probe.service there",
                    span(up)
                );
                Finding { verdict: Verdict::Warn, sentence, ..finding }
            }
            _ => finding,
        },
        _ => finding,
    }
}

/// A node of an inventory is meant to have one; elsewhere (td's own agent) there is none.
fn never(seen: &Seen<'_>) -> Finding {
    match uptime(seen).filter(|_| seen.expected.is_node) {
        Some(up) => {
            let what = format!("nothing of it {} after the boot", span(up));
            let finding = Finding::measured(seen, &PROBE, up, span(up), &what, &seen.unprobed());
            if finding.verdict.is_bad() { finding } else { Finding::unsupported(seen.unprobed()) }
        }
        None => Finding::unsupported(seen.unprobed()),
    }
}

fn uptime(seen: &Seen<'_>) -> Option<f64> {
    finite(seen.report.look.uptime)
}

//! The processor's clock against what is set.

use td_inventory::health::ARM_CLOCK;

use super::Check;
use super::firmware::is_slowed;
use crate::health::finding::Finding;
use crate::health::seen::{Seen, finite};
use crate::health::text::number;

pub static ARM_CLOCK_CHECK: Check = Check {
    name: "arm-clock",
    meaning: "The clock of the ARM cores at this moment against the highest that is set. Only looked at while the node \
              renders: an idle processor lowers its clock to save power.",
    when: "",
    remedy: "Look at `throttled` and `frequency-capped` first. If neither is so, the governor keeps the clock down: \
             `cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor` on the node.",
    limit: Some(&ARM_CLOCK),
    look: arm_clock,
};

/// Seconds. A probe that looks each minute has missed one: what the firmware measured then says nothing of now.
const LATE: f64 = 90.0;

/// The clock now and the highest that is set, Hz. The kernel tells what it asked for; where the firmware says that it slows
/// the processor down, what the firmware measures counts.
fn clocks(seen: &Seen<'_>) -> Option<(f64, f64)> {
    let firmware = seen.firmware();
    let is_late = finite(seen.report.fast_age).is_some_and(|age| age > LATE);
    let by_firmware = firmware.and_then(|firmware| finite(firmware.arm_clock)).filter(|_| is_slowed(seen) && !is_late);
    let by_kernel = finite(seen.report.look.arm_clock);
    let now = [by_kernel, by_firmware].into_iter().flatten().reduce(f64::min)?;
    let set = finite(seen.report.look.arm_clock_most)
        .or_else(|| firmware?.arm_freq.map(|mhz| f64::from(mhz) * 1e6))
        .filter(|set| *set > 0.0)?;
    (now >= 0.0).then_some((now, set))
}

/// Clock now over the highest that is set, 0 to 1; `None` where the node does not say, and where nothing renders: an idle
/// processor lowers its clock by itself.
pub fn clock_share(seen: &Seen<'_>) -> Option<f64> {
    if seen.report.busy == Some(0) {
        return None;
    }
    clocks(seen).map(|(now, set)| (now / set).clamp(0.0, 1.0))
}

fn arm_clock(seen: &Seen<'_>) -> Finding {
    let Some((now, set)) = clocks(seen) else {
        return Finding::unsupported("the node tells no clock of its processor");
    };
    let value = format!("{} of {} MHz", number((now / 1e6).round()), number((set / 1e6).round()));
    match seen.report.busy {
        None => Finding::unsupported("whether the node renders is not known, and an idle one lowers its clock"),
        Some(0) => Finding::ok(value.as_str(), format!("{value}, and nothing renders")),
        Some(_) => {
            let what = format!("the processor runs at {value} while it renders");
            Finding::measured(seen, &ARM_CLOCK, 100.0 * now / set, value, &what, "see throttled, frequency-capped")
        }
    }
}

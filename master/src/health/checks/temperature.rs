//! The processor's temperature.

use td_inventory::health::TEMPERATURE;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::{Seen, finite};

pub static TEMPERATURE_CHECK: Check = Check {
    name: "temperature",
    meaning: "The processor's temperature, by the kernel or the firmware, and how far it is from the limit.",
    when: "",
    remedy: "Cool it: a heat sink, a fan, room between the boards, less dust. From about 80 C on the firmware slows the \
             processor down by itself.",
    limit: Some(&TEMPERATURE),
    look: |seen| {
        let Some(now) = temperature(seen) else { return Finding::unsupported("the node tells no temperature") };
        let headroom = seen.expected.thresholds.of(&TEMPERATURE).fail.map(|fail| fail - now).filter(|room| *room > 0.0);
        let what = match headroom {
            Some(room) => format!("the processor has {now:.1} C, {room:.1} C below its limit"),
            None => format!("the processor has {now:.1} C"),
        };
        Finding::measured(seen, &TEMPERATURE, now, format!("{now:.1} C"), &what, "cool it")
    },
};

/// Degrees Celsius: the kernel's sensor, else the firmware's.
fn temperature(seen: &Seen<'_>) -> Option<f64> {
    finite(seen.report.look.temperature).or_else(|| finite(seen.firmware()?.temperature))
}

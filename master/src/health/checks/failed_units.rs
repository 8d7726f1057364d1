//! Failed units of systemd.

use td_inventory::health::FAILED_UNITS;

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::several;

pub static FAILED_UNITS_CHECK: Check = Check {
    name: "failed-units",
    meaning: "Units of systemd that have failed.",
    when: "",
    remedy: "`systemctl status UNIT` on the node tells why; `systemctl reset-failed` forgets what is no longer so.",
    limit: Some(&FAILED_UNITS),
    look: |seen| {
        let Some(fast) = seen.fast() else { return Finding::unsupported(seen.unprobed()) };
        let Some(units) = &fast.failed_units else { return Finding::unsupported("there is no systemd to ask") };
        let what = match units.len() {
            0 => "no unit has failed".to_owned(),
            1 => format!("a unit has failed: {}", several(units)),
            count => format!("{count} units have failed: {}", several(units)),
        };
        let count = units.len();
        Finding::measured(
            seen,
            &FAILED_UNITS,
            count as f64,
            count.to_string(),
            &what,
            "systemctl status there tells why",
        )
    },
};

//! Since when the node runs, and whether its last boot was expected.

use td_inventory::health::REBOOT;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::finite;
use crate::health::text::span;

pub static REBOOT_CHECK: Check = Check {
    name: "reboot",
    meaning: "How long the node has been running, and whether its last boot was expected: the agent was told to stop before \
              it. If it was not, the power went, or the kernel.",
    when: "only after an unexpected reboot:",
    remedy: "Look at `under-voltage`, at the supply and its plug, and at `journalctl -b -1 -e` on the node. The warning ends \
             by itself.",
    limit: Some(&REBOOT),
    look: |seen| {
        let Some(uptime) = finite(seen.report.look.uptime) else {
            return Finding::unsupported("the node does not tell since when it runs");
        };
        let up = span(uptime);
        match seen.report.shut_down_in_order {
            Some(false) => {
                let what = format!("the node came back {up} ago without having been shut down");
                let finding = Finding::measured(
                    seen,
                    &REBOOT,
                    uptime / 3600.0,
                    up.as_str(),
                    &what,
                    "power, or a kernel that fell",
                );
                finding.facts([("unexpected", true)])
            }
            Some(true) => Finding::ok(up.as_str(), format!("up {up}, booted in order")).facts([("unexpected", false)]),
            None => Finding::ok(up.as_str(), format!("up {up}")),
        }
    },
};

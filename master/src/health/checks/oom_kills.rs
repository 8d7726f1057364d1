//! Processes killed for want of memory.

use td_inventory::health::OOM_KILLS;

use super::Check;
use crate::health::finding::Finding;

pub static OOM_KILLS_CHECK: Check = Check {
    name: "oom-kills",
    meaning: "Processes that the kernel killed since the boot because no memory was left. One of them may have been a \
              POV-Ray, whose strip was then rendered again.",
    when: "",
    remedy: "`journalctl -k | grep -i 'out of memory'` on the node tells which. Fewer `slots`, or less else on the node. The \
             count starts anew with the next boot.",
    limit: Some(&OOM_KILLS),
    look: |seen| {
        let Some(kills) = seen.report.look.oom_kills else {
            return Finding::unsupported("the node does not count them");
        };
        let what = match kills {
            0 => "none since the boot".to_owned(),
            1 => "1 process was killed for want of memory since the boot".to_owned(),
            _ => format!("{kills} processes were killed for want of memory since the boot"),
        };
        Finding::measured(
            seen,
            &OOM_KILLS,
            kills as f64,
            kills.to_string(),
            &what,
            "fewer slots, or less else on the node",
        )
    },
};

//! What waits for a reboot.

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::several;

pub static PENDING_REBOOT_CHECK: Check = Check {
    name: "pending-reboot",
    meaning: "Whether something waits for a reboot: a new kernel, another package that asks for one, or \
              changed boot settings.",
    when: "warn: it does",
    remedy: "`td-provision reboot` boots nodes anew, one after the other, and waits for each.",
    limit: None,
    look: |seen| {
        let Some(slow) = seen.slow() else { return Finding::unsupported(seen.no_slow()) };
        match &slow.pending_reboot {
            None => Finding::unsupported("the probe could not look"),
            Some(waiting) if waiting.is_empty() => Finding::ok("no", "nothing waits for a reboot"),
            Some(waiting) => {
                Finding::warn("yes", format!("a reboot waits ({}): td-provision reboot", several(waiting)))
            }
        }
    },
};

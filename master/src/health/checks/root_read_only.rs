//! Whether the root can be written.

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::plain;

pub static ROOT_READ_ONLY_CHECK: Check = Check {
    name: "root-read-only",
    meaning: "Whether the root file system can be written. The kernel takes that away when the card gives errors; nothing \
              can be kept then. A root that /etc/fstab itself mounts `ro` is no fault.",
    when: "fail: read-only, and not by /etc/fstab",
    remedy: "The card is most likely worn out: save what is on it, and write a new one. `dmesg` on the node tells the errors.",
    limit: None,
    look: |seen| {
        let Some(fast) = seen.fast() else { return Finding::unsupported(seen.unprobed()) };
        match (fast.root_read_only, fast.root_wanted_read_only) {
            (None, _) => Finding::unsupported("the probe does not tell"),
            (Some(false), _) => Finding::ok("no", "the root can be written"),
            (Some(true), Some(true)) => Finding::ok("as wanted", "the root is read-only, as /etc/fstab says"),
            (Some(true), _) => {
                let by_log = fast.root_given_up.as_deref().map_or_else(String::new, |device| {
                    format!(" (by the kernel's log on {}; its mount options do not tell)", plain(device))
                });
                let sentence =
                    format!("the root has become read-only{by_log}: the card may be worn out; dmesg there tells");
                Finding::fail("read-only", sentence)
            }
        }
    },
};

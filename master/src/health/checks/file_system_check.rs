//! File systems that ask for a check.

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::several;

pub static FILE_SYSTEM_CHECK: Check = Check {
    name: "file-system-check",
    meaning: "Whether a file system asks for a check, by its own superblock: it was not unmounted in order, or errors were \
              found.",
    when: "warn: one or more ask for it",
    remedy: "Boot the node anew: the check is done at boot (`fsck.mode=force` in cmdline.txt makes sure of it).",
    limit: None,
    look: |seen| {
        let Some(slow) = seen.slow() else { return Finding::unsupported(seen.no_slow()) };
        match &slow.file_system_checks {
            None => Finding::unsupported("the probe could not look"),
            Some(asking) if asking.is_empty() => Finding::ok("no", "none asks for a check"),
            Some(asking) => Finding::warn(
                asking.len().to_string(),
                format!("a file system needs a check ({}): boot the node anew", several(asking)),
            ),
        }
    },
};

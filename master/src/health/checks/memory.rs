//! Memory available.

use td_inventory::health::MEMORY;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::Seen;
use crate::health::text::{bytes, number, percent};

pub static MEMORY_CHECK: Check = Check {
    name: "memory",
    meaning: "Memory that programs can have without anything being swapped out (MemAvailable), of all there is.",
    when: "",
    remedy: "See what takes it (`ps aux --sort=-rss` on the node). Fewer `slots` in the inventory leave more to each \
             POV-Ray; `gpu_mem: 16` leaves more to all.",
    limit: Some(&MEMORY),
    look: |seen| {
        let Some((part, available, total)) = available(seen) else {
            return Finding::unsupported("the node tells nothing of its memory");
        };
        let what = format!("{} of {} of memory are available, {} %", bytes(available), bytes(total), number(part));
        Finding::measured(
            seen,
            &MEMORY,
            part,
            format!("{} %", number(part)),
            &what,
            "end what takes it, or fewer slots",
        )
    },
};

/// Memory available in percent, and both amounts.
fn available(seen: &Seen<'_>) -> Option<(f64, u64, u64)> {
    let memory = seen.report.look.memory?;
    let part = percent(memory.available, memory.total)?;
    Some((part.min(100.0), memory.available, memory.total))
}

/// Memory available, 0 to 1.
pub fn available_share(seen: &Seen<'_>) -> Option<f64> {
    available(seen).map(|(part, ..)| part / 100.0)
}

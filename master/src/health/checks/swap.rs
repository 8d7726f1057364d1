//! Swap in use.

use td_inventory::health::SWAP;

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::{bytes, number, percent};

pub static SWAP_CHECK: Check = Check {
    name: "swap",
    meaning: "Swap in use, of all there is. A node that swaps while it renders is slower by orders of magnitude, and wears \
              its card.",
    when: "",
    remedy: "See what takes the memory. Fewer `slots` in the inventory need less of it. Swap that is no longer needed goes \
             away with `swapoff -a && swapon -a`.",
    limit: Some(&SWAP),
    look: |seen| {
        let Some(memory) = seen.report.look.memory else {
            return Finding::unsupported("the node tells nothing of its memory");
        };
        let used = memory.swap_total.saturating_sub(memory.swap_free);
        let Some(part) = percent(used, memory.swap_total) else { return Finding::ok("none", "the node has no swap") };
        let what = format!("{} of {} of swap are in use, {} %", bytes(used), bytes(memory.swap_total), number(part));
        Finding::measured(
            seen,
            &SWAP,
            part,
            format!("{} %", number(part)),
            &what,
            "less memory for others, or fewer slots",
        )
    },
};

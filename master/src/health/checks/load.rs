//! The load against the slots.

use td_inventory::health::LOAD;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::finite;
use crate::health::text::number;

pub static LOAD_CHECK: Check = Check {
    name: "load",
    meaning: "Processes that want to run, on average over the last minute (or that wait for a disk), for each slot. Where \
              the node has more cores than slots: for each core. A node that renders has about 1.",
    when: "",
    remedy: "See what else runs (`top` on the node). Many processes that wait for the disk or the share count too.",
    limit: Some(&LOAD),
    look: |seen| {
        let load = seen.report.look.load.map(|load| (load, finite(Some(load.one))));
        let Some((load, Some(one))) = load else { return Finding::unsupported("the node tells no load") };
        let slots = seen.report.slots.unwrap_or(0);
        let (count, of) = if load.cores > slots { (load.cores, "core") } else { (slots, "slot") };
        if count == 0 {
            return Finding::unsupported("the node tells neither its slots nor its cores");
        }
        let each = one / f64::from(count);
        let what = format!("the load is {} on {count} {of}{}", number(one), if count == 1 { "" } else { "s" });
        Finding::measured(seen, &LOAD, each, number(one), &what, "something else runs there")
    },
};

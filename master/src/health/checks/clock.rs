//! The node's clock against the master's.

use td_inventory::health::CLOCK;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::finite;
use crate::health::text::span;

pub static CLOCK_CHECK: Check = Check {
    name: "clock",
    meaning: "The node's clock against the master's: by how much it is off at least, whatever the network took.",
    when: "",
    remedy: "`timedatectl` on the node tells whether it asks a time server. A Raspberry Pi has no clock of its own while it \
             is off. `clock: server` in the inventory gives all nodes the share's server's time.",
    limit: Some(&CLOCK),
    look: |seen| {
        let (Some(clock), Some(moment)) = (finite(seen.report.clock), seen.moment) else {
            return Finding::unsupported("the node tells no time");
        };
        // Between question and answer it may have been read at any time.
        let (off, side) = if clock < moment.asked {
            (moment.asked - clock, "behind")
        } else if clock > moment.answered {
            (clock - moment.answered, "ahead of")
        } else {
            (0.0, "")
        };
        // What is left of a reading that was cut to milliseconds.
        let off = if off < 0.005 { 0.0 } else { off };
        let what = match off {
            0.0 => "the node's clock is that of this machine".to_owned(),
            _ => format!("the node's clock is {} {side} this machine's", span(off)),
        };
        Finding::measured(seen, &CLOCK, off, span(off), &what, "timedatectl there tells why")
    },
};

//! How fast the card is written.

use td_inventory::health::CARD_SPEED;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::finite;
use crate::health::text::{number, plain};

pub static CARD_SPEED_CHECK: Check = Check {
    name: "card-speed",
    meaning: "How fast a file of some MB comes onto the agent's disk. Only with --deep: each time wears the card a little.",
    when: "fail too: it takes no file at all",
    remedy: "A card this slow holds up large pictures. Try another one (class A1 or better), or an SSD over USB.",
    limit: Some(&CARD_SPEED),
    look: |seen| {
        if let Some(why) = &seen.report.write_problem {
            return Finding::fail("refused", format!("no file can be written to its disk: {}", plain(why)));
        }
        let Some(rate) = finite(seen.report.write_rate) else {
            return Finding::unsupported("only with --deep, since it writes to the card");
        };
        let rate = rate / 1e6;
        let what = format!("files come onto its disk at {} MB/s", number(rate));
        Finding::measured(seen, &CARD_SPEED, rate, format!("{} MB/s", number(rate)), &what, "try a faster card")
    },
};

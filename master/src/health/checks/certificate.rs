//! The end of the node's certificate.

use td_inventory::health::CERTIFICATE;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::finite;
use crate::health::text::{number, span};

/// Seconds.
const DAY: f64 = 86_400.0;

pub static CERTIFICATE_CHECK: Check = Check {
    name: "certificate",
    meaning: "Days until the node's certificate ends. From then on no master reaches the agent.",
    when: "",
    remedy: "`td-provision certs issue` makes a new one, and `td-provision apply` brings it to the node.",
    limit: Some(&CERTIFICATE),
    look: |seen| {
        let Some(end) = finite(seen.report.certificate_end) else {
            return Finding::unsupported("the agent serves without TLS");
        };
        let now = seen.moment.map(|moment| moment.answered).or(finite(seen.report.clock));
        let Some(now) = now else { return Finding::unsupported("the node tells no time") };
        let days = (end - now) / DAY;
        let what = if days < 0.0 {
            format!("the node's certificate ended {} ago", span(-days * DAY))
        } else {
            format!("the node's certificate ends in {}", span(days * DAY))
        };
        let remedy = "td-provision certs issue, then td-provision apply";
        Finding::measured(seen, &CERTIFICATE, days, format!("{} days", number(days.floor())), &what, remedy)
    },
};

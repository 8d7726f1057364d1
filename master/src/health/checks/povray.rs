//! POV-Ray itself.

use td_protocol::health::Slow;
use td_protocol::hello::PovrayState;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::Seen;
use crate::health::text::plain;

pub static POVRAY_CHECK: Check = Check {
    name: "povray",
    meaning: "Whether the node has a POV-Ray that td knows and that runs, and which.",
    when: "fail: there is none, or the agent cannot use it",
    remedy: "`td-provision apply` installs it (the package `povray`). What the agent itself says is in the sentence.",
    limit: None,
    look: povray,
};

fn povray(seen: &Seen<'_>) -> Finding {
    match &seen.report.povray {
        Some(PovrayState::Ready { fingerprint, .. }) => {
            let version = plain(&fingerprint.povray);
            Finding::ok(version.as_str(), format!("POV-Ray {version} of {} bit", fingerprint.word_size))
        }
        Some(PovrayState::Unusable { message }) => match plain(message) {
            none if none.is_empty() => Finding::fail("unusable", "its agent cannot use the POV-Ray there"),
            why => Finding::fail("unusable", why),
        },
        // The agent has not found out yet: what the probe saw.
        None => match seen.slow() {
            None => Finding::unsupported("the agent has not found out yet"),
            Some(slow) => of_the_probe(slow),
        },
    }
}

/// A trial that told no version may have hung: that is not the same as that there is no POV-Ray.
fn of_the_probe(slow: &Slow) -> Finding {
    if let Some(version) = slow.povray.as_deref().map(plain) {
        return Finding::ok(version.as_str(), format!("POV-Ray {version}"));
    }
    match slow.render.as_ref().and_then(|render| render.problem.as_deref()).map(plain) {
        Some(why) => Finding::fail("unusable", format!("the probe's test render failed: {why}")),
        None => Finding::unsupported("the agent has not found out yet"),
    }
}

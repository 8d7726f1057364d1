//! POV-Ray itself.

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
    // The probe looks again when it changes; the agent found out when it started.
    if seen.slow().is_some_and(|slow| slow.povray.is_none()) {
        return Finding::fail("missing", "there is no POV-Ray: td-provision apply installs it");
    }
    match &seen.report.povray {
        Some(PovrayState::Ready { fingerprint, .. }) => {
            let version = plain(&fingerprint.povray);
            Finding::ok(version.as_str(), format!("POV-Ray {version} of {} bit", fingerprint.word_size))
        }
        Some(PovrayState::Unusable { message }) => match plain(message) {
            none if none.is_empty() => Finding::fail("unusable", "its agent cannot use the POV-Ray there"),
            why => Finding::fail("unusable", why),
        },
        None => match seen.slow().and_then(|slow| slow.povray.as_deref()) {
            Some(version) => Finding::ok(plain(version), format!("POV-Ray {}", plain(version))),
            None => Finding::unsupported("the agent has not found out yet"),
        },
    }
}

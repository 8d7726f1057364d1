//! The agent's version against the master's.

use td_protocol::version;

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::plain;

pub static VERSION_CHECK: Check = Check {
    name: "version",
    meaning: "The agent's version of td against the master's. Neighbouring versions understand each other; what an older \
              agent does not say is `unsupported`.",
    when: "warn: another than the master's",
    remedy: "`td-provision apply` brings the agent that belongs to this td; where the agent is the newer one, update td here.",
    limit: None,
    look: |seen| {
        let theirs = plain(&seen.report.td);
        match theirs.as_str() {
            "" => Finding::unsupported("the agent does not tell its version"),
            same if same == version::TD => {
                Finding::ok(same, format!("td-agent {same}, as td here")).wanted(version::TD)
            }
            other => {
                let sentence = format!("td-agent there is {other}, td here is {}: td-provision apply", version::TD);
                Finding::warn(other, sentence).wanted(version::TD)
            }
        }
    },
};

//! A small picture, really rendered.

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::finite;
use crate::health::text::{plain, span};

pub static TEST_RENDER_CHECK: Check = Check {
    name: "test-render",
    meaning: "A small scene that the probe renders as the agent's user: at boot, when POV-Ray or its settings change, and \
              once a day.",
    when: "fail: no picture came of it",
    remedy: "Run what the sentence says by hand on the node as the user td; `td-provision verify` does the same and more.",
    limit: None,
    look: |seen| {
        let Some(slow) = seen.slow() else { return Finding::unsupported(seen.no_slow()) };
        match &slow.render {
            None => Finding::unsupported("the probe has not rendered it yet"),
            Some(trial) if trial.passed => {
                let took = finite(Some(trial.seconds)).map_or_else(String::new, span);
                Finding::ok(took.as_str(), format!("the test scene was rendered in {took}"))
            }
            Some(trial) => {
                let why = trial.problem.as_deref().map_or_else(|| "no picture came of it".to_owned(), plain);
                Finding::fail("failed", format!("the test render failed: {why}"))
            }
        }
    },
};

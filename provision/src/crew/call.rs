//! One call of `td-agent converge`: its events, sorted.

use td_protocol::converge::event::{Done, Event, Plan, ProofDone, Refused, ResourceDone, Start};
use td_protocol::converge::facts::Facts;

/// What td-agent is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Look only.
    Plan,
    /// Change.
    Apply,
    /// Prove.
    Verify,
    /// Take back.
    Remove,
}

impl Mode {
    /// The switch.
    pub fn switch(self) -> &'static str {
        match self {
            Mode::Plan => "--plan",
            Mode::Apply => "--apply",
            Mode::Verify => "--verify",
            Mode::Remove => "--remove",
        }
    }
}

/// What a call told.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Who answered.
    pub start: Option<Start>,
    /// What the node is, where asked for.
    pub facts: Option<Box<Facts>>,
    /// The resources.
    pub resources: Vec<ResourceDone>,
    /// The plan's summary.
    pub plan: Option<Plan>,
    /// The proofs.
    pub proofs: Vec<ProofDone>,
    /// That it did nothing.
    pub refused: Option<Refused>,
    /// How it ended.
    pub done: Option<Done>,
}

impl Call {
    /// Takes one line of output. What is no event is passed over: a newer agent may tell more. The event comes back where
    /// it is one that a reader wants at once.
    pub fn take(&mut self, line: &str) -> Option<Event> {
        let event: Event = serde_json::from_str(line).ok()?;
        match &event {
            Event::Start(start) => self.start = Some(start.clone()),
            Event::Facts(told) => self.facts = Some(Box::new(told.facts.clone())),
            Event::Resource(done) => self.resources.push(done.clone()),
            Event::Plan(plan) => self.plan = Some(plan.clone()),
            Event::Proof(proof) => self.proofs.push(proof.clone()),
            Event::Refused(refused) => self.refused = Some(refused.clone()),
            Event::Done(done) => self.done = Some(done.clone()),
            Event::Progress(_) => {}
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_event_is_passed_over() {
        let mut call = Call::default();
        for line in ["", "{}", "[1]", r#"{"event":"tomorrow"}"#, "td-agent: a warning"] {
            assert!(call.take(line).is_none(), "{line}");
        }
        let line = r#"{"event":"refused","reason":"locked","message":"busy"}"#;
        assert!(call.take(line).is_some());
        assert_eq!(call.refused.map(|refused| refused.message).as_deref(), Some("busy"));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in ".{0,80}") {
            let _ = Call::default().take(&line);
        }
    }
}

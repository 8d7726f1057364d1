//! What a check says.

use serde::Serialize;
use td_inventory::health::{Bounds, Limit, Worse};

use crate::health::seen::Seen;

/// How bad it is, the better ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The node does not say what the check needs.
    Unsupported,
    Ok,
    /// Somebody should look, and the node renders.
    Warn,
    /// Something is broken.
    Fail,
}

impl Verdict {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// Whether somebody has to act.
    #[must_use]
    pub fn is_bad(self) -> bool {
        self >= Self::Warn
    }
}

/// A check's answer for one node.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub verdict: Verdict,
    /// What was measured, in the unit of the check's limit; `None` where no number is compared.
    pub measured: Option<f64>,
    /// The limits that it was compared with.
    pub bounds: Option<Bounds>,
    /// What is, for people: `71.3 C`, `3.7.0.10`. Empty where it is unsupported.
    pub value: String,
    /// What should be, where that is no number of the limits: `800 MHz`.
    pub wanted: Option<String>,
    /// One sentence for the person who has to act; where all is well, what is.
    pub sentence: String,
    /// Facts behind it that have a meaning of their own.
    pub facts: Vec<(&'static str, bool)>,
}

impl Finding {
    fn new(verdict: Verdict, value: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            verdict,
            measured: None,
            bounds: None,
            value: value.into(),
            wanted: None,
            sentence: sentence.into(),
            facts: Vec::new(),
        }
    }

    pub(super) fn ok(value: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, value, sentence)
    }

    pub(super) fn warn(value: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, value, sentence)
    }

    pub(super) fn fail(value: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, value, sentence)
    }

    /// The node does not say; `why` is a sentence.
    pub(super) fn unsupported(why: impl Into<String>) -> Self {
        Self::new(Verdict::Unsupported, "", why)
    }

    pub(super) fn wanted(mut self, wanted: impl Into<String>) -> Self {
        self.wanted = Some(wanted.into());
        self
    }

    pub(super) fn facts(mut self, facts: impl IntoIterator<Item = (&'static str, bool)>) -> Self {
        self.facts = facts.into_iter().collect();
        self
    }

    /// A number against the node's limits. `what` says what is, `remedy` what to do where it is too bad.
    pub(super) fn measured(
        seen: &Seen<'_>,
        limit: &'static Limit,
        measured: f64,
        value: impl Into<String>,
        what: &str,
        remedy: &str,
    ) -> Self {
        if !measured.is_finite() {
            return Self::unsupported("the node tells a number that is none");
        }
        let bounds = seen.expected.thresholds.of(limit);
        let is_bad = |bound: Option<f64>| {
            bound.is_some_and(|bound| match limit.worse {
                Worse::High => measured >= bound,
                Worse::Low => measured < bound,
            })
        };
        let said = |bound: Option<f64>| bound.map_or_else(String::new, |bound| range(limit, bound));
        let (verdict, sentence) = if is_bad(bounds.fail) {
            (Verdict::Fail, format!("{what} (fail {}): {remedy}", said(bounds.fail)))
        } else if is_bad(bounds.warn) {
            (Verdict::Warn, format!("{what} (warn {}): {remedy}", said(bounds.warn)))
        } else {
            (Verdict::Ok, what.to_owned())
        };
        Self { measured: Some(measured), bounds: Some(bounds), ..Self::new(verdict, value, sentence) }
    }
}

/// Where the bad side of a limit is: `from 75 C`, `below 10 %`.
pub(super) fn range(limit: &Limit, bound: f64) -> String {
    match limit.worse {
        Worse::High => format!("from {}", limit.amount(bound)),
        Worse::Low => format!("below {}", limit.amount(bound)),
    }
}

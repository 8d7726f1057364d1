//! What a job's class of exactness means for how it is rendered. No I/O: words in, a decision out.

use td_protocol::options::RenderOptions;

use crate::scene::{Class, Verdict};
use crate::schedule::Sharing;

/// Where any row may begin a strip: the finer the cut, the evener. Eight rows are a tenth of a strip of a small picture.
const ANY_ROW: u32 = 1;

/// What the user said about jobs that are not exact when cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// `--exact`: refuse anything else.
    pub exact: bool,
    /// How `seams` is to be dealt with, once that is known.
    pub seams: Option<SeamsChoice>,
}

/// The three ways to render a picture that would show seams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeamsChoice {
    /// `--two-pass`: radiosity is computed once and shared.
    TwoPass,
    /// `--one-node`: one POV-Ray renders all of it.
    OneNode,
    /// `--allow-seams`.
    Allow,
}

/// How a job is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub class: Class,
    pub sharing: Sharing,
    /// Smallest height of a block, and so the finest cut, in rows.
    pub fine_rows: u32,
    /// Whether the picture is pixel for pixel what one POV-Ray makes.
    pub exact: bool,
    /// Why it is not, worst first; empty when exact.
    pub why: Vec<String>,
    /// Whether radiosity is saved by a first pass and loaded by the strips.
    pub first_pass: bool,
}

/// Why a picture of several groups is not exact.
pub const MIXED_GROUPS: &str =
    "--mix-groups: nodes of 32 and 64 bit, or of other versions of POV-Ray, draw procedural textures differently";

impl Policy {
    /// The same job on agents that draw textures differently: not exact, since a strip of one group beside one of the
    /// other shows. A picture by one POV-Ray is that of its own group.
    #[must_use]
    pub fn of_mixed_groups(mut self) -> Self {
        if self.sharing == Sharing::OneLease {
            return self;
        }
        self.class = Class::Seams;
        self.sharing = Sharing::WholeLeases;
        self.fine_rows = 32;
        self.exact = false;
        self.why.insert(0, MIXED_GROUPS.to_owned());
        self
    }
}

/// A job that is not rendered as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error(
        "this picture cannot be exact when it is shared out ({}): --one-node is exact, on the fastest node; \
         or leave --exact out", why.join("; ")
    )]
    NotExact { why: Vec<String> },
    #[error("{}", choices(why, *two_pass))]
    Seams {
        why: Vec<String>,
        /// Whether `--two-pass` would help.
        two_pass: bool,
    },
    #[error("--two-pass is for scenes with radiosity; this one shows seams for another reason ({})", why.join("; "))]
    NoRadiosity { why: Vec<String> },
}

fn choices(why: &[String], two_pass: bool) -> String {
    let mut text = format!("strips of this picture would show seams ({}). Say what you want:", why.join("; "));
    if two_pass {
        text.push_str(
            "\n  --two-pass     all nodes; radiosity is computed once and shared: near to one go, at most faint seams",
        );
    }
    text.push_str("\n  --one-node     exact, on one slot of the fastest node: as slow as one POV-Ray");
    text.push_str("\n  --allow-seams  all nodes; strips can differ visibly where they meet");
    text
}

/// Decides how to render. `class` is the verdict's class, or what the probe made of an uncertain one.
///
/// # Errors
/// [`PolicyError`] when the user has to choose, or insists on what cannot be.
pub fn decide(verdict: &Verdict, class: Class, options: &RenderOptions, wishes: Wishes) -> Result<Policy, PolicyError> {
    let why: Vec<String> = verdict
        .why
        .iter()
        .filter(|reason| reason.class > Class::Aligned32 && reason.class <= class)
        .map(|reason| reason.text.clone())
        .collect();
    let exact = |class, fine_rows| Policy {
        class,
        sharing: Sharing::Rows,
        fine_rows,
        exact: true,
        why: Vec::new(),
        first_pass: false,
    };
    if wishes.seams == Some(SeamsChoice::OneNode) {
        return Ok(Policy { sharing: Sharing::OneLease, ..exact(class, 32) });
    }
    match class {
        Class::AnyRow => return Ok(exact(class, ANY_ROW)),
        // Blocks of other heights would move the bounds that the class speaks of.
        Class::Aligned32 => return Ok(exact(class, 32)),
        Class::Noise | Class::TwoPass | Class::Seams => {}
    }
    if wishes.exact {
        return Err(PolicyError::NotExact { why });
    }
    let shared = |class, first_pass| Policy {
        class,
        sharing: Sharing::WholeLeases,
        fine_rows: 32,
        exact: false,
        why: why.clone(),
        first_pass,
    };
    match class {
        Class::Noise => Ok(shared(class, false)),
        Class::TwoPass => Ok(shared(class, wishes.seams == Some(SeamsChoice::TwoPass))),
        _ => match wishes.seams {
            Some(SeamsChoice::Allow) => Ok(shared(class, false)),
            Some(SeamsChoice::TwoPass) => Err(PolicyError::NoRadiosity { why }),
            _ => Err(PolicyError::Seams { why, two_pass: !options.dither }),
        },
    }
}

/// One word for a class, as it stands in messages and JSON.
#[must_use]
pub const fn class_word(class: Class) -> &'static str {
    match class {
        Class::AnyRow => "any row",
        Class::Aligned32 => "32-row bounds",
        Class::Noise => "noise",
        Class::TwoPass => "two-pass",
        Class::Seams => "seams",
    }
}

/// What a class means, in one sentence.
#[must_use]
pub const fn class_sentence(class: Class) -> &'static str {
    match class {
        Class::AnyRow => "strips may begin and end anywhere: exact",
        Class::Aligned32 => "strips begin at row 32k+1: exact",
        Class::Noise => "other grains than in one go, the same look, no seams",
        Class::TwoPass => "radiosity from a first pass: near to one go, at most faint seams",
        Class::Seams => "strips would show seams",
    }
}

//! What `td render` was asked for, once its words are read.

use std::ffi::OsString;

use crate::jobs::record::AgentsRecord;
use crate::render::groups::GroupWish;
use crate::render::muster::Where;
use crate::render::prepare::Asked;
use crate::schedule::Tuning;

/// How a picture is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum RenderMethod {
    /// td's own.
    #[default]
    Td,
    /// The paper's: equal strips, joined with convert -append.
    Classic,
}

impl RenderMethod {
    /// One word, as it is typed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Td => "td",
            Self::Classic => "classic",
        }
    }
}

/// All that `td render` was asked for.
#[derive(Debug, Clone)]
pub struct RenderRequest {
    /// The arguments as they were typed: for people.
    pub typed: Vec<OsString>,
    pub asked: Asked,
    /// The agents as they were asked for, to be written down; `place` is made from it.
    pub agents: AgentsRecord,
    pub method: RenderMethod,
    pub place: Where,
    /// Which of them work together.
    pub groups: GroupWish,
    /// Seconds without any progress, parsing included.
    pub stall_timeout: f64,
    /// Use nothing of earlier jobs.
    pub fresh: bool,
    /// Rows to render again elsewhere and compare.
    pub verify_rows: Option<u32>,
    pub tuning: Tuning,
    /// Whether the user can be asked.
    pub may_ask: bool,
    pub verbose: bool,
}

//! Exit codes: documented in docs/render.md and docs/health.md, kept stable.

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Done,
    Failed,
    /// Wrong use or refused input.
    Refused,
    /// Nodes that are needed do not answer.
    Unreachable,
    Interrupted,
    /// As Nagios wants it (`td health --nagios`).
    Nagios(u8),
}

impl ExitStatus {
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::Unreachable => 4,
            Self::Interrupted => 130,
            Self::Nagios(code) => code,
        }
    }
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

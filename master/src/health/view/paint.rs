//! Colours, where they are wanted.

use crate::health::finding::Verdict;
use crate::health::survey::Standing;

/// Whether words are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colours,
}

impl Paint {
    /// Colours on a terminal, unless `NO_COLOR` says otherwise (<https://no-color.org>).
    #[must_use]
    pub fn of(is_terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if is_terminal && !unwanted { Self::Colours } else { Self::Plain }
    }

    /// The word of a standing, filled up to `width`.
    pub(super) fn standing(self, standing: Standing, width: usize) -> String {
        let code = match standing {
            Standing::Ok => "32",
            Standing::Warn => "33",
            Standing::Fail => "1;31",
            Standing::Unreachable => "1;35",
        };
        self.word(standing.word(), code, width)
    }

    /// The word of a verdict, filled up to `width`.
    pub(super) fn verdict(self, verdict: Verdict, width: usize) -> String {
        match verdict {
            Verdict::Unsupported => self.word(verdict.word(), "2", width),
            _ => self.standing(verdict.into(), width),
        }
    }

    fn word(self, word: &str, code: &str, width: usize) -> String {
        let blanks = " ".repeat(width.saturating_sub(word.len()));
        match self {
            Self::Plain => format!("{word}{blanks}"),
            Self::Colours => format!("\x1b[{code}m{word}\x1b[0m{blanks}"),
        }
    }
}

//! How a command ends and how its text is dressed.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use td_inventory::Style;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Done,
    /// Something failed, and that was said: exit code 1.
    Failed,
    /// The input was refused, and that was said: exit code 2.
    Refused,
    /// A plan has changes pending: exit code 3.
    Pending,
    /// Nodes were not reached: exit code 4.
    Unreachable,
    /// Ctrl-C: exit code 130.
    Interrupted,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Refused => 2,
            Outcome::Pending => 3,
            Outcome::Unreachable => 4,
            Outcome::Interrupted => 130,
        }
    }
}

/// When to use colours and show lines of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where a person reads standard error on a terminal (no colours with NO_COLOR or TERM=dumb)
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// The style of findings on standard error.
    pub fn style(self) -> Style {
        match self {
            Color::Always => Style { color: true, excerpt: true },
            Color::Never => Style::default(),
            Color::Auto => {
                let terminal = io::stderr().is_terminal();
                let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                    || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                Style { color: terminal && !plain, excerpt: terminal }
            }
        }
    }
}

/// Whether the reader of our output went away.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

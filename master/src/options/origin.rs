//! Where each setting came from, for messages and for `-v`.

use std::fmt;
use std::path::PathBuf;

/// The place where something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    CommandLine,
    File {
        path: PathBuf,
        /// From 1.
        line: u32,
        /// The file that POV-Ray starts from by itself (`povray.ini`), or one that it names; not one that the user named.
        by_itself: bool,
    },
    /// An environment variable.
    Variable(&'static str),
    /// POV-Ray's default without any ini file.
    Default,
}

impl Source {
    /// Whether a person said this for this job: only then are they told what becomes of it.
    #[must_use]
    pub const fn is_deliberate(&self) -> bool {
        matches!(self, Self::CommandLine | Self::File { by_itself: false, .. })
    }

    /// `povray.ini:12: `, or nothing for the command line.
    #[must_use]
    pub fn prefix(&self) -> String {
        match self {
            Self::File { .. } | Self::Variable(_) => format!("{self}: "),
            Self::CommandLine | Self::Default => String::new(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Default => f.write_str("POV-Ray's default"),
        }
    }
}

/// One line of what `-v` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// POV-Ray's name, such as `Antialias_Threshold`.
    pub setting: &'static str,
    pub value: String,
    pub from: Source,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={} ({})", self.setting, self.value, self.from)
    }
}

//! Things about a scene's files that the user should know, though they stop nothing.

use std::path::PathBuf;

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Two places hold different files of one name.
    SeveralFiles { name: String, taken: PathBuf, others: Vec<PathBuf> },
    /// POV-Ray's own file is used though a `+L` folder holds another of the same name.
    StandardTaken { name: String, taken: PathBuf, others: Vec<PathBuf> },
    /// Two names lead to one place in the agents' folder, and only one file can lie there.
    SamePlace { name: String, taken: PathBuf, left: PathBuf },
    /// A file is there but cannot be read.
    Unreadable { path: PathBuf, named: String, reason: String },
    /// The scene asks whether files are there by names that it puts together: it may draw something else without them, and
    /// nobody is told.
    Asks { place: String },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        match self {
            Self::SeveralFiles { name, taken, others } => {
                write!(f, "{name}: took {}, not the different {}", taken.display(), list(others))
            }
            Self::StandardTaken { name, taken, others } => write!(
                f,
                "{name}: POV-Ray's own {} comes before library paths, so the different {} is not used",
                taken.display(),
                list(others)
            ),
            Self::SamePlace { name, taken, left } => write!(
                f,
                "{name}: {} and {} would lie in the same place; took the first",
                taken.display(),
                left.display()
            ),
            Self::Asks { place } => write!(
                f,
                "{place}: the scene looks for files by names that it computes (file_exists) and may draw something else \
                 where they are not: send their folder along with --assets DIR"
            ),
            Self::Unreadable { path, named, reason } => {
                write!(f, "{}: cannot be read ({reason}); named at {named}", path.display())
            }
        }
    }
}

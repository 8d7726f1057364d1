//! Why a scene cannot be taken: each sentence says what to do.

use std::path::PathBuf;

/// What is wrong with a scene or its files. All of these are the user's to mend (exit code 2), but for `Missing`,
/// which ends a render that had begun (exit code 1).
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    #[error("{}: there is no such scene{}", path.display(), hint_text(hint.as_deref()))]
    NotFound { path: PathBuf, hint: Option<String> },
    #[error("{}: this is a folder; name the .pov file in it", path.display())]
    IsFolder { path: PathBuf },
    #[error("{}: this is {what}, not a file; save the scene to a file and render that", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    #[error("{}: the scene is empty; has it been saved?", path.display())]
    Empty { path: PathBuf },
    #[error("{}: this is not a text, so it is no POV-Ray scene{}", path.display(), hint_text(hint.as_deref()))]
    Binary { path: PathBuf, hint: Option<String> },
    #[error("{}: this text has {size} bytes; td reads texts up to {} bytes", path.display(), super::files::MAX_TEXT)]
    TooLarge { path: PathBuf, size: u64 },
    #[error("{}: cannot be read: {source}{}", path.display(), named_text(named.as_deref()))]
    Unreadable {
        path: PathBuf,
        /// `file:line` where the scene names it.
        named: Option<String>,
        #[source]
        source: std::io::Error,
    },
    #[error("--assets {}: {reason}", path.display())]
    AssetsFolder { path: PathBuf, reason: String },
    #[error("{name}: POV-Ray needs this file and td does not find it; searched: {}{}", list(searched), hint_text(hint.as_deref()))]
    Missing { name: String, searched: Vec<PathBuf>, hint: Option<String> },
    #[error(
        "{name}: the scene puts this absolute name together as it runs, and other machines have no such folder; write \
         the name (or its folder, ending in `/`) whole in the scene, or use a relative name"
    )]
    AbsoluteComputed { name: String },
    #[error(
        "the scene needs {count} files; at most {} are possible (is --assets the right folder?)",
        td_protocol::bundle::MAX_FILES
    )]
    TooMany { count: usize },
    #[error("{name}: this file's name is too long or has characters that cannot be sent; rename it")]
    BadName { name: String },
}

impl SceneError {
    /// The same failure, with the place in the scene that names the file.
    #[must_use]
    pub(super) fn named_at(self, place: &str) -> Self {
        match self {
            Self::Unreadable { path, named: None, source } => {
                Self::Unreadable { path, named: Some(place.to_owned()), source }
            }
            other => other,
        }
    }
}

fn hint_text(hint: Option<&str>) -> String {
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}

fn named_text(named: Option<&str>) -> String {
    named.map(|named| format!(" (the scene names it at {named})")).unwrap_or_default()
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "nowhere".to_owned();
    }
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

//! All files below a folder, for `--assets`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use td_protocol::bundle::MAX_FILES;

use super::error::SceneError;

/// The names of all regular files below `folder`, relative to it and sorted. Symbolic links are followed; a folder
/// that is met inside itself is not entered again. Names that are not UTF-8 are left out: no scene can name them.
pub fn names_below(folder: &Path) -> Result<Vec<String>, SceneError> {
    let refuse = |reason: String| SceneError::AssetsFolder { path: folder.to_owned(), reason };
    if !folder.is_dir() {
        let reason = if folder.exists() { "this is not a folder" } else { "there is no such folder" };
        return Err(refuse(reason.to_owned()));
    }
    let mut names = BTreeSet::new();
    let real = folder.canonicalize().map_err(|error| refuse(error.to_string()))?;
    // Folders to read: their path, their name relative to `folder`, the real paths from there up to `folder`.
    let mut open: Vec<(PathBuf, String, Vec<PathBuf>)> = vec![(folder.to_owned(), String::new(), vec![real])];
    while let Some((path, prefix, above)) = open.pop() {
        let entries = fs::read_dir(&path).map_err(|error| refuse(format!("{}: {error}", path.display())))?;
        for entry in entries {
            let entry = entry.map_err(|error| refuse(format!("{}: {error}", path.display())))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            if metadata.is_file() {
                names.insert(name);
            } else if metadata.is_dir() {
                let Ok(real) = entry.path().canonicalize() else {
                    continue;
                };
                if !above.contains(&real) {
                    let mut above = above.clone();
                    above.push(real);
                    open.push((entry.path(), name, above));
                }
            }
            if names.len() > MAX_FILES || open.len() > MAX_FILES {
                return Err(SceneError::TooMany { count: names.len() + open.len() });
            }
        }
    }
    Ok(names.into_iter().collect())
}

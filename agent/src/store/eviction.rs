//! Keeping a folder below a size and an age: the least recently used files go first.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::clock::NEVER_SET;

/// Removes files below `folder`, oldest first by time of modification, until at most `bound` bytes remain.
/// Files in `kept` stay. Errors are logged: a cache that cannot shrink is no reason to fail.
pub fn shrink(folder: &Path, bound: u64, kept: &HashSet<PathBuf>) {
    let mut files = Vec::new();
    collect(folder, &mut files);
    let mut total: u64 = files.iter().map(|file| file.size).sum();
    if total <= bound {
        return;
    }
    files.sort_by_key(|file| file.used);
    for file in files {
        if total <= bound {
            break;
        }
        if !kept.contains(&file.path) && file.remove() {
            total -= file.size;
        }
    }
}

/// Removes files below `folder` that were not used for `age`, and folders that are empty then. Files in `kept` stay, and so do those
/// whose time is not to be believed: before 2020, or ahead.
pub fn expire(folder: &Path, age: Duration, kept: &HashSet<PathBuf>) {
    let mut files = Vec::new();
    collect(folder, &mut files);
    let now = SystemTime::now();
    let was_set = SystemTime::UNIX_EPOCH + NEVER_SET;
    let is_old = |file: &&Kept| file.used > was_set && now.duration_since(file.used).is_ok_and(|unused| unused > age);
    for file in files.iter().filter(is_old).filter(|file| !kept.contains(&file.path)) {
        if file.remove()
            && let Some(emptied) = file.path.parent().filter(|parent| *parent != folder)
        {
            // It is refused where anything is left.
            let _ = std::fs::remove_dir(emptied);
        }
    }
}

/// Removes files that an agent was writing when it was killed. Only where no agent is at work: at the start.
pub fn remove_unfinished(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_unfinished(&path);
        } else if is_unfinished(&path)
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::debug!("{} stays: {error}", path.display());
        }
    }
}

/// What is still being written has a hidden name.
fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Marks a file as used now.
pub fn touch(path: &Path) {
    let touched = std::fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        tracing::debug!("cannot mark {} as used: {error}", path.display());
    }
}

struct Kept {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

impl Kept {
    /// Whether it is gone.
    fn remove(&self) -> bool {
        let removed = std::fs::remove_file(&self.path);
        removed.inspect_err(|error| tracing::warn!("cannot remove {}: {error}", self.path.display())).is_ok()
    }
}

fn collect(folder: &Path, files: &mut Vec<Kept>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            collect(&entry.path(), files);
        } else if !is_unfinished(&entry.path()) {
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            files.push(Kept { path: entry.path(), size: meta.len(), used });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_least_recently_used_go_first_and_the_kept_stay() {
        let folder = tempfile::tempdir().unwrap();
        for (age, name) in [(50, "kept"), (40, "old"), (30, "newer"), (20, "newest")] {
            let path = folder.path().join(name);
            std::fs::write(&path, [0; 10]).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
        }
        let kept = HashSet::from([folder.path().join("kept")]);
        shrink(folder.path(), 25, &kept);
        let mut left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["kept", "newest"]);
    }

    #[test]
    fn what_was_not_used_for_so_long_goes() {
        let folder = tempfile::tempdir().unwrap();
        let days = |days: u64| Duration::from_secs(days * 86_400);
        for (path, time) in [
            ("gone/0-32", SystemTime::now() - days(31)),
            ("half/0-32", SystemTime::now() - days(31)),
            ("half/32-64", SystemTime::now() - days(29)),
            ("open/0-32", SystemTime::now() - days(31)),
            ("ahead/0-32", SystemTime::now() + days(400)),
            ("unset/0-32", SystemTime::UNIX_EPOCH + days(1)),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, [0; 10]).unwrap();
            std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
        }
        expire(folder.path(), days(30), &HashSet::from([folder.path().join("open/0-32")]));
        let is_there = |path: &str| folder.path().join(path).exists();
        assert!(!is_there("gone") && !is_there("half/0-32"));
        assert!(is_there("half/32-64") && is_there("open/0-32") && is_there("ahead/0-32") && is_there("unset/0-32"));
    }

    #[test]
    fn what_is_being_written_stays_until_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("job")).unwrap();
        for name in [".tmpABC", "job/.tmpDEF", "job/0-32", "old"] {
            std::fs::write(folder.path().join(name), [0; 10]).unwrap();
        }
        shrink(folder.path(), 0, &HashSet::new());
        assert!(folder.path().join(".tmpABC").exists() && folder.path().join("job/.tmpDEF").exists());
        assert!(!folder.path().join("job/0-32").exists() && !folder.path().join("old").exists());
        std::fs::write(folder.path().join("kept"), "").unwrap();
        remove_unfinished(folder.path());
        assert!(!folder.path().join(".tmpABC").exists() && !folder.path().join("job/.tmpDEF").exists());
        assert!(folder.path().join("kept").exists());
    }
}

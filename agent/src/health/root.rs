//! Where the node's files lie: below `/`, or below a folder that stands for a node in tests.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// No file of /proc, /sys and /etc that is read here is longer; dpkg's and the kernel's log are read otherwise.
const MOST_BYTES: u64 = 1 << 20;

/// The root of a node's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Where an absolute path of the node lies.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    /// Whether this is the machine that this program runs on.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// A file's text; none when there is no file or it cannot be read.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        read(&self.path(path))
    }

    /// A file's only line, without blanks around it.
    #[must_use]
    pub fn line(&self, path: &str) -> Option<String> {
        self.text(path).map(|text| text.trim().to_owned()).filter(|line| !line.is_empty())
    }

    /// A file's only number.
    #[must_use]
    pub fn number<N: FromStr>(&self, path: &str) -> Option<N> {
        self.line(path)?.parse().ok()
    }

    /// The names in a folder, sorted.
    #[must_use]
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.path(path)).is_ok()
    }
}

/// The text of a file, its first megabyte at most.
#[must_use]
pub fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A node of files.
    pub fn node(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        for (path, text) in files {
            let path = root.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (dir, root)
    }

    #[test]
    fn what_is_not_there_is_none() {
        let (_dir, root) = node(&[("/proc/uptime", " 12.5\n"), ("/sys/x/b", ""), ("/sys/x/a", "")]);
        assert_eq!(root.number::<f64>("/proc/uptime"), Some(12.5));
        assert_eq!(root.number::<u32>("/proc/uptime"), None);
        assert_eq!((root.text("/proc/none"), root.line("/sys/x/a")), (None, None));
        assert_eq!(root.names("/sys/x"), ["a", "b"]);
        assert!(root.names("/none").is_empty() && !root.is_here());
    }
}

//! Finding POV-Ray 3.7 on this node.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::povray::large_file::Machine;

/// The environment variable that names another POV-Ray than the first `povray` in `PATH`.
pub const POVRAY_VARIABLE: &str = "TD_POVRAY";

/// Where Debian, Raspberry Pi OS and a build from source put the files that come with POV-Ray.
const SHARED_FOLDERS: [&str; 2] = ["/usr/share/povray-3.7", "/usr/local/share/povray-3.7"];

/// A POV-Ray that td can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Povray {
    pub path: PathBuf,
    /// Without a packager's suffixes: `3.7.0.10`.
    pub version: String,
    /// Bits of a pointer in the binary.
    pub word_size: u32,
    /// The 32-bit machine that the binary is for; `None` for 64 bit and for a wrapper script.
    pub machine: Option<Machine>,
    /// Folders with the standard includes and fonts, in the order of Debian's system-wide ini file.
    pub library_paths: Vec<PathBuf>,
}

/// Why there is no POV-Ray to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    #[error("POV-Ray is not installed on this node: install the packages povray and povray-includes")]
    Missing,
    #[error("{POVRAY_VARIABLE} names {0}, which is no program that can be run")]
    Unusable(PathBuf),
    #[error("{path} does not start: {reason}")]
    DoesNotStart { path: PathBuf, reason: String },
    #[error("{path} is POV-Ray {found}; td knows the behaviour of 3.7 only: install POV-Ray 3.7")]
    OtherVersion { path: PathBuf, found: String },
    #[error("{0} did not tell a POV-Ray version")]
    NoVersion(PathBuf),
    #[error(
        "{path} is of {found} bit, and this node is to render with one of {wanted}: `td-provision apply` installs it"
    )]
    OtherWordSize { path: PathBuf, found: u32, wanted: u32 },
}

impl Povray {
    /// This one, if it has the word size that is asked for.
    ///
    /// # Errors
    /// [`LocateError::OtherWordSize`].
    pub fn of_word_size(self, wanted: Option<u32>) -> Result<Self, LocateError> {
        match wanted {
            Some(wanted) if wanted != self.word_size => {
                Err(LocateError::OtherWordSize { path: self.path, found: self.word_size, wanted })
            }
            _ => Ok(self),
        }
    }
}

/// Finds the POV-Ray of this node.
///
/// # Errors
/// [`LocateError`], a sentence for the node's keeper.
pub fn locate() -> Result<Povray, LocateError> {
    locate_knowing(|_| None)
}

/// The same, where `known` may know the version of this very program from earlier: asking POV-Ray for it takes 0.2 s, which
/// a render that starts an agent for itself waits for.
///
/// # Errors
/// [`LocateError`], a sentence for the node's keeper.
pub fn locate_knowing(known: impl FnOnce(&Path) -> Option<String>) -> Result<Povray, LocateError> {
    let path = match std::env::var_os(POVRAY_VARIABLE) {
        Some(path) if is_program(Path::new(&path)) => PathBuf::from(path),
        Some(path) => return Err(LocateError::Unusable(PathBuf::from(path))),
        None => find_in_path("povray").ok_or(LocateError::Missing)?,
    };
    let version = match known(&path) {
        Some(version) => version,
        None => ask_version(&path)?,
    };
    let head = head(&path);
    let machine = Machine::of(&head);
    Ok(Povray { path, version, word_size: word_size(&head), machine, library_paths: library_paths() })
}

/// The version that POV-Ray tells, if it is one that td can use.
fn ask_version(path: &Path) -> Result<String, LocateError> {
    let printed = version_output(path)?;
    let full = find_version(&printed).ok_or_else(|| LocateError::NoVersion(path.to_owned()))?;
    let version = without_suffixes(full);
    if version != "3.7" && !version.starts_with("3.7.") {
        return Err(LocateError::OtherVersion { path: path.to_owned(), found: full.to_owned() });
    }
    Ok(version)
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(|file| is_program(file))
}

fn version_output(path: &Path) -> Result<String, LocateError> {
    let failed = |reason: String| LocateError::DoesNotStart { path: path.to_owned(), reason };
    let output = Command::new(path)
        .arg("--version")
        .env_clear()
        .env("HOME", "/nonexistent")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

fn find_version(printed: &str) -> Option<&str> {
    let rest = &printed[printed.find("POV-Ray ")? + "POV-Ray ".len()..];
    rest.split_whitespace().next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// `3.7.0.10.unofficial` and `3.7.0.10+b2` are both `3.7.0.10`: rebuilds of one source draw alike.
fn without_suffixes(version: &str) -> String {
    let numbers: String = version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    numbers.trim_end_matches('.').to_owned()
}

/// The first bytes of a program, as far as they tell what machine it is for.
fn head(path: &Path) -> [u8; 20] {
    let mut head = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    if read.is_ok() { head } else { [0; 20] }
}

/// The ELF class; a wrapper script is taken to start a binary of this program's own size.
const fn word_size(head: &[u8; 20]) -> u32 {
    match head {
        [0x7f, b'E', b'L', b'F', 1, ..] => 32,
        [0x7f, b'E', b'L', b'F', 2, ..] => 64,
        _ => usize::BITS,
    }
}

fn library_paths() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for folder in SHARED_FOLDERS.map(Path::new) {
        for below in ["", "ini", "include"] {
            let path = if below.is_empty() { folder.to_owned() } else { folder.join(below) };
            if path.is_dir() && !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// Identifies the binary cheaply: path, size, time of change.
#[must_use]
pub fn binary_identity(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match std::fs::metadata(&real) {
        Ok(meta) => format!("{} {} {}.{}", OsStr::new(&real).display(), meta.len(), meta.mtime(), meta.mtime_nsec()),
        Err(_) => real.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_lose_their_suffixes() {
        let printed = "POV-Ray 3.7.0.10.unofficial\n\nThis is an unofficial version";
        assert_eq!(find_version(printed), Some("3.7.0.10.unofficial"));
        assert_eq!(without_suffixes("3.7.0.10.unofficial"), "3.7.0.10");
        assert_eq!(without_suffixes("3.7.0.10+b2"), "3.7.0.10");
        assert_eq!(without_suffixes("3.8.0-beta.2"), "3.8.0");
    }
}

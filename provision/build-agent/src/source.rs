//! td's own sources: where they are and what their content is.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::problem::Problem;

/// What goes into the agent, of the checkout.
const PARTS: [&str; 4] = ["Cargo.toml", "Cargo.lock", "agent", "protocol"];
/// Folders of a crate that do not go into its binary.
const BESIDE: [&str; 4] = ["tests", "examples", "benches", "target"];

/// A checkout of td.
#[derive(Debug, Clone)]
pub struct Source {
    root: PathBuf,
}

impl Source {
    /// The checkout that `named`, the working folder or this program lies in, in this order.
    ///
    /// # Errors
    /// [`Problem::NoSource`].
    pub fn find(named: Option<&Path>) -> Result<Self, Problem> {
        if let Some(named) = named {
            let root = fs::canonicalize(named).map_err(Problem::file(named))?;
            return if is_checkout(&root) { Ok(Self { root }) } else { Err(Problem::NoSource(root)) };
        }
        let here = std::env::current_dir().map_err(Problem::file(Path::new(".")))?;
        let program = std::env::current_exe().and_then(fs::canonicalize).unwrap_or_default();
        let root = here.ancestors().chain(program.ancestors()).find(|folder| is_checkout(folder));
        root.map(|root| Self { root: root.to_owned() }).ok_or(Problem::NoSource(here))
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// cargo's folder for what it builds: `$CARGO_TARGET_DIR`, else `target` in the checkout.
    #[must_use]
    pub fn target_folder(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
            None => self.root.join("target"),
        }
    }

    /// The oldest Rust that builds td, from the checkout's Cargo.toml.
    ///
    /// # Errors
    /// When Cargo.toml cannot be read.
    pub fn wanted_rust(&self) -> Result<String, Problem> {
        let path = self.root.join("Cargo.toml");
        let text = fs::read_to_string(&path).map_err(Problem::file(&path))?;
        let line = text.lines().find_map(|line| line.strip_prefix("rust-version"));
        let version = line.and_then(|line| line.split('"').nth(1));
        Ok(version.unwrap_or("1.89").to_owned())
    }

    /// A hash of all that goes into the agent: names and contents, not times.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn hash(&self) -> Result<String, Problem> {
        let mut files = Vec::new();
        for part in PARTS {
            gather(&self.root.join(part), &mut files)?;
        }
        files.sort();
        let mut hash = Sha256::new();
        for file in files {
            let bytes = fs::read(&file).map_err(Problem::file(&file))?;
            let name = file.strip_prefix(&self.root).unwrap_or(&file).as_os_str().as_encoded_bytes();
            for part in [name, &bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Ok(hex::encode(hash.finalize()))
    }
}

/// Other workspaces have a folder `agent`, too, and nobody is to build those unasked.
fn is_checkout(folder: &Path) -> bool {
    let agent = fs::read_to_string(folder.join("agent/Cargo.toml")).unwrap_or_default();
    folder.join("Cargo.toml").is_file() && agent.lines().any(|line| line.trim() == "name = \"td-agent\"")
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(Problem::file(path))? {
        let entry = entry.map_err(Problem::file(path))?;
        let name = entry.file_name();
        let is_beside = name.to_str().is_some_and(|name| BESIDE.contains(&name) || name.starts_with('.'));
        if !is_beside {
            gather(&entry.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkout with the least that one needs.
    fn checkout() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "[workspace.package]\nrust-version = \"1.90\"\n");
        write("Cargo.lock", "");
        write("agent/Cargo.toml", "[package]\nname = \"td-agent\"\n");
        write("agent/src/main.rs", "fn main() {}");
        write("agent/tests/all.rs", "");
        write("protocol/src/lib.rs", "");
        folder
    }

    #[test]
    fn the_hash_follows_what_goes_into_the_agent_and_nothing_else() {
        let folder = checkout();
        let source = Source::find(Some(folder.path())).unwrap();
        let first = source.hash().unwrap();
        fs::write(folder.path().join("agent/tests/all.rs"), "changed").unwrap();
        fs::write(folder.path().join("README.md"), "new").unwrap();
        assert_eq!(source.hash().unwrap(), first);
        fs::write(folder.path().join("agent/src/main.rs"), "fn main() { }").unwrap();
        assert_ne!(source.hash().unwrap(), first);
        assert_eq!(source.wanted_rust().unwrap(), "1.90");
    }

    #[test]
    fn a_folder_without_sources_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Source::find(Some(folder.path())).unwrap_err();
        assert!(matches!(error, Problem::NoSource(_)));
        assert_eq!(error.exit_code(), 2);
        let other = checkout();
        fs::write(other.path().join("agent/Cargo.toml"), "[package]\nname = \"agent\"\n").unwrap();
        assert!(Source::find(Some(other.path())).is_err());
    }
}

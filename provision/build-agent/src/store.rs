//! Finished agents, kept under a hash of all that made them: a second call finds what the first built.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::elf;
use crate::problem::Problem;
use crate::run::Hands;
use crate::target::Target;

/// Agents of one target that are kept.
const KEPT: usize = 6;
/// The file beside an agent that holds the hash of its sources.
const SOURCES: &str = "sources";

/// The folder of finished agents.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The key of what these sources and this toolchain make.
    pub(crate) fn key(source: &str, toolchain: &str, target: Target) -> String {
        let mut hash = Sha256::new();
        for part in ["agents 1", source, toolchain, target.triple()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex::encode(&hash.finalize()[..16])
    }

    fn place(&self, target: Target, key: &str) -> PathBuf {
        self.folder.join(target.triple()).join(key)
    }

    /// A finished agent; one that was damaged since is none.
    pub(crate) fn find(&self, target: Target, key: &str) -> Option<PathBuf> {
        let path = self.place(target, key).join("td-agent");
        let wanted = fs::read_to_string(path.with_extension("sha256")).ok()?;
        let bytes = fs::read(&path).ok()?;
        (hex::encode(Sha256::digest(&bytes)) == wanted && elf::check(&bytes, target).is_ok()).then_some(path)
    }

    /// The agent that was last made of these sources, by whatever toolchain.
    pub(crate) fn find_of(&self, target: Target, sources: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(self.folder.join(target.triple())).ok()?;
        let mut made: Vec<_> = entries
            .flatten()
            .filter(|entry| fs::read_to_string(entry.path().join(SOURCES)).is_ok_and(|text| text == sources))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.file_name().into_string().ok()?)))
            .collect();
        made.sort();
        made.iter().rev().find_map(|(_, key)| self.find(target, key))
    }

    /// Keeps a built agent, if it is what the target needs.
    ///
    /// # Errors
    /// [`Problem::Unfit`], or when it cannot be written.
    pub(crate) fn keep(&self, target: Target, key: &str, sources: &str, built: &Path) -> Result<PathBuf, Problem> {
        let bytes = fs::read(built).map_err(Problem::file(built))?;
        elf::check(&bytes, target).map_err(|why| Problem::Unfit {
            target: target.triple(),
            path: built.to_owned(),
            why,
        })?;
        let folder = self.place(target, key);
        fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
        let path = folder.join("td-agent");
        put(&path, &bytes)?;
        put(&path.with_extension("sha256"), hex::encode(Sha256::digest(&bytes)).as_bytes())?;
        put(&folder.join(SOURCES), sources.as_bytes())?;
        self.forget_old(target);
        Ok(path)
    }

    fn forget_old(&self, target: Target) {
        let Ok(entries) = fs::read_dir(self.folder.join(target.triple())) else { return };
        let mut kept: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        kept.sort();
        let surplus = kept.len().saturating_sub(KEPT);
        for (_, path) in kept.into_iter().take(surplus) {
            // What cannot be removed now is removed next time.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Writes a program so that nobody ever sees half of it.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(Problem::file(folder))?;
    file.write_all(bytes).map_err(Problem::file(path))?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o755)).map_err(Problem::file(path))?;
    file.persist(path).map_err(|error| Problem::file(path)(error.error))?;
    Ok(())
}

/// One build at a time in one folder: a second one waits for the first and then finds what that built.
///
/// # Errors
/// When the folder cannot be locked, or the user interrupts the wait.
pub(crate) fn lock(folder: &Path, hands: &mut Hands<'_>) -> Result<File, Problem> {
    fs::create_dir_all(folder).map_err(Problem::file(folder))?;
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(Problem::file(&path))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    hands.watch.note("another build of the agent runs in this folder; waiting for it");
                    told = true;
                }
                hands.check_interrupted()?;
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(TryLockError::Error(error)) => return Err(Problem::file(&path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_sources_toolchain_and_target() {
        let first = Store::key("a", "b", Target::Armv6);
        assert_eq!(first, Store::key("a", "b", Target::Armv6));
        assert_ne!(first, Store::key("ab", "", Target::Armv6));
        assert_ne!(first, Store::key("a", "c", Target::Armv6));
        assert_ne!(first, Store::key("a", "b", Target::Armv7));
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        // This test itself: not static, not stripped.
        let built = std::env::current_exe().unwrap();
        assert!(matches!(store.keep(Target::Armv6, "k", "s", &built), Err(Problem::Unfit { .. })));
        assert_eq!(store.find(Target::Armv6, "k"), None);
        assert_eq!(store.find_of(Target::Armv6, "s"), None);
    }
}

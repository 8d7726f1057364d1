//! Agents that were built elsewhere: a folder with one file for each target.

use std::path::{Path, PathBuf};

use crate::elf;
use crate::problem::Problem;
use crate::target::Target;

/// The agent for `target` in a folder of prebuilt ones: `TRIPLE/td-agent`, `TRIPLE/release/td-agent` (so cargo's own
/// target folder will do) or `td-agent-TRIPLE`. It is read and checked as a build of one's own is.
///
/// # Errors
/// When there is none, or it is not what the target needs.
pub fn prebuilt(folder: &Path, target: Target) -> Result<PathBuf, Problem> {
    let triple = target.triple();
    let names = [format!("{triple}/td-agent"), format!("{triple}/release/td-agent"), format!("td-agent-{triple}")];
    let Some(path) = names.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
        let looked_for = names.join(", ");
        return Err(Problem::NoPrebuilt { target: triple, folder: folder.to_owned(), looked_for });
    };
    let bytes = std::fs::read(&path).map_err(Problem::file(&path))?;
    match elf::check(&bytes, target) {
        Ok(()) => Ok(path),
        Err(why) => Err(Problem::NotPrebuilt { target: triple, path, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machines_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = prebuilt(folder.path(), Target::Armv6).unwrap_err();
        assert!(missing.to_string().contains("arm-unknown-linux-musleabihf/td-agent"), "{missing}");
        let place = folder.path().join("td-agent-arm-unknown-linux-musleabihf");
        std::fs::copy(std::env::current_exe().unwrap(), &place).unwrap();
        let wrong = prebuilt(folder.path(), Target::Armv6).unwrap_err();
        assert_eq!(wrong.exit_code(), 2);
        assert!(wrong.to_string().contains("another machine"), "{wrong}");
    }
}

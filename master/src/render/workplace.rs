//! The folder of one job on the master, and the job's id.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::render::failure::RenderError;

/// A job's own folder below `$XDG_STATE_HOME/td/jobs`; removed when this is dropped.
#[derive(Debug)]
pub struct Workplace {
    id: String,
    folder: PathBuf,
}

impl Workplace {
    /// # Errors
    /// When there is no folder for it, or it cannot be made.
    pub fn create() -> Result<Self, RenderError> {
        let id = new_id();
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let base =
            base.ok_or_else(|| RenderError::Usage("no folder for td's jobs: set HOME or XDG_STATE_HOME".to_owned()))?;
        let jobs = base.join("td/jobs");
        remove_left_behind(&jobs);
        let folder = jobs.join(&id);
        std::fs::create_dir_all(&folder).map_err(|source| RenderError::Folder { path: folder.clone(), source })?;
        Ok(Self { id, folder })
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

/// Removes the folders of td processes that were killed.
fn remove_left_behind(jobs: &Path) {
    let Ok(entries) = std::fs::read_dir(jobs) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| u32::from_str_radix(name.rsplit('-').next()?, 16).ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::debug!("{} stays: {error}", entry.path().display());
        }
    }
}

/// Seconds since 1970 and the process: unique on one machine, and sorted by time.
fn new_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:05x}-{:x}", since.as_secs(), since.subsec_micros(), std::process::id())
}

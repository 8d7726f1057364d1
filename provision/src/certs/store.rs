//! Files that appear whole or not at all, readable by their owner only.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::make::Pair;

/// Makes a folder that is its owner's alone.
pub fn private_folder(path: &Path) -> Result<()> {
    let made = DirBuilder::new().mode(0o700).create(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other.with_context(|| format!("cannot make the folder {}", path.display()))?,
    }
    // The umask of whoever made it before does not count.
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot set the permissions of {}", path.display()))
}

/// Writes key and certificate. The key goes first: a certificate that is there has its key, or [`super::look`] says that
/// the two do not belong together, and `issue` makes both anew.
pub fn pair(pair: &Pair, certificate: &Path, key: &Path) -> Result<()> {
    replace(key, pair.key.as_bytes(), 0o600)?;
    replace(certificate, pair.certificate.as_bytes(), 0o644)
}

/// Puts `content` under `path` in one step.
fn replace(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".td-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .with_context(failed)?;
    file.write_all(content).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    // tempfile's mode goes through the umask; a certificate may be stricter than asked, a key must not be laxer.
    file.persist(path).map_err(|error| error.error).with_context(failed)?;
    Ok(())
}

/// Makes what was renamed in `folder` last through a loss of power.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|file| file.sync_all()).with_context(|| format!("cannot sync {}", folder.display()))
}

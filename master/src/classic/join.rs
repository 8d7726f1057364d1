//! ImageMagick joins the parts, all of them in memory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::render::failure::RenderError;

/// ImageMagick's `convert` in `PATH`.
///
/// # Errors
/// When there is none: told before anything is rendered.
pub fn find_convert() -> Result<PathBuf, RenderError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("convert")).find(|program| program.is_file());
    found.ok_or_else(|| {
        let text = "the classic method joins with ImageMagick's `convert`, which is not in PATH: install imagemagick";
        RenderError::Usage(text.to_owned())
    })
}

/// `convert PART ... -append OUT`. It ends with the future, and does not hear the terminal's Ctrl-C itself.
///
/// # Errors
/// With ImageMagick's own words.
pub async fn append(convert: &Path, parts: &[PathBuf], out: &Path) -> Result<(), RenderError> {
    let mut named = OsString::from("png:");
    named.push(out);
    let mut command = Command::new(convert);
    command.args(parts).arg("-append").arg(named).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    let output = command.output().await.map_err(|source| RenderError::Folder { path: convert.to_owned(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(RenderError::Nodes(format!("{} -append failed ({}): {}", convert.display(), output.status, said.trim())))
}

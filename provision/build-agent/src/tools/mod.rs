//! The tools of a build: found on the machine, or unpacked into a folder of the checkout's own. Nothing of the user's is
//! changed: no package is installed, no toolchain is added, no folder in the home is written but cargo's registry cache.

pub(crate) mod debian;
pub(crate) mod rust;
pub(crate) mod zig;

use std::path::Path;

use crate::problem::Problem;

/// The file that says that a tool's folder is whole; written last.
const COMPLETE: &str = "complete";

/// Whether a tool was unpacked to its end, and the same as is wanted now.
fn is_complete(folder: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(folder.join(COMPLETE)).is_ok_and(|text| text == wanted)
}

/// An empty folder for a tool: what an interrupted run left goes.
fn begin(folder: &Path) -> Result<(), Problem> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Problem::file(folder)(error)),
        _ => {}
    }
    std::fs::create_dir_all(folder).map_err(Problem::file(folder))
}

fn finish(folder: &Path, what: &str) -> Result<(), Problem> {
    let path = folder.join(COMPLETE);
    std::fs::write(&path, what).map_err(Problem::file(&path))
}

//! Which ini file POV-Ray starts from, and where it looks for those that are named.

use std::io;
use std::path::{Path, PathBuf};

use crate::options::surroundings::Surroundings;

/// Where Debian's POV-Ray 3.7 has its includes; the library path when there is no ini file at all.
pub const BUILT_IN_LIBRARY: &str = "/usr/share/povray-3.7/include";

/// An ini file, found and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// The first of these that can be read, and only that: `$POVINI`, `./povray.ini`, the user's, the system's, and the two
/// older places. (Seen with strace on 3.7.0.10.) The second value is a `$POVINI` that could not be read: POV-Ray then goes on to the next.
pub fn starting_file(surroundings: &dyn Surroundings) -> (Option<Found>, Option<(PathBuf, io::Error)>) {
    let mut failed = None;
    if let Some(named) = surroundings.variable("POVINI") {
        let path = PathBuf::from(named);
        match surroundings.read(&path) {
            Ok(bytes) => return (Some(Found { path, bytes }), None),
            Err(error) => failed = Some((path, error)),
        }
    }
    let home = surroundings.variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let in_home = |name: &str| home.as_ref().map(|home| home.join(name));
    let places = [
        Some(PathBuf::from("./povray.ini")),
        in_home(".povray/3.7/povray.ini"),
        Some(PathBuf::from("/etc/povray/3.7/povray.ini")),
        in_home(".povrayrc"),
        Some(PathBuf::from("/etc/povray.ini")),
    ];
    let found = places.into_iter().flatten().find_map(|path| {
        let bytes = surroundings.read(&path).ok()?;
        Some(Found { path, bytes })
    });
    (found, failed)
}

/// Finds a named ini file: as it is, with `.ini`, with `.INI`; in the current folder, then in each library path.
///
/// # Errors
/// That of the first file that is there and cannot be read, or [`io::ErrorKind::NotFound`].
pub fn find(name: &str, library_paths: &[PathBuf], surroundings: &dyn Surroundings) -> io::Result<Found> {
    let folders = std::iter::once(Path::new("")).chain(library_paths.iter().map(PathBuf::as_path));
    for folder in folders {
        for candidate in spellings(name) {
            let path = folder.join(candidate);
            match surroundings.read(&path) {
                Ok(bytes) => return Ok(Found { path, bytes }),
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => return Err(error),
            }
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// POV-Ray takes a name as it is only if it ends in a dot and at most three letters.
fn spellings(name: &str) -> Vec<String> {
    let has_extension = name.rfind('.').is_some_and(|dot| name.len() - dot <= 4);
    let as_it_is = has_extension.then(|| name.to_owned());
    as_it_is.into_iter().chain([format!("{name}.ini"), format!("{name}.INI")]).collect()
}

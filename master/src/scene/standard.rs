//! POV-Ray's own files: the include folder that comes with it.
//!
//! They are on every node that has POV-Ray's includes, so they are not sent, and they declare far more than any
//! scene uses, so their words alone say nothing about a scene.

use std::path::{Path, PathBuf};

/// Where packages put POV-Ray 3.7's files.
const BASES: [&str; 4] = [
    "/usr/share/povray-3.7",
    "/usr/local/share/povray-3.7",
    "/opt/homebrew/share/povray-3.7",
    "/opt/local/share/povray-3.7",
];

/// The text includes of POV-Ray 3.7, for a master that has no POV-Ray.
const NAMES: [&str; 52] = [
    "arrays",
    "chars",
    "colors",
    "consts",
    "debug",
    "finish",
    "functions",
    "glass",
    "glass_old",
    "golds",
    "ior",
    "logo",
    "makegrass",
    "math",
    "meshmaker",
    "metals",
    "rad_def",
    "rand",
    "screen",
    "shapes",
    "shapes2",
    "shapes3",
    "shapes_old",
    "shapesq",
    "skies",
    "stage1",
    "stars",
    "stdcam",
    "stdinc",
    "stoneold",
    "stones",
    "stones1",
    "stones2",
    "strings",
    "sunpos",
    "textures",
    "transforms",
    "woodmaps",
    "woods",
    "ash",
    "benediti",
    "bubinga",
    "cedar",
    "marbteal",
    "orngwood",
    "pinkmarb",
    "rdgranit",
    "teak",
    "whiteash",
    "crystal",
    "cyrvetic",
    "timrom",
];

/// The folders of this machine's own POV-Ray, in its search order; empty where there is none.
#[must_use]
pub fn folders() -> Vec<PathBuf> {
    BASES
        .iter()
        .map(Path::new)
        .find(|base| base.join("include").is_dir())
        .map(|base| vec![base.to_owned(), base.join("ini"), base.join("include")])
        .unwrap_or_default()
}

/// Whether a node's POV-Ray is expected to have a file of this name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    NAMES.contains(&stem)
}

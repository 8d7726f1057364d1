//! Where the scene itself is.

use std::path::{Path, PathBuf};

use td_protocol::bundle::is_safe_path;

use super::assets::SceneRequest;
use super::names::FileKind;

/// The scene: as typed, or with POV-Ray's extension; else in a library path, as POV-Ray looks for it.
#[must_use]
pub fn locate_scene(request: &SceneRequest) -> PathBuf {
    let typed = request.typed_in.join(&request.scene);
    if typed.exists() {
        return typed;
    }
    let name = request.scene.to_string_lossy();
    let places = std::iter::once(&request.typed_in).chain(&request.library_paths);
    let mut candidates = Vec::new();
    for candidate in FileKind::Scene.candidates(&name) {
        candidates.extend(places.clone().map(|folder| request.typed_in.join(folder).join(&candidate)));
    }
    candidates.into_iter().find(|path| path.is_file()).unwrap_or(typed)
}

/// The names of a folder's parents and its own, from `/` down. What cannot be sent gets another name.
#[must_use]
pub fn parts_of(folder: &Path) -> Vec<String> {
    folder
        .components()
        .filter_map(|part| match part {
            std::path::Component::Normal(part) => {
                Some(part.to_str().filter(|part| is_safe_path(part)).unwrap_or("folder").to_owned())
            }
            _ => None,
        })
        .collect()
}

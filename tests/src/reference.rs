//! The picture that one plain POV-Ray makes: what td must draw.
//!
//! Rendered in one go with one thread, in the scene's own folder, with the same switches, and kept below
//! `target/reference/` under a name made from everything that goes in: POV-Ray's version, the switches and the
//! content of every file that the scene may read. So it is made once, and never out of date.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::picture::Picture;
use crate::sandbox::files_below;
use crate::{process, programs};

/// The longest that plain POV-Ray may take for one reference.
const LIMIT: Duration = Duration::from_secs(600);

/// What plain POV-Ray is to render.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    /// The folder that holds all the scene may read (its own folder, or one above).
    pub root: &'a Path,
    /// The folder to run POV-Ray in.
    pub folder: &'a Path,
    /// The scene's file name within that folder.
    pub scene: &'a str,
    /// All switches but input, output and threads.
    pub switches: &'a [String],
}

impl Reference<'_> {
    /// The picture, rendered now or at an earlier time.
    ///
    /// # Errors
    /// POV-Ray's own words, when it cannot render the scene.
    pub fn picture(&self) -> Result<Picture, String> {
        Picture::read(&self.file()?)
    }

    /// The picture, rendered now and not kept: for scenes whose text or switches name a temporary folder.
    ///
    /// # Errors
    /// POV-Ray's own words, when it cannot render the scene.
    pub fn picture_now(&self) -> Result<Picture, String> {
        let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
        let file = scratch.path().join("now.png");
        self.render(scratch.path(), &file)?;
        Picture::read(&file)
    }

    /// The file of [`picture`](Self::picture).
    ///
    /// # Errors
    /// POV-Ray's own words, when it cannot render the scene.
    pub fn file(&self) -> Result<PathBuf, String> {
        let store = programs::target().join("reference");
        let file = store.join(format!("{}.png", self.name()));
        if !file.is_file() {
            fs::create_dir_all(&store).map_err(|e| format!("{}: {e}", store.display()))?;
            self.render(&store, &file)?;
        }
        Ok(file)
    }

    fn render(&self, store: &Path, file: &Path) -> Result<(), String> {
        // A folder of its own for the picture, POV-Ray's state file, its buffer and its idea of a home.
        let scratch = tempfile::tempdir_in(store).map_err(|e| format!("{}: {e}", store.display()))?;
        let out = scratch.path().join("out.png");
        let outcome = process::run(
            Command::new(programs::povray())
                .arg(format!("+I{}", self.scene))
                .args(self.switches)
                .arg(format!("+O{}", out.display()))
                .args(["+WT1", "-D"])
                .current_dir(self.folder)
                .env("HOME", scratch.path())
                .env("POV_TEMP_DIR", scratch.path())
                .env_remove("POVINI"),
            LIMIT,
        );
        if !outcome.status.success() {
            return Err(format!("plain POV-Ray fails on {}\n{}", self.scene, outcome.transcript()));
        }
        // Another test may have made the same one meanwhile: either will do.
        fs::rename(&out, file).map_err(|e| format!("{}: {e}", file.display()))
    }

    fn name(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(programs::povray_version().as_bytes());
        add(self.folder.strip_prefix(self.root).unwrap_or(self.folder).as_os_str().as_encoded_bytes());
        add(self.scene.as_bytes());
        for switch in self.switches {
            add(switch.as_bytes());
        }
        for file in files_below(self.root) {
            add(file.strip_prefix(self.root).unwrap_or(&file).as_os_str().as_encoded_bytes());
            add(&fs::read(&file).unwrap_or_default());
        }
        hex::encode(&hash.finalize()[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare;

    fn switches(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn two_renders_of_plain_povray_are_the_same_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let scene = |text: &str| fs::write(dir.path().join("s.pov"), text).unwrap();
        let render = |list: &[&str]| {
            let root = dir.path();
            let switches = switches(list);
            let reference = Reference { root, folder: root, scene: "s.pov", switches: &switches };
            // Not kept, so that a second render of the same is a second one.
            let picture = reference.picture().unwrap();
            fs::remove_file(reference.file().unwrap()).unwrap();
            picture
        };
        scene(
            "#version 3.7; global_settings { assumed_gamma 1 } sphere { 4*z, 1 pigment { rgb 1 } } light_source { <2, 3, -4> rgb 1 }",
        );
        let small = ["+W33", "+H17"];
        assert_eq!(compare::same(&render(&small), &render(&small)), Ok(()));
        assert!(compare::same(&render(&small), &render(&["+W33", "+H17", "+A0.1"])).unwrap_err().contains("differ"));
        assert!(
            compare::same(&render(&small), &render(&["+W33", "+H17", "File_Gamma=1.0"]))
                .unwrap_err()
                .contains("chunks")
        );
        assert!(compare::same(&render(&small), &render(&["+W33", "+H17", "+FN16"])).is_err());
    }

    #[test]
    fn povrays_own_words_come_back() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("bad.pov"), "sphere {").unwrap();
        let root = dir.path();
        let none = [];
        let error = Reference { root, folder: root, scene: "bad.pov", switches: &none }.picture().err().unwrap();
        assert!(error.contains("bad.pov"), "{error}");
    }
}

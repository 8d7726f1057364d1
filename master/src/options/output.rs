//! The picture's name: POV-Ray's rules for `+O`, and for a scene whose picture is given no name.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::options::Settings;
use crate::options::file_type::FileType;

/// What was behind `+O`, as it was typed: a file, a folder with `/` at its end, or `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputName(pub String);

/// Where the picture goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    File(PathBuf),
    StandardOutput,
}

impl OutputName {
    /// The file that POV-Ray would write, with POV-Ray's own rules: a folder gets the scene's name, and every name gets the
    /// type's extension, unless it has it already; `x.jpg` with PNG is `x.jpg.png`.
    #[must_use]
    pub fn target(&self, scene: &Path, kind: FileType) -> Target {
        if self.is_standard_output() {
            return Target::StandardOutput;
        }
        let (folder, name) = match self.0.rfind('/') {
            Some(slash) => self.0.split_at(slash + 1),
            None => ("", self.0.as_str()),
        };
        let extension = kind.extension();
        let only_extension = name.strip_prefix('.') == Some(extension);
        if name.is_empty() || only_extension {
            return Target::File(Path::new(folder).join(default_name(scene, kind)));
        }
        let stem = match name.rsplit_once('.') {
            Some((stem, last)) if last.is_empty() || last == extension => stem,
            _ => name,
        };
        Target::File(PathBuf::from(format!("{folder}{stem}.{extension}")))
    }

    pub(super) fn is_standard_output(&self) -> bool {
        matches!(self.0.as_str(), "-" | "stdout")
    }

    /// A name that ends in the extension of another kind of picture, and so gets a second one.
    pub(super) fn gets_second_extension(&self, kind: FileType) -> bool {
        let path = Path::new(&self.0);
        !self.is_standard_output()
            && !self.0.ends_with('/')
            && FileType::is_pictures_extension(path)
            && path.extension().and_then(|extension| extension.to_str()) != Some(kind.extension())
    }
}

/// The picture's name when none is given: the scene's, in the current folder.
///
/// POV-Ray 3.7 itself writes beside the scene; who runs it in the scene's folder, as most do, sees no difference.
#[must_use]
pub fn default_name(scene: &Path, kind: FileType) -> PathBuf {
    let name = scene.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_else(|| "object".to_owned());
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name.as_str(),
    };
    PathBuf::from(format!("{stem}.{}", kind.extension()))
}

/// The files that POV-Ray tries for a scene's name: as it is, with `.pov`, with `.POV`.
#[must_use]
pub fn scene_candidates(scene: &Path) -> Vec<PathBuf> {
    let with = |extension: &str| {
        let mut name = scene.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    vec![scene.to_owned(), with(".pov"), with(".POV")]
}

/// The picture was given two names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("-o {own} and +O{povs} both name the picture; write one of them")]
pub struct TwoNames {
    pub own: String,
    pub povs: String,
}

impl Settings {
    /// Where the picture goes: td's `-o FILE` just as it stands, or `+O` by POV-Ray's rules, or the scene's name.
    /// An `Output_File_Name` in a `povray.ini` gives way to `-o`.
    ///
    /// # Errors
    /// When `-o` and `+O` (or `Output_File_Name` in an ini file that the user named) are both there.
    pub fn target(&self, own: Option<&OsStr>, scene: &Path) -> Result<Target, TwoNames> {
        match (own, &self.output) {
            (Some(own), Some(OutputName(povs))) if self.output_is_deliberate() => {
                Err(TwoNames { own: own.to_string_lossy().into_owned(), povs: povs.clone() })
            }
            (Some(own), _) if own == "-" => Ok(Target::StandardOutput),
            (Some(own), _) => Ok(Target::File(PathBuf::from(own))),
            (None, Some(name)) => Ok(name.target(scene, self.file_type)),
            (None, None) => Ok(Target::File(default_name(scene, self.file_type))),
        }
    }

    fn output_is_deliberate(&self) -> bool {
        self.origins.iter().any(|origin| origin.setting == "Output_File_Name" && origin.from.is_deliberate())
    }
}

//! File names as they stand in a scene: which names POV-Ray tries for one literal, and where a name leads to.

/// What a name is used for. POV-Ray appends other extensions for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// `#include`.
    Include,
    /// The scene itself.
    Scene,
    /// `ttf "..."` in `text { }`.
    Font,
    /// `df3 "..."` in a density file.
    Density,
    /// An image with its type's word before it.
    Image(ImageKind),
    /// Nothing is appended.
    Exact,
}

/// The word before an image's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageKind {
    Tga,
    Png,
    Ppm,
    Pgm,
    Gif,
    Iff,
    Jpeg,
    Tiff,
    Bmp,
    Exr,
    Hdr,
    System,
}

impl ImageKind {
    /// The kind that a word of the language announces.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "tga" => Self::Tga,
            "png" => Self::Png,
            "ppm" => Self::Ppm,
            "pgm" => Self::Pgm,
            "gif" => Self::Gif,
            "iff" => Self::Iff,
            "jpeg" => Self::Jpeg,
            "tiff" => Self::Tiff,
            "bmp" => Self::Bmp,
            "exr" => Self::Exr,
            "hdr" => Self::Hdr,
            "sys" => Self::System,
            _ => return None,
        })
    }
}

/// All extensions that POV-Ray appends to names of assets.
const ALL_EXTENSIONS: [&str; 32] = [
    ".inc", ".INC", ".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".JPEG", ".gif", ".GIF", ".tga", ".TGA", ".tif", ".TIF",
    ".tiff", ".TIFF", ".ppm", ".PPM", ".pgm", ".PGM", ".bmp", ".BMP", ".exr", ".EXR", ".hdr", ".HDR", ".iff", ".IFF",
    ".df3", ".DF3", ".ttf", ".TTF",
];

impl FileKind {
    /// The extensions that POV-Ray 3.7 appends, in its order.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Include => &[".inc", ".INC"],
            Self::Scene => &[".pov", ".POV"],
            Self::Font => &[".ttf", ".TTF"],
            Self::Density => &[".df3", ".DF3"],
            Self::Exact | Self::Image(ImageKind::System) => &[],
            Self::Image(ImageKind::Tga) => &[".tga", ".TGA"],
            Self::Image(ImageKind::Png) => &[".png", ".PNG"],
            Self::Image(ImageKind::Ppm) => &[".ppm", ".PPM"],
            Self::Image(ImageKind::Pgm) => &[".pgm", ".PGM"],
            Self::Image(ImageKind::Gif) => &[".gif", ".GIF"],
            Self::Image(ImageKind::Iff) => &[".iff", ".IFF"],
            Self::Image(ImageKind::Jpeg) => &[".jpg", ".JPG", ".jpeg", ".JPEG"],
            Self::Image(ImageKind::Tiff) => &[".tif", ".TIF", ".tiff", ".TIFF"],
            Self::Image(ImageKind::Bmp) => &[".bmp", ".BMP"],
            Self::Image(ImageKind::Exr) => &[".exr", ".EXR"],
            Self::Image(ImageKind::Hdr) => &[".hdr", ".HDR"],
        }
    }

    /// The names that POV-Ray 3.7 looks for, in its order: a name that has one of the kind's own extensions is tried
    /// as it is first, any other name last. Each is looked for in all places before the next is tried.
    #[must_use]
    pub fn candidates(self, name: &str) -> Vec<String> {
        let appended = self.extensions().iter().map(|extension| format!("{name}{extension}"));
        let extension = name.rfind('.').map(|dot| &name[dot..]);
        if extension.is_some_and(|extension| self.extensions().contains(&extension)) {
            std::iter::once(name.to_owned()).chain(appended).collect()
        } else {
            appended.chain(std::iter::once(name.to_owned())).collect()
        }
    }
}

/// The names that POV-Ray may have tried when it says only that `name` is missing, not what for.
#[must_use]
pub fn candidates_of_any_kind(name: &str) -> Vec<String> {
    std::iter::once(name.to_owned())
        .chain(ALL_EXTENSIONS.iter().map(|extension| format!("{name}{extension}")))
        .collect()
}

/// A relative name without `.`, empty parts and inner `..`: so many folders up, then these parts down.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub up: usize,
    pub parts: Vec<String>,
}

impl Place {
    /// `None` for an absolute or empty name, or one that ends in a folder.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        if name.starts_with('/') {
            return None;
        }
        let mut place = Self { up: 0, parts: Vec::new() };
        for part in name.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if place.parts.pop().is_none() {
                        place.up += 1;
                    }
                }
                _ => place.parts.push(part.to_owned()),
            }
        }
        let ends_in_folder = name.ends_with('/') || name.ends_with("/.") || name.ends_with("/..");
        (!place.parts.is_empty() && !ends_in_folder).then_some(place)
    }

    /// The path from the bundle's root, when POV-Ray runs in `run_dir` (at least `up` parts deep).
    #[must_use]
    pub fn below(&self, run_dir: &[String]) -> String {
        let kept = run_dir.len().saturating_sub(self.up);
        let mut parts: Vec<&str> = run_dir[..kept].iter().map(String::as_str).collect();
        parts.extend(self.parts.iter().map(String::as_str));
        parts.join("/")
    }
}

/// The folders that a name passes through and leaves again by `..`: they have to exist where POV-Ray opens it.
#[must_use]
pub fn folders_passed(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (1..parts.len())
        .filter(|&i| parts[i] == ".." && parts[i - 1] != "..")
        .map(|i| parts[..i].join("/"))
        .filter(|folder| Place::of(folder).is_some())
        .collect()
}

/// Whether a string of a scene may be a file's name at all.
#[must_use]
pub fn is_plausible(name: &str) -> bool {
    !name.is_empty() && name.len() <= 4096 && !name.chars().any(char::is_control) && name.trim() == name
}

/// Whether a file of this name is a text of POV-Ray's language.
#[must_use]
pub fn is_text_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(extension.as_deref(), Some("inc" | "pov" | "mac" | "mcr" | "macro" | "map"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_tried_as_povray_does() {
        assert_eq!(FileKind::Include.candidates("colors"), ["colors.inc", "colors.INC", "colors"]);
        assert_eq!(FileKind::Include.candidates("a.inc"), ["a.inc", "a.inc.inc", "a.inc.INC"]);
        assert_eq!(FileKind::Include.candidates("a.txt"), ["a.txt.inc", "a.txt.INC", "a.txt"]);
        assert_eq!(FileKind::Exact.candidates("a"), ["a"]);
    }

    #[test]
    fn places() {
        let place = Place::of("../lib//x/../wood.inc").unwrap();
        assert_eq!((place.up, place.parts.join("/")), (1, "lib/wood.inc".to_owned()));
        assert_eq!(place.below(&["scenes".to_owned()]), "lib/wood.inc");
        assert_eq!(Place::of("a.inc").unwrap().below(&["s".to_owned()]), "s/a.inc");
        assert!(Place::of("/a").is_none() && Place::of("..").is_none() && Place::of("a/").is_none());
        assert_eq!(folders_passed("a/../b/c/../../d"), ["a", "a/../b/c"]);
        assert!(folders_passed("../../a").is_empty());
    }
}

//! `+F`: the kind of file, and what is in its pixels.

use std::path::Path;

/// The kinds of picture that td writes for `+F`. What a scene is rendered to is PNG; the others are made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileType {
    #[default]
    Png,
    Targa,
    /// `+FC`, run-length encoded.
    CompressedTarga,
    Jpeg,
    /// With 16-bit grey it is a PGM, still called `.ppm`, as POV-Ray does.
    Ppm,
    Bmp,
}

impl FileType {
    /// The extension that POV-Ray gives it.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Targa | Self::CompressedTarga => "tga",
            Self::Jpeg => "jpg",
            Self::Ppm => "ppm",
            Self::Bmp => "bmp",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Targa | Self::CompressedTarga => "Targa",
            Self::Jpeg => "JPEG",
            Self::Ppm => "PPM",
            Self::Bmp => "BMP",
        }
    }

    /// Whether POV-Ray writes 16 bits and 16-bit grey into it; the others always have 8 bits.
    pub(super) const fn has_16_bits(self) -> bool {
        matches!(self, Self::Png | Self::Ppm)
    }

    pub(super) const fn has_alpha(self) -> bool {
        !matches!(self, Self::Jpeg | Self::Ppm)
    }

    /// Whether a name says that it is a picture, of whatever kind.
    pub(super) fn is_pictures_extension(name: &Path) -> bool {
        const KNOWN: [&str; 12] =
            ["png", "jpg", "jpeg", "tga", "bmp", "ppm", "pgm", "tif", "tiff", "webp", "exr", "hdr"];
        let extension = name.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        KNOWN.iter().any(|known| known.eq_ignore_ascii_case(extension))
    }
}

/// What `+F` and its modifiers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub kind: FileType,
    pub grey: bool,
    pub bits: Option<i64>,
}

/// Why `+F...` cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    NoSuchType,
    NotBuilt(&'static str),
    NoGrey(&'static str),
}

/// Reads what is behind `+F`: `N`, `N16`, `Ng`, `J`.
///
/// # Errors
/// See [`Unwanted`].
pub fn of_switch(text: &str) -> Result<Wanted, Unwanted> {
    let (kind, modifier) = first_letter(text)?;
    let plain = Wanted { kind, grey: false, bits: None };
    match modifier {
        "" => Ok(plain),
        "g" | "G" if kind.has_16_bits() => Ok(Wanted { grey: true, ..plain }),
        "g" | "G" => Err(Unwanted::NoGrey(kind.name())),
        digits => {
            let bits = digits.starts_with(|c: char| c.is_ascii_digit()).then(|| super::values::whole(digits)).flatten();
            bits.map(|bits| Wanted { bits: Some(bits), ..plain }).ok_or(Unwanted::NoSuchType)
        }
    }
}

/// Reads `Output_File_Type=`, and what POV-Ray then leaves unread: of `N16` only the `N` counts there.
///
/// # Errors
/// See [`Unwanted`].
pub fn of_setting(text: &str) -> Result<(FileType, &str), Unwanted> {
    first_letter(text)
}

fn first_letter(text: &str) -> Result<(FileType, &str), Unwanted> {
    let mut letters = text.chars();
    let kind = match letters.next().map(|letter| letter.to_ascii_uppercase()) {
        Some('N') => FileType::Png,
        Some('T') => FileType::Targa,
        Some('C') => FileType::CompressedTarga,
        Some('J') => FileType::Jpeg,
        Some('P') => FileType::Ppm,
        Some('B') => FileType::Bmp,
        Some('E') => return Err(Unwanted::NotBuilt("OpenEXR")),
        Some('H') => return Err(Unwanted::NotBuilt("Radiance HDR")),
        _ => return Err(Unwanted::NoSuchType),
    };
    Ok((kind, letters.as_str()))
}

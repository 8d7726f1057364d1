//! The formats td writes, by the output's extension, and what each can hold.

use std::path::Path;

use td_protocol::pixel::Depth;

use super::Shape;

/// An image format that td writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputFormat {
    Png,
    Jpeg,
    Bmp,
    Tga,
    /// PPM in colour, PGM in grey.
    Ppm,
    /// PGM; grey images only.
    Pgm,
    Tiff,
    WebP,
}

/// Why an image cannot be written in the format that its name asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    #[error(
        ".{extension} holds floating-point colours, which td does not keep; write a 16-bit PNG instead: +FN16 -o NAME.png"
    )]
    Floats { extension: String },
    #[error(
        ".{extension} is no format that td writes; use .png, .jpg, .jpeg, .bmp, .tga, .ppm, .pgm, .tif, .tiff or .webp"
    )]
    Unknown { extension: String },
    #[error("{format} has no transparency; leave out +UA, or write .png, .tiff, .webp, .tga or .bmp")]
    NoAlpha { format: &'static str },
    #[error("a .pgm is grey and this image is in colour; write .ppm, or add +FNg for a grey image")]
    NoColour,
    #[error("{format} is at most {most} pixels wide and high, this image is {width}x{height}; write .png")]
    TooLarge { format: &'static str, most: u32, width: u32, height: u32 },
    #[error("{format} files end at 4 GiB, and this image has {bytes} bytes; write .png")]
    TooLong { format: &'static str, bytes: u64 },
}

impl OutputFormat {
    /// By the extension, in any case of letters; PNG where there is none.
    ///
    /// # Errors
    /// [`FormatError::Floats`] or [`FormatError::Unknown`].
    pub fn from_path(path: &Path) -> Result<Self, FormatError> {
        let Some(extension) = path.extension() else {
            return Ok(Self::Png);
        };
        let extension = extension.to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "png" => Ok(Self::Png),
            "jpg" | "jpeg" => Ok(Self::Jpeg),
            "bmp" => Ok(Self::Bmp),
            "tga" => Ok(Self::Tga),
            "ppm" | "pnm" => Ok(Self::Ppm),
            "pgm" => Ok(Self::Pgm),
            "tif" | "tiff" => Ok(Self::Tiff),
            "webp" => Ok(Self::WebP),
            "exr" | "hdr" => Err(FormatError::Floats { extension }),
            _ => Err(FormatError::Unknown { extension }),
        }
    }

    /// As it is called in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
            Self::Tga => "TGA",
            Self::Ppm => "PPM",
            Self::Pgm => "PGM",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
        }
    }

    /// Whether it can hold such an image; what it cannot keep, as sentences for the user.
    ///
    /// # Errors
    /// [`FormatError`], with what to write instead.
    pub fn check_shape(self, shape: Shape) -> Result<Vec<String>, FormatError> {
        let format = self.name();
        if shape.format.alpha && !self.keeps_alpha() {
            return Err(FormatError::NoAlpha { format });
        }
        if self == Self::Pgm && !shape.format.grey {
            return Err(FormatError::NoColour);
        }
        let Shape { width, height, .. } = shape;
        if let Some(most) = self.longest_side()
            && width.max(height) > most
        {
            return Err(FormatError::TooLarge { format, most, width, height });
        }
        let bytes = shape.format.row_bytes(width) * u64::from(height);
        if matches!(self, Self::Bmp | Self::Tiff) && bytes > u64::from(u32::MAX) - (1 << 20) {
            return Err(FormatError::TooLong { format, bytes });
        }
        let mut notes = Vec::new();
        if shape.format.depth == Depth::Sixteen && !self.keeps_sixteen_bits() {
            notes.push(format!("{format} has 8 bits per sample: the 16-bit samples are rounded"));
        }
        if self == Self::Jpeg {
            notes.push("JPEG is lossy: the pixels will not be exactly POV-Ray's (PNG keeps them)".to_owned());
        }
        Ok(notes)
    }

    const fn keeps_alpha(self) -> bool {
        !matches!(self, Self::Jpeg | Self::Ppm | Self::Pgm)
    }

    pub(super) const fn keeps_sixteen_bits(self) -> bool {
        matches!(self, Self::Png | Self::Ppm | Self::Pgm | Self::Tiff)
    }

    const fn longest_side(self) -> Option<u32> {
        match self {
            Self::Jpeg | Self::Tga => Some(65_535),
            Self::WebP => Some(16_383),
            Self::Png | Self::Bmp | Self::Ppm | Self::Pgm | Self::Tiff => None,
        }
    }
}

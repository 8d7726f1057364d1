//! The shape of one pixel in the finished image.

use serde::{Deserialize, Serialize};

/// Bits per sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    Eight,
    Sixteen,
}

impl Depth {
    #[must_use]
    pub const fn bytes(self) -> u32 {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }

    /// The largest sample: 255 or 65535.
    #[must_use]
    pub const fn max(self) -> u32 {
        match self {
            Self::Eight => 255,
            Self::Sixteen => 65535,
        }
    }
}

/// Samples of one pixel, in PNG's order: grey or red, green, blue; then alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelFormat {
    pub depth: Depth,
    pub grey: bool,
    pub alpha: bool,
}

impl PixelFormat {
    pub const RGB8: Self = Self { depth: Depth::Eight, grey: false, alpha: false };

    /// 1 to 4.
    #[must_use]
    pub const fn samples(self) -> u32 {
        (if self.grey { 1 } else { 3 }) + (if self.alpha { 1 } else { 0 })
    }

    #[must_use]
    pub const fn bytes_per_pixel(self) -> u32 {
        self.samples() * self.depth.bytes()
    }

    /// Bytes of one row without PNG's filter byte.
    #[must_use]
    pub const fn row_bytes(self, width: u32) -> u64 {
        width as u64 * self.bytes_per_pixel() as u64
    }

    /// PNG's colour type: 0 grey, 2 RGB, 4 grey with alpha, 6 RGB with alpha.
    #[must_use]
    pub const fn png_color_type(self) -> u8 {
        match (self.grey, self.alpha) {
            (true, false) => 0,
            (false, false) => 2,
            (true, true) => 4,
            (false, true) => 6,
        }
    }
}

//! From POV-Ray's floats to the samples of its PNG, bit for bit.
//!
//! Source: POV-Ray 3.7.0.10, `base/image/encoding.cpp` (`GetEncodedRGBValue`, `GetEncodedRGBAValue`,
//! `GetEncodedGrayValue`, `GetEncodedGrayAValue`), `encoding.h` (`IntEncode`), `image.h` (`RGB2Gray`), compared with
//! POV-Ray's files sample by sample (`tests/pixels_povray.rs`). All in single precision unless said otherwise:
//!
//! - **Colours**: each channel through the [`Curve`] of scene and file, then `floor(clip(y, 0, 1) * max + 0.5)`.
//! - **Grey** (`+FNg`): `(red * 0.297 + green * 0.589) + blue * 0.114`, then as a colour. POV-Ray always makes it 16 bit.
//! - **Alpha** (`+UA`): `1 - transmit`, linear. Where a pixel is brighter than it is opaque (its grey, in *double*
//!   precision, is larger than alpha), alpha becomes that brightness, at most 1: a highlight on glass stays visible. Then
//!   the colours are divided by alpha; alpha 0 is taken for 0.000001 (only black gets there, and stays black).
//!   Grey with alpha does the same with its single-precision grey.
//! - **Not-a-number** becomes 0. Negative values, `-inf`: 0. Above 1, `inf`: the largest sample.
//!
//! On arm64 GCC fuses multiplications and additions ([`Arithmetic::Fused`]), which moves some samples by one: seen in the
//! machine code of Debian's arm64 package (rounding: `fmadd`, `fcvtmu`; brightness: green's product is rounded, red and
//! blue are fused in that order), not yet compared with a render there.
//! Not done: dithering (it depends on the pixels before, so a strip cannot be right) and `Bits_Per_Color` other than 8
//! and 16.

use td_protocol::options::FileGamma;
use td_protocol::pixel::{Depth, PixelFormat};

use super::gamma::{Arithmetic, BadGamma, Curve, WorkingGamma};
use super::row_assembly::Pixel;
use super::thresholds::{Thresholds, quantise, sample};

/// What has to be known to turn floats into samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    /// The scene's `assumed_gamma`.
    pub working: WorkingGamma,
    pub file_gamma: FileGamma,
    pub format: PixelFormat,
    pub arithmetic: Arithmetic,
}

impl Conversion {
    /// For a POV-Ray that was compiled for the same architecture as this agent.
    #[must_use]
    pub const fn new(working: WorkingGamma, file_gamma: FileGamma, format: PixelFormat) -> Self {
        Self { working, file_gamma, format, arithmetic: Arithmetic::NATIVE }
    }

    /// # Errors
    /// One of the gammas is zero, negative or not a number.
    pub fn curve(&self) -> Result<Curve, BadGamma> {
        Curve::between(self.working, self.file_gamma, self.arithmetic)
    }
}

/// POV-Ray's stand-in for an alpha of zero.
const ALPHA_EPSILON: f32 = 1.0e-6;

/// Converts rows. Made once per job; the table is built then (some hundred microseconds for 8 bits, some 20
/// milliseconds for 16 bits on amd64).
#[derive(Debug, Clone, PartialEq)]
pub struct Converter {
    curve: Curve,
    format: PixelFormat,
    max: u32,
    /// `None`: by formula, because the curve is the identity or the table could not be made.
    table: Option<Thresholds>,
}

impl Converter {
    /// Converts by table where that is worth it.
    ///
    /// # Errors
    /// One of the gammas is zero, negative or not a number.
    pub fn new(conversion: &Conversion) -> Result<Self, BadGamma> {
        let mut converter = Self::by_formula(conversion)?;
        if !converter.curve.is_identity() {
            converter.table = Thresholds::new(converter.curve, converter.max);
        }
        Ok(converter)
    }

    /// Converts by POV-Ray's formula alone: the reference, and cheaper for some thousand pixels.
    ///
    /// # Errors
    /// One of the gammas is zero, negative or not a number.
    pub fn by_formula(conversion: &Conversion) -> Result<Self, BadGamma> {
        let format = conversion.format;
        Ok(Self { curve: conversion.curve()?, format, max: format.depth.max(), table: None })
    }

    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Replaces `out` by the packed samples of `pixels`: [`PixelFormat::bytes_per_pixel`] bytes each.
    pub fn convert(&self, pixels: &[Pixel], out: &mut Vec<u8>) {
        out.clear();
        out.reserve(pixels.len() * self.format.bytes_per_pixel() as usize);
        match (&self.table, self.format.depth) {
            (Some(table), Depth::Eight) => self.each(pixels, |x| table.sample(x), |s| out.push(s as u8)),
            (Some(table), Depth::Sixteen) => {
                self.each(pixels, |x| table.sample(x), |s| out.extend_from_slice(&(s as u16).to_be_bytes()));
            }
            (None, Depth::Eight) => self.each(pixels, |x| sample(&self.curve, 255, x), |s| out.push(s as u8)),
            (None, Depth::Sixteen) => self.each(
                pixels,
                |x| sample(&self.curve, 65535, x),
                |s| out.extend_from_slice(&(s as u16).to_be_bytes()),
            ),
        }
    }

    /// Hands all samples of all pixels to `put`; `encode` makes a sample of a colour.
    #[inline]
    fn each(&self, pixels: &[Pixel], encode: impl Fn(f32) -> u32, mut put: impl FnMut(u32)) {
        match (self.format.grey, self.format.alpha) {
            (false, false) => {
                for pixel in pixels {
                    put(encode(pixel.red));
                    put(encode(pixel.green));
                    put(encode(pixel.blue));
                }
            }
            (true, false) => {
                for pixel in pixels {
                    put(encode(self.grey(pixel)));
                }
            }
            (false, true) => {
                for pixel in pixels {
                    let alpha = boosted(opacity(pixel.transmit), self.brightness(pixel));
                    let divisor = if alpha == 0.0 { ALPHA_EPSILON } else { alpha };
                    put(encode(pixel.red / divisor));
                    put(encode(pixel.green / divisor));
                    put(encode(pixel.blue / divisor));
                    put(quantise(&self.curve, self.max, alpha));
                }
            }
            (true, true) => {
                for pixel in pixels {
                    let grey = self.grey(pixel);
                    let alpha = boosted(opacity(pixel.transmit), grey);
                    let divisor = if alpha == 0.0 { ALPHA_EPSILON } else { alpha };
                    put(encode(grey / divisor));
                    put(quantise(&self.curve, self.max, alpha));
                }
            }
        }
    }

    /// `Image::RGB2Gray`.
    fn grey(&self, pixel: &Pixel) -> f32 {
        let arithmetic = self.curve.arithmetic();
        let red_green = arithmetic.multiply_add(pixel.red, 0.297, pixel.green * 0.589);
        arithmetic.multiply_add(pixel.blue, 0.114, red_green)
    }

    /// `RGBColour::greyscale`: its weights are doubles.
    fn brightness(&self, pixel: &Pixel) -> f32 {
        let (red, green, blue) = (f64::from(pixel.red), f64::from(pixel.green), f64::from(pixel.blue));
        let sum = match self.curve.arithmetic() {
            Arithmetic::Separate => 0.297 * red + 0.589 * green + 0.114 * blue,
            Arithmetic::Fused => blue.mul_add(0.114, red.mul_add(0.297, 0.589 * green)),
        };
        sum as f32
    }
}

/// POV-Ray turns transmit into alpha, keeps transmit again, and turns it into alpha once more.
fn opacity(transmit: f32) -> f32 {
    let alpha = 1.0 - transmit;
    let kept = 1.0 - alpha;
    1.0 - kept
}

fn boosted(alpha: f32, brightness: f32) -> f32 {
    if brightness > alpha { if brightness < 1.0 { brightness } else { 1.0 } } else { alpha }
}

//! POV-Ray's gamma handling: which transfer curve lies between the floats of a trace and the samples of a file.
//!
//! Source: POV-Ray 3.7.0.10, `base/image/colourspace.cpp` (the curves, and how two of them are joined),
//! `frontend/renderfrontend.h` (`CreateView`: scenes without gamma handling), `base/image/png.cpp`. In short:
//!
//! - A scene with `assumed_gamma g` computes in light ^ (1/g); `assumed_gamma` absent means 1.0 from `#version 3.7` on.
//! - A scene without `assumed_gamma` and below `#version 3.7` is written as computed, whatever `File_Gamma` says.
//! - A power law within 1 % of 1 is taken for 1, and two power laws within 1 % of each other for the same.
//! - Two power laws, of scene and file, are joined to one `powf`; a power law and the sRGB curve are applied in turn.
//!
//! All of it is in single precision, with the single-precision `powf` of the C library.

use td_protocol::options::FileGamma;

/// The gamma that a scene computes in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WorkingGamma {
    /// None: `#version` below 3.7 and no `assumed_gamma`. Floats are written as they are.
    Off,
    /// `assumed_gamma` with a number; 1.0 is linear, and POV-Ray 3.7's default.
    Power(f32),
    /// `assumed_gamma srgb`.
    Srgb,
}

impl WorkingGamma {
    pub const LINEAR: Self = Self::Power(1.0);
}

impl std::fmt::Display for WorkingGamma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("no assumed_gamma"),
            Self::Power(gamma) => write!(f, "assumed_gamma {gamma}"),
            Self::Srgb => f.write_str("assumed_gamma srgb"),
        }
    }
}

/// How the processor that POV-Ray was compiled for computes `a * b + c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Rounded after the product and after the sum: amd64, armel, armhf (Debian's armhf has no fused instruction).
    Separate,
    /// Rounded once. GCC does that by itself where the processor can: arm64.
    Fused,
}

impl Arithmetic {
    /// What GCC makes of POV-Ray's source for the architecture that this agent was compiled for.
    pub const NATIVE: Self = if cfg!(target_arch = "aarch64") { Self::Fused } else { Self::Separate };

    /// `a * b + c` in single precision.
    #[inline]
    #[must_use]
    pub fn multiply_add(self, a: f32, b: f32, c: f32) -> f32 {
        match self {
            Self::Separate => a * b + c,
            Self::Fused => a.mul_add(b, c),
        }
    }
}

/// A gamma that POV-Ray could not use.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a gamma has to be a number greater than 0, is {0}")]
pub struct BadGamma(pub f32);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// `powf(max(x, 0), exponent)`.
    Power(f32),
    SrgbEncode,
    SrgbDecode,
}

/// A transfer curve: from the floats of a trace to values of which 0 to 1 is the range of the samples.
///
/// Equal curves give equal samples; different ones may.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    first: Option<Step>,
    second: Option<Step>,
    arithmetic: Arithmetic,
}

/// One side of a conversion, as POV-Ray keeps it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Neutral,
    /// The exponent of encoding: 1/2.2 for gamma 2.2.
    Power(f32),
    Srgb,
}

impl Side {
    fn of_gamma(gamma: f32) -> Result<Self, BadGamma> {
        if !(gamma.is_finite() && gamma > 0.0 && (1.0 / gamma).is_finite()) {
            return Err(BadGamma(gamma));
        }
        Ok(if is_one(1.0 / gamma) { Self::Neutral } else { Self::Power(1.0 / gamma) })
    }
}

/// `PowerLawGammaCurve::IsNeutral`.
fn is_one(exponent: f32) -> bool {
    (1.0 - f64::from(exponent)).abs() <= 0.01
}

impl Curve {
    /// The curve that POV-Ray uses for a PNG.
    ///
    /// # Errors
    /// One of the gammas is zero, negative or not a number.
    pub fn between(working: WorkingGamma, file: FileGamma, arithmetic: Arithmetic) -> Result<Self, BadGamma> {
        let file = match file {
            FileGamma::Srgb => Side::Srgb,
            FileGamma::Power(gamma) => Side::of_gamma(gamma)?,
        };
        let working = match working {
            WorkingGamma::Off => {
                return Ok(Self { first: None, second: None, arithmetic });
            }
            WorkingGamma::Srgb => Side::Srgb,
            WorkingGamma::Power(gamma) => Side::of_gamma(gamma)?,
        };
        let power = |exponent: f32| (!is_one(exponent)).then_some(Step::Power(exponent));
        let (first, second) = match (working, file) {
            (Side::Neutral, Side::Neutral) | (Side::Srgb, Side::Srgb) => (None, None),
            (Side::Neutral, Side::Srgb) => (Some(Step::SrgbEncode), None),
            (Side::Neutral, Side::Power(encode)) => (Some(Step::Power(encode)), None),
            (Side::Power(working), Side::Neutral) => (power(1.0 / working), None),
            (Side::Power(working), Side::Power(encode)) if is_one(working / encode) => (None, None),
            (Side::Power(working), Side::Power(encode)) => (power((1.0 / working) / (1.0 / encode)), None),
            (Side::Power(working), Side::Srgb) => (Some(Step::Power(1.0 / working)), Some(Step::SrgbEncode)),
            (Side::Srgb, Side::Neutral) => (Some(Step::SrgbDecode), None),
            (Side::Srgb, Side::Power(encode)) => (Some(Step::SrgbDecode), Some(Step::Power(encode))),
        };
        Ok(Self { first, second, arithmetic })
    }

    /// Whether values pass as they are.
    #[must_use]
    pub const fn is_identity(&self) -> bool {
        self.first.is_none() && self.second.is_none()
    }

    #[must_use]
    pub const fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// The encoded value, not clipped yet.
    #[must_use]
    pub fn encode(&self, x: f32) -> f32 {
        let x = self.first.map_or(x, |step| step.apply(x, self.arithmetic));
        self.second.map_or(x, |step| step.apply(x, self.arithmetic))
    }

    /// About the value that is encoded to `y`. Good to single precision, not more.
    pub(super) fn decode_about(&self, y: f64) -> f64 {
        let y = self.second.map_or(y, |step| step.undo(y));
        self.first.map_or(y, |step| step.undo(y))
    }
}

impl Step {
    fn apply(self, x: f32, arithmetic: Arithmetic) -> f32 {
        match self {
            // C++: std::max(x, 0.0f), which lets NaN and -0.0 through.
            Self::Power(exponent) => (if x < 0.0 { 0.0 } else { x }).powf(exponent),
            Self::SrgbEncode if x <= 0.003_130_8 => x * 12.92,
            Self::SrgbEncode => arithmetic.multiply_add(1.055, x.powf(1.0 / 2.4), -0.055),
            Self::SrgbDecode if x < 0.04045 => x / 12.92,
            Self::SrgbDecode => ((x + 0.055) / 1.055).powf(2.4),
        }
    }

    fn undo(self, y: f64) -> f64 {
        match self {
            Self::Power(exponent) => y.max(0.0).powf(1.0 / f64::from(exponent)),
            Self::SrgbEncode if y < 0.04045 => y / 12.92,
            Self::SrgbEncode => ((y + 0.055) / 1.055).powf(2.4),
            Self::SrgbDecode if y <= 0.003_130_8 => y * 12.92,
            Self::SrgbDecode => 1.055 * y.powf(1.0 / 2.4) - 0.055,
        }
    }
}

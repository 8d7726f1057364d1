//! What POV-Ray is asked to draw: one explicit, complete set of options, after switches, ini files and defaults.

use serde::{Deserialize, Serialize};

use crate::pixel::PixelFormat;
use crate::rows::Rows;

/// How samples are encoded in the file (`File_Gamma`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileGamma {
    /// POV-Ray's default: the sRGB transfer curve.
    Srgb,
    /// A power law, `sample = linear ^ (1 / gamma)`; 1.0 is linear.
    Power(f32),
}

/// The options of one job, the same for every strip of it.
///
/// `switches` are those that are passed on to POV-Ray as they are: each is one argument, whitelisted and in
/// canonical spelling and order, so that equal jobs have equal lists. Size, part, file format, gamma, library
/// paths, threads and everything about files are fields of their own or the agent's business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenderOptions {
    /// Columns of the whole image.
    pub width: u32,
    /// Rows of the whole image.
    pub height: u32,
    /// The rows that are to be rendered (all, unless the user gave `+SR`/`+ER`); the others stay black.
    pub rows: Rows,
    /// The columns that are to be rendered, 0-based, end excluded (all, unless `+SC`/`+EC`).
    pub columns: Rows,
    pub format: PixelFormat,
    pub file_gamma: FileGamma,
    /// `+TH`: dithering by error diffusion.
    pub dither: bool,
    /// Antialiasing method: 0 off, 1 `+AM1`, 2 `+AM2`, whether by switch or by ini.
    pub antialias_method: u8,
    /// Further arguments for POV-Ray, such as `+A0.3`, `+AM2`, `+Q9`, `Declare=x=1`, `+MV3.6`.
    pub switches: Vec<String>,
}

/// Largest width and height that td accepts, in pixels. A PNG could be larger; POV-Ray's own buffer could not.
pub const MAX_SIDE: u32 = 65_500;

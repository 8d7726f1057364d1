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

/// Why options are refused by an agent. Only hostile or broken masters send such.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    #[error("an image of {0} x {1} pixels is refused: each side has to be 1 to {MAX_SIDE}")]
    Size(u32, u32),
    #[error("the part to render lies outside the image")]
    Part,
    #[error("the option {0:?} is not one that td passes to POV-Ray")]
    Switch(String),
}

/// Switches that may be passed on, without their sign and number: quality, bounding, antialiasing, buffers, version,
/// clock. Nothing about files, sizes, parts, threads or frames is among them.
const SWITCHES: [&str; 19] =
    ["a", "ac", "ag", "am", "b", "bm", "hr", "j", "k", "mb", "mv", "q", "qr", "r", "rvp", "su", "ul", "ur", "uv"];

/// Settings that may be passed on as `KEY=VALUE`.
const SETTINGS: [&str; 8] = [
    "bsp_baseaccesscost",
    "bsp_childaccesscost",
    "bsp_isectcost",
    "bsp_maxdepth",
    "bsp_misschance",
    "declare",
    "display_gamma",
    "dither_method",
];

impl RenderOptions {
    /// Refuses what an honest master never sends: parts outside the image, arguments that touch files or threads.
    ///
    /// # Errors
    /// [`OptionsError`], naming the first thing that is wrong.
    pub fn check(&self) -> Result<(), OptionsError> {
        let side = 1..=MAX_SIDE;
        if !side.contains(&self.width) || !side.contains(&self.height) {
            return Err(OptionsError::Size(self.width, self.height));
        }
        if !Rows::new(0, self.height).contains(self.rows) || !Rows::new(0, self.width).contains(self.columns) {
            return Err(OptionsError::Part);
        }
        match self.switches.iter().find(|switch| !is_passed_on(switch)) {
            Some(switch) => Err(OptionsError::Switch(switch.clone())),
            None => Ok(()),
        }
    }
}

fn is_passed_on(switch: &str) -> bool {
    if switch.contains(['\0', '\n', '\r']) {
        return false;
    }
    let lower = switch.to_ascii_lowercase();
    if let Some(switch) = lower.strip_prefix(['+', '-']) {
        let number = switch.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let letters = &switch[..switch.len() - number.len()];
        let is_number = |c: char| c.is_ascii_digit() || ".,+-e".contains(c);
        return SWITCHES.contains(&letters) && number.chars().all(is_number);
    }
    lower.split_once('=').is_some_and(|(key, _)| SETTINGS.contains(&key.trim()))
}

#[cfg(test)]
mod tests {
    use super::is_passed_on;

    #[test]
    fn only_what_is_listed_is_passed_on() {
        for good in ["+A0.3", "+AM2", "-SU", "+MV3.7", "+K0.5", "-J", "+J0.5", "Declare=x=1", "BSP_MaxDepth=3"] {
            assert!(is_passed_on(good), "{good}");
        }
        let bad =
            ["+O/etc/x", "+GIx", "+RFx", "+WT8", "+SR3", "+KFI1", "+L/", "+HIx", "x.ini", "Create_Ini=x", "+A0\n"];
        for bad in bad {
            assert!(!is_passed_on(bad), "{bad}");
        }
    }
}

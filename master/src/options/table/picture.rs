//! The rows that shape the picture: passed on to POV-Ray, or done by td.

use super::{Beyond, Does, Kind, Row, Setting, plain, toggling, with_value};

const HANDLED: Does = Does::Handles { default: "" };
/// POV-Ray reads them as 32-bit numbers.
const LARGE: f64 = 1e9;

const SIDE: Kind = Kind::Whole { least: 1, most: td_protocol::options::MAX_SIDE as i64, beyond: Beyond::Refused };
const EDGE: Kind = Kind::Number { least: 0.0, most: LARGE, beyond: Beyond::Refused };
const COST: Kind = Kind::Number { least: 0.0, most: LARGE, beyond: Beyond::Refused };

const fn whole(least: i64, most: i64) -> Kind {
    Kind::Whole { least, most, beyond: Beyond::Clipped }
}

const fn number(least: f64, most: f64, beyond: Beyond) -> Kind {
    Kind::Number { least, most, beyond }
}

const fn passes(default: &'static str) -> Does {
    Does::Passes { default }
}

const fn handles(default: &'static str) -> Does {
    Does::Handles { default }
}

// One line a row, as in the table of docs/switches.md.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row { setting: Setting::InputFileName, names: &["Input_File_Name"], switches: &[with_value("I")], kind: Kind::Text, does: HANDLED, about: "the scene; the last one named is taken" },
    Row { setting: Setting::Width, names: &["Width"], switches: &[with_value("W")], kind: SIDE, does: handles("160"), about: "columns of the picture" },
    Row { setting: Setting::Height, names: &["Height"], switches: &[with_value("H")], kind: SIDE, does: handles("120"), about: "rows of the picture" },
    Row { setting: Setting::StartRow, names: &["Start_Row"], switches: &[with_value("SR")], kind: EDGE, does: HANDLED, about: "first row, from 1; below 1 a fraction of the height" },
    Row { setting: Setting::EndRow, names: &["End_Row"], switches: &[with_value("ER")], kind: EDGE, does: HANDLED, about: "last row; up to and with 1 a fraction of the height" },
    Row { setting: Setting::StartColumn, names: &["Start_Column"], switches: &[with_value("SC")], kind: EDGE, does: HANDLED, about: "first column, from 1; below 1 a fraction of the width" },
    Row { setting: Setting::EndColumn, names: &["End_Column"], switches: &[with_value("EC")], kind: EDGE, does: HANDLED, about: "last column; up to and with 1 a fraction of the width" },
    Row { setting: Setting::OutputFileName, names: &["Output_File_Name"], switches: &[with_value("O")], kind: Kind::Text, does: HANDLED, about: "the picture's file, as POV-Ray completes it; or give `-o FILE`" },
    Row { setting: Setting::OutputFileType, names: &["Output_File_Type"], switches: &[toggling("F", Setting::OutputToFile)], kind: Kind::FileType, does: handles("N"), about: "N PNG (default), T and C Targa, J JPEG, P PPM, B BMP" },
    Row { setting: Setting::OutputToFile, names: &["Output_To_File"], switches: &[plain("F")], kind: Kind::OnOff, does: Does::Refuses { why: "td renders to a file; off would leave no picture", instead: "leave it out, or set Output_To_File=on" }, about: "on is what td does anyway" },
    Row { setting: Setting::BitsPerColor, names: &["Bits_Per_Color", "Bits_Per_Colour"], switches: &[], kind: Kind::Whole { least: 0, most: 16, beyond: Beyond::Clipped }, does: handles("8"), about: "8 or 16, as in `+FN16`" },
    Row { setting: Setting::GrayscaleOutput, names: &["Grayscale_Output"], switches: &[], kind: Kind::OnOff, does: handles("off"), about: "16-bit grey, as in `+FNg`" },
    Row { setting: Setting::OutputAlpha, names: &["Output_Alpha"], switches: &[plain("UA")], kind: Kind::OnOff, does: handles("off"), about: "an alpha channel" },
    Row { setting: Setting::FileGamma, names: &["File_Gamma"], switches: &[], kind: Kind::Gamma, does: handles("sRGB"), about: "how samples are encoded" },
    Row { setting: Setting::DisplayGamma, names: &["Display_Gamma"], switches: &[], kind: Kind::Gamma, does: passes("sRGB"), about: "a scene without assumed_gamma, before #version 3.7, has it in its gAMA chunk" },
    Row { setting: Setting::Dither, names: &["Dither"], switches: &[plain("TH")], kind: Kind::OnOff, does: handles("off"), about: "dithering" },
    Row { setting: Setting::DitherMethod, names: &["Dither_Method"], switches: &[toggling("TH", Setting::Dither)], kind: Kind::DitherMethod, does: passes("FS"), about: "B2, B3, B4, D1, D2 or FS; only with dithering" },
    Row { setting: Setting::Compression, names: &["Compression"], switches: &[], kind: Kind::Whole { least: 0, most: 100, beyond: Beyond::Clipped }, does: HANDLED, about: "a JPEG's quality, 1 to 100; a PNG's is td's own" },
    Row { setting: Setting::Quality, names: &["Quality"], switches: &[with_value("Q")], kind: whole(0, 9), does: passes("9"), about: "0 to 9; 10 and 11 of older scripts are 9" },
    Row { setting: Setting::Antialias, names: &["Antialias"], switches: &[plain("A")], kind: Kind::OnOff, does: passes("off"), about: "antialiasing" },
    Row { setting: Setting::SamplingMethod, names: &["Sampling_Method"], switches: &[with_value("AM")], kind: whole(0, 2), does: passes("1"), about: "1 or 2; with 1, strips begin and end at multiples of 32 rows" },
    Row { setting: Setting::AntialiasThreshold, names: &["Antialias_Threshold"], switches: &[toggling("A0", Setting::Antialias)], kind: number(0.0, 1.0, Beyond::Clipped), does: passes("0.3"), about: "0 to 1; the switch is written `+A0.3`" },
    Row { setting: Setting::AntialiasDepth, names: &["Antialias_Depth"], switches: &[with_value("R")], kind: whole(1, 9), does: passes("3"), about: "1 to 9" },
    Row { setting: Setting::AntialiasGamma, names: &["Antialias_Gamma"], switches: &[with_value("AG")], kind: number(0.001, 100.0, Beyond::Refused), does: passes("2.5"), about: "the gamma in which differences are judged" },
    Row { setting: Setting::Jitter, names: &["Jitter"], switches: &[plain("J")], kind: Kind::OnOff, does: passes("on"), about: "jitter of antialiasing's rays; repeats exactly" },
    Row { setting: Setting::JitterAmount, names: &["Jitter_Amount"], switches: &[toggling("J", Setting::Jitter)], kind: number(0.0, 1.0, Beyond::Clipped), does: passes("1"), about: "0 to 1" },
    Row { setting: Setting::Bounding, names: &["Bounding"], switches: &[plain("B"), plain("MB")], kind: Kind::OnOff, does: passes("on"), about: "bounding boxes" },
    Row { setting: Setting::BoundingMethod, names: &["Bounding_Method"], switches: &[with_value("BM")], kind: whole(1, 2), does: passes("1"), about: "1 boxes, 2 BSP tree" },
    Row { setting: Setting::BoundingThreshold, names: &["Bounding_Threshold"], switches: &[toggling("MB", Setting::Bounding)], kind: Kind::Whole { least: 0, most: 1_000_000_000, beyond: Beyond::Refused }, does: passes("1"), about: "objects from which on boxes are used; Debian's povray.ini has 3" },
    Row { setting: Setting::BspMaxDepth, names: &["BSP_MaxDepth"], switches: &[], kind: Kind::Whole { least: 0, most: 1_000_000, beyond: Beyond::Refused }, does: passes("0"), about: "with Bounding_Method=2" },
    Row { setting: Setting::BspBaseAccessCost, names: &["BSP_BaseAccessCost"], switches: &[], kind: COST, does: passes("0"), about: "with Bounding_Method=2" },
    Row { setting: Setting::BspChildAccessCost, names: &["BSP_ChildAccessCost"], switches: &[], kind: COST, does: passes("0"), about: "with Bounding_Method=2" },
    Row { setting: Setting::BspIsectCost, names: &["BSP_ISectCost"], switches: &[], kind: COST, does: passes("0"), about: "with Bounding_Method=2" },
    Row { setting: Setting::BspMissChance, names: &["BSP_MissChance"], switches: &[], kind: number(0.0, 1.0, Beyond::Clipped), does: passes("0"), about: "with Bounding_Method=2" },
    Row { setting: Setting::LightBuffer, names: &["Light_Buffer"], switches: &[plain("UL")], kind: Kind::OnOff, does: passes("on"), about: "" },
    Row { setting: Setting::VistaBuffer, names: &["Vista_Buffer"], switches: &[plain("UV")], kind: Kind::OnOff, does: passes("on"), about: "" },
    Row { setting: Setting::RemoveBounds, names: &["Remove_Bounds"], switches: &[plain("UR")], kind: Kind::OnOff, does: passes("on"), about: "drops needless bounded_by" },
    Row { setting: Setting::SplitUnions, names: &["Split_Unions"], switches: &[plain("SU")], kind: Kind::OnOff, does: passes("off"), about: "" },
    Row { setting: Setting::HighReproducibility, names: &["High_Reproducibility"], switches: &[plain("HR")], kind: Kind::OnOff, does: passes("off"), about: "radiosity that repeats, within one POV-Ray" },
    Row { setting: Setting::RadiosityVainPretrace, names: &["Radiosity_Vain_Pretrace"], switches: &[plain("RVP")], kind: Kind::OnOff, does: passes("on"), about: "" },
    Row { setting: Setting::Version, names: &["Version"], switches: &[with_value("MV")], kind: number(1.0, 100.0, Beyond::Refused), does: passes(""), about: "the language version a scene without #version is read in" },
    Row { setting: Setting::Clock, names: &["Clock"], switches: &[with_value("K")], kind: number(-1e30, 1e30, Beyond::Refused), does: passes(""), about: "the scene's clock, for one picture" },
    Row { setting: Setting::Declare, names: &["Declare"], switches: &[], kind: Kind::Declaration, does: passes(""), about: "`Declare=n=1.5`, or `Declare='s=\"text\"'`; of two for one name POV-Ray takes the first" },
    Row { setting: Setting::WarningLevel, names: &["Warning_Level"], switches: &[with_value("WL")], kind: whole(0, 9), does: handles("9"), about: "which of POV-Ray's warnings are shown" },
];

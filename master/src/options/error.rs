//! What is wrong with the options. Each message names what was typed, and says what to write instead.

use std::fmt;

use td_protocol::options::MAX_SIDE;

use crate::options::origin::Source;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}{}: {problem}", .source_.prefix(), printable(.spelled))]
pub struct OptionError {
    /// As it was typed: `+W-5`, `Width=0`.
    pub spelled: String,
    /// Where. (thiserror takes a field called `source` for an error.)
    pub source_: Source,
    pub problem: Problem,
}

/// All that is wrong, so that it can be mended in one go.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionErrors(pub Vec<OptionError>);

impl fmt::Display for OptionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for OptionErrors {}

/// What can be wrong with one thing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    #[error("POV-Ray 3.7 has no such switch{}", hint(.0))]
    UnknownSwitch(Option<String>),
    #[error("POV-Ray 3.7 has no such setting{}", hint(.0))]
    UnknownSetting(Option<String>),
    #[error("this is neither a switch, nor NAME=VALUE, nor a file's name; a name with blanks or brackets needs quotes")]
    Strange,
    #[error("a value is missing; write it right behind, as in {0}")]
    NeedsValue(String),
    #[error("the threshold needs its 0 before the point; write +A0.3, or Antialias_Threshold=1 with +A")]
    Threshold,
    #[error("this switch takes no value; write {0}")]
    TakesNoValue(String),
    #[error("the {0} must be 1 to {MAX_SIDE} pixels")]
    Side(&'static str),
    #[error("this must be a whole number{0}")]
    NotWhole(Range),
    #[error("this must be a number{0}")]
    NotNumber(Range),
    #[error("this must be on or off")]
    NotOnOff,
    #[error("this must be sRGB or a number from 0.001 to 100, such as 2.2")]
    NotGamma,
    #[error("this must be one of B2, B3, B4, D1, D2, FS")]
    NotDitherMethod,
    #[error("this is no file type; write N for PNG (N8, N16, Ng), T or C for Targa, J for JPEG, P for PPM, B for BMP")]
    NotFileType,
    #[error("{bits} bits per colour are not built; write 8 or 16, as in +FN16")]
    Bits { bits: i64 },
    #[error("{0} has no grey; write +FNg for 16-bit grey PNG, or leave the grey out")]
    NoGrey(&'static str),
    #[error("{0} is not built; write -o FILE.png with +FN16, and convert it")]
    NotBuilt(&'static str),
    #[error("{0}; write Declare=name=1.5 or Declare='name=\"text\"'")]
    Declare(&'static str),
    #[error("{why}; {instead}")]
    Refused { why: &'static str, instead: &'static str },
    #[error(
        "animations are not built yet; give one picture its clock, as in +K0.5, and leave Initial_Frame and Final_Frame out"
    )]
    Animation,
    #[error("the picture has {size} {lines}; write 1 to {size}, or a fraction of it such as 0.5")]
    BeyondPicture { size: u32, lines: &'static str },
    #[error("no {lines} would be left; an end up to 1 is read as a fraction of the {size} {lines}")]
    EndTooSmall { size: u32, lines: &'static str },
    #[error("td cannot read a scene from standard input; write it to a file")]
    SceneFromInput,
    #[error("td cannot write a picture to standard error; write -o FILE or -o -")]
    ToStandardError,
    #[error("there is no such ini file, here or in the library paths{}", if *.0 { "; a scene must end in .pov, or be given as +IFILE" } else { "" })]
    NoIni(bool),
    #[error("cannot read this ini file: {0}")]
    UnreadableIni(String),
    #[error("the file has no section [{wanted}]{}", sections(.there))]
    NoSection { wanted: String, there: Vec<String> },
    #[error("a section is written as FILE.ini[SECTION]; the ] is missing")]
    OpenSection,
    #[error("ini files include each other more than {0} deep; does one include itself?")]
    TooDeep(usize),
    #[error("these ini files say too much: more than {0} settings")]
    TooMany(usize),
    #[error("this is not readable text (UTF-8, without control characters)")]
    NotText,
    #[error("this is empty; write a name behind it")]
    Empty,
    #[error("{0}")]
    Povs(&'static str),
}

/// The values that are allowed, for a message: ` from 0 to 9`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub least: f64,
    pub most: f64,
}

/// Limits that far out only guard against nonsense; naming them would not help.
const FAR: f64 = 1e9;

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least > -FAR, self.most < FAR) {
            (true, true) => write!(f, " from {} to {}", self.least, self.most),
            (true, false) => write!(f, " from {} on", self.least),
            (false, _) => Ok(()),
        }
    }
}

fn hint(hint: &Option<String>) -> String {
    hint.as_ref().map_or_else(|| "; docs/switches.md lists them".to_owned(), |name| format!("; did you mean {name}?"))
}

fn sections(there: &[String]) -> String {
    if there.is_empty() {
        return ", and no other".to_owned();
    }
    format!("; it has {}", there.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().join(", "))
}

/// Whoever reads the message must not get escape codes for the terminal, nor pages.
fn printable(text: &str) -> String {
    const MOST: usize = 120;
    let shown: String = text
        .chars()
        .take(MOST)
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    if text.chars().count() > MOST { format!("{shown}...") } else { shown }
}

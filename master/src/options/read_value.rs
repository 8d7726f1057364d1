//! Reads the text behind a switch or a `=`, as its row of the table says.

use crate::options::declare::Declare;
use crate::options::error::{Problem, Range};
use crate::options::file_type::{self, Unwanted, Wanted};
use crate::options::gathered::Value;
use crate::options::table::{Beyond, Kind, Row, Setting};
use crate::options::values;

/// What one text turned out to say.
#[derive(Debug, PartialEq)]
pub enum Reading {
    Values(Vec<(Setting, Value)>),
    Noted(Setting, Value, String),
    Declare(Declare),
}

/// Reads `text`, which was behind a switch (`+FN16`) or a name (`Output_File_Type=N`).
///
/// # Errors
/// What is wrong with it.
pub fn read(row: &Row, text: &str, is_switch: bool) -> Result<Reading, Problem> {
    let setting = row.setting;
    match row.kind {
        Kind::Text | Kind::Folder | Kind::IniFile => Ok(one(setting, Value::Text(text.to_owned()))),
        Kind::Declaration => Declare::parse(text).map(Reading::Declare).map_err(Problem::Declare),
        // +D takes letters for the kind of screen.
        Kind::OnOff if is_switch => Ok(one(setting, Value::OnOff(true))),
        Kind::OnOff => values::on_off(text).map(|on| one(setting, Value::OnOff(on))).ok_or(Problem::NotOnOff),
        Kind::Gamma => values::gamma(text).map(|gamma| one(setting, Value::Gamma(gamma))).ok_or(Problem::NotGamma),
        Kind::DitherMethod => {
            values::dither_method(text).map(|code| one(setting, Value::Code(code))).ok_or(Problem::NotDitherMethod)
        }
        Kind::FileType if is_switch => Ok(type_of_switch(text)?),
        Kind::FileType => type_of_setting(text),
        Kind::Whole { least, most, beyond } => whole(setting, text, least, most, beyond),
        Kind::Number { least, most, beyond } => number(setting, text, least, most, beyond),
    }
}

fn one(setting: Setting, value: Value) -> Reading {
    Reading::Values(vec![(setting, value)])
}

fn clipped(setting: Setting, value: Value) -> Reading {
    let note = format!("POV-Ray takes {} for it, the largest value", value.text());
    Reading::Noted(setting, value, note)
}

#[expect(clippy::cast_precision_loss, reason = "limits in a message")]
fn whole(setting: Setting, text: &str, least: i64, most: i64, beyond: Beyond) -> Result<Reading, Problem> {
    let problem = match setting {
        Setting::Width => Problem::Side("width"),
        Setting::Height => Problem::Side("height"),
        _ => Problem::NotWhole(Range { least: least as f64, most: most as f64 }),
    };
    match values::whole(text) {
        Some(value) if (least..=most).contains(&value) => Ok(one(setting, Value::Whole(value))),
        Some(value) if value > most && beyond == Beyond::Clipped => Ok(clipped(setting, Value::Whole(most))),
        _ => Err(problem),
    }
}

fn number(setting: Setting, text: &str, least: f64, most: f64, beyond: Beyond) -> Result<Reading, Problem> {
    match values::number(text) {
        Some(value) if (least..=most).contains(&value) => Ok(one(setting, Value::Number(value))),
        Some(value) if value > most && beyond == Beyond::Clipped => Ok(clipped(setting, Value::Number(most))),
        _ => Err(Problem::NotNumber(Range { least, most })),
    }
}

impl From<Unwanted> for Problem {
    fn from(unwanted: Unwanted) -> Self {
        match unwanted {
            Unwanted::NoSuchType => Self::NotFileType,
            Unwanted::NotBuilt(name) => Self::NotBuilt(name),
            Unwanted::NoGrey(name) => Self::NoGrey(name),
        }
    }
}

fn type_of_switch(text: &str) -> Result<Reading, Unwanted> {
    let Wanted { kind, grey, bits } = file_type::of_switch(text)?;
    let mut values = vec![(Setting::OutputFileType, Value::Kind(kind))];
    if grey {
        values.push((Setting::GrayscaleOutput, Value::OnOff(true)));
    }
    // As POV-Ray: more than 16 are 16.
    values.extend(bits.map(|bits| (Setting::BitsPerColor, Value::Whole(bits.min(16)))));
    Ok(Reading::Values(values))
}

fn type_of_setting(text: &str) -> Result<Reading, Problem> {
    let (kind, unread) = file_type::of_setting(text)?;
    let value = Value::Kind(kind);
    Ok(match unread {
        // Debian's own povray.ini has N8.
        "" | "8" => one(Setting::OutputFileType, value),
        _ => {
            let note =
                format!("POV-Ray reads the first letter alone; write +F{text}, or Bits_Per_Color and Grayscale_Output");
            Reading::Noted(Setting::OutputFileType, value, note)
        }
    })
}

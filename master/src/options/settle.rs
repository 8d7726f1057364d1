//! Makes one job of all that was said.

use std::path::PathBuf;

use td_protocol::options::{FileGamma, RenderOptions};
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;

use crate::options::error::{OptionErrors, Problem};
use crate::options::gathered::{Assigned, Gathered, Value};
use crate::options::origin::{Origin, Source};
use crate::options::output::OutputName;
use crate::options::part::{self, PartError};
use crate::options::table::{self, Does, Setting};
use crate::options::values::Gamma;
use crate::options::{Settings, canonical};

/// POV-Ray 3.7's own size, without any ini file.
const DEFAULT_SIZE: (u32, u32) = (160, 120);

/// # Errors
/// All that was found wrong, here and while reading.
pub fn settle(mut gathered: Gathered) -> Result<Settings, OptionErrors> {
    fates(&mut gathered);
    animation(&mut gathered);
    let width = side(&gathered, Setting::Width, DEFAULT_SIZE.0);
    let height = side(&gathered, Setting::Height, DEFAULT_SIZE.1);
    let rows = run(&mut gathered, Setting::StartRow, Setting::EndRow, height, "rows");
    let columns = run(&mut gathered, Setting::StartColumn, Setting::EndColumn, width, "columns");
    let format = format(&mut gathered);
    let scene = scene(&mut gathered);
    let output = output(&mut gathered);
    size_note(&mut gathered, width, height);
    if !gathered.errors.is_empty() {
        return Err(OptionErrors(gathered.errors));
    }
    let options = RenderOptions {
        width,
        height,
        rows,
        columns,
        format,
        file_gamma: file_gamma(&gathered),
        dither: gathered.on(Setting::Dither, false),
        antialias_method: canonical::antialias_method(&gathered),
        switches: canonical::switches(&gathered),
    };
    Ok(Settings {
        options,
        scene,
        output,
        file_type: gathered.kind(),
        jpeg_quality: small(&gathered, Setting::Compression).filter(|&quality| quality > 0),
        warning_level: small(&gathered, Setting::WarningLevel).unwrap_or(9),
        origins: origins(&gathered),
        library_paths: gathered.library_paths.into_iter().map(|(path, _)| path).collect(),
        declares: gathered.declares.into_iter().map(|(declare, _)| declare).collect(),
        ini_files: gathered.files,
        notes: gathered.notes,
    })
}

/// Refuses and notes what the table says, unless the value does nothing.
fn fates(gathered: &mut Gathered) {
    for (setting, assigned) in gathered.assigned.clone() {
        let Some(row) = table::row(setting).filter(|_| !is_harmless(setting, &assigned.value)) else {
            continue;
        };
        match row.does {
            Does::Refuses { why, instead } => {
                gathered.refuse(&assigned.spelled, &assigned.source, Problem::Refused { why, instead })
            }
            Does::Notes(text) => gathered.note(&assigned.spelled, &assigned.source, text),
            Does::Passes { .. } | Does::Handles { .. } | Does::Ignores => {}
        }
    }
}

fn is_harmless(setting: Setting, value: &Value) -> bool {
    match (setting, value) {
        // The picture without which there is nothing to do.
        (Setting::OutputToFile, Value::OnOff(on)) => *on,
        (_, Value::OnOff(on)) => !on,
        (Setting::WorkThreads | Setting::PreviewStartSize | Setting::PreviewEndSize, Value::Whole(value)) => {
            *value <= 1
        }
        (Setting::RenderBlockSize, Value::Whole(value)) => *value == 32,
        (Setting::RenderBlockStep | Setting::RenderPattern, Value::Whole(value)) => *value <= 0,
        // "Statistic_File=off" would be a file called "off" to POV-Ray; nobody means that.
        (_, Value::Text(text)) => {
            text.is_empty() || ["off", "false", "no", "0"].contains(&text.to_ascii_lowercase().as_str())
        }
        _ => false,
    }
}

/// Two frames 0, or two frames 1, are POV-Ray's ways to say "no animation".
fn animation(gathered: &mut Gathered) {
    let frames = (gathered.whole(Setting::InitialFrame).unwrap_or(0), gathered.whole(Setting::FinalFrame).unwrap_or(0));
    if matches!(frames, (0, 0) | (1, 1)) {
        return;
    }
    let said = [Setting::FinalFrame, Setting::InitialFrame]
        .into_iter()
        .find_map(|setting| gathered.assigned.get(&setting).cloned());
    if let Some(said) = said {
        gathered.refuse(&said.spelled, &said.source, Problem::Animation);
    }
}

fn side(gathered: &Gathered, setting: Setting, default: u32) -> u32 {
    gathered.whole(setting).and_then(|side| u32::try_from(side).ok()).unwrap_or(default)
}

fn small(gathered: &Gathered, setting: Setting) -> Option<u8> {
    gathered.whole(setting).and_then(|value| u8::try_from(value).ok())
}

fn run(gathered: &mut Gathered, start: Setting, end: Setting, size: u32, lines: &'static str) -> Rows {
    let part = part::part(gathered.number(start), gathered.number(end), size);
    if gathered.number(end) == Some(1.0) && size > 1 {
        let one = lines.trim_end_matches('s');
        tell(gathered, end, &format!("POV-Ray reads 1 as 100 %, up to the last {one}; the first {one} alone is 1.5"));
    }
    let (setting, problem) = match part {
        Ok(rows) => {
            if rows.is_empty() {
                tell(gathered, end, &format!("no {lines} are rendered: the end lies before the start"));
            }
            return rows;
        }
        Err(PartError::Start) => (start, Problem::BeyondPicture { size, lines }),
        Err(PartError::End) => (end, Problem::BeyondPicture { size, lines }),
        Err(PartError::EndTooSmall) => (end, Problem::EndTooSmall { size, lines }),
    };
    refuse(gathered, setting, problem);
    Rows::new(0, size)
}

/// An error about what was said of a setting.
fn refuse(gathered: &mut Gathered, setting: Setting, problem: Problem) {
    if let Some(said) = gathered.assigned.get(&setting).cloned() {
        gathered.refuse(&said.spelled, &said.source, problem);
    }
}

/// A note about what was said of a setting.
fn tell(gathered: &mut Gathered, setting: Setting, text: &str) {
    if let Some(said) = gathered.assigned.get(&setting).cloned() {
        gathered.note(&said.spelled, &said.source, text);
    }
}

/// What POV-Ray's PNG has: grey always has 16 bits; 5 to 7 and 9 to 15 bits would need a stretch of their own.
fn format(gathered: &mut Gathered) -> PixelFormat {
    let kind = gathered.kind();
    let grey = gathered.on(Setting::GrayscaleOutput, false);
    let alpha = gathered.on(Setting::OutputAlpha, false);
    let bits = gathered.whole(Setting::BitsPerColor).unwrap_or(8);
    if grey && !kind.has_16_bits() {
        refuse(gathered, Setting::GrayscaleOutput, Problem::NoGrey(kind.name()));
    } else if !grey && kind.has_16_bits() && bits != 8 && bits != 16 {
        refuse(gathered, Setting::BitsPerColor, Problem::Bits { bits });
    }
    if !kind.has_16_bits() && bits == 16 {
        tell(gathered, Setting::BitsPerColor, &format!("{} has 8 bits per colour", kind.name()));
    }
    if alpha && !kind.has_alpha() {
        tell(gathered, Setting::OutputAlpha, &format!("{} has no alpha channel; left out", kind.name()));
    }
    let sixteen = kind.has_16_bits() && (grey || bits == 16);
    PixelFormat { depth: if sixteen { Depth::Sixteen } else { Depth::Eight }, grey, alpha: alpha && kind.has_alpha() }
}

#[expect(clippy::cast_possible_truncation, reason = "POV-Ray keeps 32 bits")]
fn file_gamma(gathered: &Gathered) -> FileGamma {
    match gathered.gamma(Setting::FileGamma) {
        Gamma::Srgb => FileGamma::Srgb,
        Gamma::Power(gamma) => FileGamma::Power(gamma as f32),
    }
}

fn scene(gathered: &mut Gathered) -> Option<PathBuf> {
    let scene = gathered.text(Setting::InputFileName)?.to_owned();
    if matches!(scene.as_str(), "-" | "stdin") {
        refuse(gathered, Setting::InputFileName, Problem::SceneFromInput);
    }
    Some(PathBuf::from(scene))
}

fn output(gathered: &mut Gathered) -> Option<OutputName> {
    let output = OutputName(gathered.text(Setting::OutputFileName)?.to_owned());
    let kind = gathered.kind();
    if output.0 == "stderr" {
        refuse(gathered, Setting::OutputFileName, Problem::ToStandardError);
    }
    if output.gets_second_extension(kind) {
        let name = &output.0;
        let text = format!(
            "names {name}.{}, as in POV-Ray; to choose the kind by the name, write -o {name}",
            kind.extension()
        );
        tell(gathered, Setting::OutputFileName, &text);
    }
    Some(output)
}

fn size_note(gathered: &mut Gathered, width: u32, height: u32) {
    if !gathered.assigned.contains_key(&Setting::Width) && !gathered.assigned.contains_key(&Setting::Height) {
        gathered.notes.push(format!("no size was given: {width}x{height}, POV-Ray's default; write +W and +H"));
    }
}

fn origins(gathered: &Gathered) -> Vec<Origin> {
    let mut origins: Vec<(Setting, Origin)> = Vec::new();
    for row in table::rows() {
        let Some(name) = row.names.first().copied() else {
            continue;
        };
        let default = match row.does {
            Does::Passes { default } | Does::Handles { default } => default,
            _ => "",
        };
        let origin = match gathered.assigned.get(&row.setting) {
            Some(Assigned { value, source, .. }) => Origin { setting: name, value: value.text(), from: source.clone() },
            None if default.is_empty() => continue,
            None => Origin { setting: name, value: default.to_owned(), from: Source::Default },
        };
        origins.push((row.setting, origin));
    }
    for (declare, source) in &gathered.declares {
        let value = declare.argument().split_off("Declare=".len());
        origins.push((Setting::Declare, Origin { setting: "Declare", value, from: source.clone() }));
    }
    for (path, source) in &gathered.library_paths {
        let value = path.display().to_string();
        origins.push((Setting::LibraryPath, Origin { setting: "Library_Path", value, from: source.clone() }));
    }
    origins.sort_by_key(|(setting, _)| *setting);
    origins.into_iter().map(|(_, origin)| origin).collect()
}

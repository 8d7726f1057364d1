//! POV-Ray's command line: one explicit, complete set of arguments, and no ini file but one of the agent's own, where POV-Ray is
//! started before all of them are known.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use td_protocol::options::{FileGamma, RenderOptions};
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;

use crate::povray::large_file;
use crate::povray::locate::Povray;
use crate::scratch::Scratch;

/// What one POV-Ray is to draw, beside the job's options.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing<'a> {
    pub options: &'a RenderOptions,
    /// Size of the view: the job's, or the probe's smaller one.
    pub width: u32,
    pub height: u32,
    pub rows: Rows,
    pub columns: Rows,
    /// Side of a block in pixels (`+BS`).
    pub block: u32,
    /// Threads that trace (`+WT`): more than one for views alone, since their blocks finish out of order and strips do not repeat.
    pub threads: u32,
    /// Continue from the state file (`+C`).
    pub resume: bool,
    pub radiosity: Radiosity<'a>,
}

/// What happens with saved radiosity samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Radiosity<'a> {
    AsInScene,
    /// Load this file, relative to the bundle's root, and save nothing.
    Load(&'a str),
    /// Save to the scratch's radiosity file.
    Save,
}

impl Radiosity<'_> {
    /// What has to stand behind the scene's own settings, so that strips take their light from the saved samples.
    #[must_use]
    pub const fn scene_line(self) -> Option<&'static str> {
        match self {
            Self::AsInScene => None,
            Self::Load(_) => {
                Some("global_settings { radiosity { always_sample off pretrace_start 1 pretrace_end 1 } }")
            }
            Self::Save => Some("global_settings { radiosity { always_sample off } }"),
        }
    }
}

impl<'a> Drawing<'a> {
    /// The whole of the job's part.
    #[must_use]
    pub fn of_rows(options: &'a RenderOptions, rows: Rows) -> Self {
        Self {
            options,
            width: options.width,
            height: options.height,
            rows,
            columns: options.columns,
            block: 32,
            threads: 1,
            resume: false,
            radiosity: Radiosity::AsInScene,
        }
    }

    /// A small view of the whole.
    #[must_use]
    pub fn of_view(options: &'a RenderOptions, width: u32, height: u32) -> Self {
        Self {
            options,
            width,
            height,
            rows: Rows::new(0, height),
            columns: Rows::new(0, width),
            block: 32,
            threads: 1,
            resume: false,
            radiosity: Radiosity::AsInScene,
        }
    }
}

/// The arguments of one POV-Ray run. It runs in the bundle's run folder, with the environment of [`environment`].
#[must_use]
pub fn arguments(
    povray: &Povray,
    scratch: &Scratch,
    scene: &str,
    library_paths: &[String],
    drawing: &Drawing<'_>,
) -> Vec<OsString> {
    let mut arguments = arguments_but_rows(povray, scratch, scene, library_paths, drawing);
    arguments.extend(row_switches(drawing).into_iter().map(OsString::from));
    arguments
}

/// The switches that say which rows, and by what blocks. They may stand in an ini file as well.
#[must_use]
pub fn row_switches(drawing: &Drawing<'_>) -> Vec<String> {
    let mut switches = vec![format!("+BS{}", drawing.block)];
    if drawing.rows != Rows::new(0, drawing.height) {
        switches.extend(part("SR", "ER", drawing.rows));
    }
    switches
}

/// All arguments but [`row_switches`].
#[must_use]
pub fn arguments_but_rows(
    povray: &Povray,
    scratch: &Scratch,
    scene: &str,
    library_paths: &[String],
    drawing: &Drawing<'_>,
) -> Vec<OsString> {
    let options = drawing.options;
    let mut arguments: Vec<OsString> = vec![join("+I", scene), join("+O", scratch.output())];
    for path in library_paths {
        arguments.push(join("+L", scratch.tree().join(path)));
    }
    for path in &povray.library_paths {
        arguments.push(join("+L", path));
    }
    let mut push = |argument: String| arguments.push(argument.into());
    push(format!("+W{}", drawing.width));
    push(format!("+H{}", drawing.height));
    for switch in format_switches(options.format) {
        push(switch);
    }
    push(match options.file_gamma {
        FileGamma::Srgb => "File_Gamma=sRGB".to_owned(),
        FileGamma::Power(gamma) => format!("File_Gamma={gamma}"),
    });
    push(if options.dither { "+TH" } else { "-TH" }.to_owned());
    for switch in &options.switches {
        push(switch.clone());
    }
    if drawing.columns != Rows::new(0, drawing.width) {
        part("SC", "EC", drawing.columns).into_iter().for_each(&mut push);
    }
    push(format!("+WT{}", drawing.threads));
    // -D because Debian's default opens a window.
    for fixed in ["-D", "-P", "-V"] {
        push(fixed.to_owned());
    }
    if drawing.resume {
        push("+C".to_owned());
    }
    match drawing.radiosity {
        Radiosity::AsInScene => {}
        Radiosity::Load(file) => {
            let path = scratch.tree().join(file);
            arguments.extend([join("+RF", path), "+RFI".into(), "-RFO".into()]);
        }
        Radiosity::Save => arguments.extend([join("+RF", scratch.radiosity()), "-RFI".into(), "+RFO".into()]),
    }
    arguments
}

/// The environment of what runs in the scratch: nothing of the agent's, no ini file but an empty one, temporary files in
/// the scratch.
#[must_use]
pub fn environment(scratch: &Scratch) -> Vec<(&'static str, OsString)> {
    vec![
        ("PATH", "/usr/bin:/bin".into()),
        ("HOME", scratch.home().into()),
        ("POVINI", scratch.empty_ini().into()),
        ("POV_TEMP_DIR", scratch.temp().into()),
        ("LC_ALL", "C".into()),
    ]
}

/// The same for POV-Ray itself and a picture of this size, which may need a [library](large_file) of the agent's.
///
/// # Errors
/// When that cannot be written.
pub fn povray_environment(
    povray: &Povray,
    scratch: &Scratch,
    (width, height): (u32, u32),
) -> io::Result<Vec<(&'static str, OsString)>> {
    let preload = large_file::preload(povray, scratch, width, height)?;
    let mut environment = environment(scratch);
    environment.extend(preload.map(|path| ("LD_PRELOAD", path)));
    Ok(environment)
}

fn format_switches(format: PixelFormat) -> Vec<String> {
    let depth = match format.depth {
        Depth::Eight => "+FN8",
        Depth::Sixteen => "+FN16",
    };
    let mut switches = vec![depth.to_owned()];
    if format.grey {
        switches.push("Grayscale_Output=on".to_owned());
    }
    switches.push(if format.alpha { "+UA" } else { "-UA" }.to_owned());
    switches
}

/// `+SR5 +ER9`. An end of 1 would be read as 100 %, so the first row alone is asked for as `+ER1.5`.
fn part(start: &str, end: &str, run: Rows) -> [String; 2] {
    let last = if run.end == 1 { "1.5".to_owned() } else { run.end.to_string() };
    [format!("+{start}{}", run.start + 1), format!("+{end}{last}")]
}

/// These arguments as lines of an ini file. None where one of them might be read otherwise there: in it `;` and `#` begin a
/// remark, `%` a name of the environment, and a switch ends at `,` and `=`.
#[must_use]
pub fn ini_lines(arguments: &[OsString]) -> Option<String> {
    let mut lines = String::new();
    for argument in arguments {
        let argument = argument.to_str()?;
        let is_switch = argument.starts_with(['+', '-']);
        let is_safe =
            |byte: u8| byte.is_ascii_alphanumeric() || b"+-./_:".contains(&byte) || (byte == b'=' && !is_switch);
        if !argument.bytes().all(is_safe) {
            return None;
        }
        lines.push_str(argument);
        lines.push('\n');
    }
    Some(lines)
}

/// An ini file among the arguments. What stands in it goes before what came earlier.
#[must_use]
pub fn ini_file(path: &Path) -> OsString {
    join("", path)
}

/// POV-Ray splits an argument at blanks, as if it were a line of an ini file, unless they stand in quotes.
fn join(switch: &str, value: impl AsRef<std::ffi::OsStr>) -> OsString {
    let value = value.as_ref();
    let has = |wanted: fn(u8) -> bool| value.as_encoded_bytes().iter().any(|&byte| wanted(byte));
    let quote = match (has(|byte| !byte.is_ascii_graphic() || byte == b';' || byte == b'\''), has(|byte| byte == b'"'))
    {
        (false, false) => "",
        (_, false) => "\"",
        (_, true) => "'",
    };
    let mut argument = OsString::from(switch);
    argument.push(quote);
    argument.push(value);
    argument.push(quote);
    argument
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_are_quoted() {
        assert_eq!(join("+I", "scene.pov"), "+Iscene.pov");
        assert_eq!(join("+I", "Szene (1).pov"), "+I\"Szene (1).pov\"");
        assert_eq!(join("+O", "a\"b c.png"), "+O'a\"b c.png'");
    }

    #[test]
    fn what_an_ini_file_reads_otherwise_stays_out_of_it() {
        let lines = |arguments: &[&str]| ini_lines(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(lines(&["+I/a/b-c.pov", "File_Gamma=2.2"]).unwrap(), "+I/a/b-c.pov\nFile_Gamma=2.2\n");
        for argument in [
            "+I\"a b.pov\"",
            "+Ia;b.pov",
            "+Ia#b.pov",
            "+Ia%HOME%b.pov",
            "+I\u{e4}.pov",
            "+Ia\nb.pov",
            "+I[a].pov",
            "+Ia,b.pov",
            "+Ia=b.pov",
            "Declare=a=1,b=2",
        ] {
            assert_eq!(lines(&["+W8", argument]), None, "{argument}");
        }
    }

    #[test]
    fn the_first_row_alone_is_not_read_as_all_rows() {
        assert_eq!(part("SR", "ER", Rows::new(0, 1)), ["+SR1", "+ER1.5"]);
        assert_eq!(part("SR", "ER", Rows::new(32, 64)), ["+SR33", "+ER64"]);
    }
}

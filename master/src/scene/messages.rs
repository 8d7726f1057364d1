//! What POV-Ray says when it fails, read from its stderr.
//!
//! POV-Ray breaks its messages at 80 columns: at a space, which then starts the next line, or in the middle of a
//! word when the word is longer than the line. The last lines of a failed parse look like this:
//!
//! ```text
//! File 'a.pov' line 1: Possible Parse Error: Cannot find file 'nope.inc', even
//!  after trying to append file type extension.
//! File 'a.pov' line 1: Parse Error: Cannot open include file nope.inc.
//! Fatal error in parser: Cannot parse input.
//! Render failed
//! ```

use std::path::PathBuf;

use super::assets::Assets;
use super::files::read_text;

/// Width at which POV-Ray breaks its messages.
const WIDTH: usize = 80;

/// Why a render failed, in POV-Ray's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// As POV-Ray names it, relative to its working folder.
    pub file: Option<String>,
    pub line: Option<u32>,
    /// POV-Ray's own sentence, unbroken.
    pub text: String,
}

/// What kind of failure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// The scene is wrong at a place in its text.
    Parse,
    /// A file was not found; [`Assets::add_missing`] may help.
    MissingFile { name: String },
    /// Anything else: no memory, a bad option, a failure while rendering.
    Other,
}

impl Failure {
    /// The user's own file and the line in it.
    #[must_use]
    pub fn place(&self, assets: &Assets) -> Option<(PathBuf, u32)> {
        let file = assets.original(self.file.as_deref()?)?;
        Some((file, self.line?))
    }

    /// The line of the user's file that POV-Ray speaks of, without the spaces around it.
    #[must_use]
    pub fn excerpt(&self, assets: &Assets) -> Option<String> {
        let (file, line) = self.place(assets)?;
        let text = read_text(&file).ok()?;
        let line = text.split(|b| *b == b'\n').nth(usize::try_from(line.checked_sub(1)?).ok()?)?;
        let line = String::from_utf8_lossy(line);
        let line: String = line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        (!line.is_empty()).then_some(line)
    }
}

/// One message of POV-Ray, unbroken, cut into its parts.
struct Message<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    label: &'a str,
    text: &'a str,
}

/// Labels of messages that may tell why a render failed, most telling first.
const LABELS: [&str; 9] = [
    "Parse Error: ",
    "Possible Parse Error: ",
    "Render Error: ",
    "Possible Render Error: ",
    "Photon Error: ",
    "Fatal error in parser: ",
    "Fatal error in renderer: ",
    "Fatal error: ",
    "Error: ",
];

/// Reads what POV-Ray wrote to stderr before it ended with an error. `None` when it names no failure.
#[must_use]
pub fn read_failure(stderr: &str) -> Option<Failure> {
    let lines = unbroken(stderr);
    let messages: Vec<Message<'_>> = lines.iter().filter_map(|line| parse(line)).collect();
    let is_fatal = |message: &Message<'_>| message.label.starts_with("Fatal error");
    let failed = messages.iter().any(|message| is_fatal(message) || message.label == "Parse Error: ");
    if !failed {
        return option_failure(&lines).or_else(|| bare_failure(&lines));
    }
    let last = messages.iter().rev().find(|message| !is_fatal(message) && !is_advice(message.text));
    let last = last.or_else(|| messages.iter().rev().find(|message| is_fatal(message)))?;
    let kind = match missing_name(&messages, last) {
        Some(name) => FailureKind::MissingFile { name },
        None if last.label.contains("Parse Error") => FailureKind::Parse,
        None => FailureKind::Other,
    };
    Some(Failure { kind, file: last.file.map(str::to_owned), line: last.line, text: last.text.to_owned() })
}

/// POV-Ray calls some advice a possible error.
fn is_advice(text: &str) -> bool {
    text.starts_with("assumed_gamma not specified") || text.starts_with("In POV-Ray 3.7 and later")
}

/// The name that was not found, if that is why POV-Ray ended.
fn missing_name(messages: &[Message<'_>], last: &Message<'_>) -> Option<String> {
    if let Some(rest) = last.text.strip_prefix("Could not load photon map (") {
        return rest.strip_suffix(')').map(str::to_owned);
    }
    let follows = last.text.starts_with("Cannot open") || last.text.starts_with("Cannot find");
    if !follows {
        return None;
    }
    messages.iter().rev().filter(|message| message.file == last.file && message.line == last.line).find_map(|message| {
        let rest = message.text.strip_prefix("Cannot find file '")?;
        Some(rest.get(..rest.rfind("', even after")?)?.to_owned())
    })
}

/// A command line that POV-Ray does not take.
fn option_failure(lines: &[String]) -> Option<Failure> {
    let start = lines.iter().position(|line| line.starts_with("Problem with option setting"))?;
    let text: Vec<&str> =
        lines[start..].iter().map(|line| line.trim()).filter(|line| !line.is_empty()).take(3).collect();
    Some(Failure { kind: FailureKind::Other, file: None, line: None, text: text.join("; ") })
}

/// A sentence without a label before `Render failed`, such as `Cannot create render state output file.`
fn bare_failure(lines: &[String]) -> Option<Failure> {
    let end = lines.iter().rposition(|line| line.starts_with("Render failed"))?;
    let sentence = lines[..end].iter().rev().find(|line| !line.trim().is_empty())?;
    let is_heading = sentence.starts_with(['-', '=', ' ']);
    let text = if is_heading { "Render failed".to_owned() } else { sentence.trim().to_owned() };
    Some(Failure { kind: FailureKind::Other, file: None, line: None, text })
}

/// The lines as POV-Ray had them before it broke them. Progress is overwritten by carriage returns.
fn unbroken(stderr: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut full = false;
    for line in stderr.split('\n').flat_map(|line| line.trim_end_matches('\r').split('\r')) {
        let continues = full || (line.starts_with(' ') && !line.starts_with("  "));
        match lines.last_mut() {
            Some(last) if continues && last.len() < (1 << 16) => last.push_str(line),
            _ => lines.push(line.to_owned()),
        }
        full = line.chars().count() == WIDTH;
    }
    lines
}

fn parse(line: &str) -> Option<Message<'_>> {
    let (place, rest) = match line.strip_prefix("File '").and_then(|rest| rest.split_once("' line ")) {
        Some((file, rest)) => {
            let (number, rest) = rest.split_once(": ")?;
            (Some((file, number.trim().parse().ok())), rest)
        }
        None => (None, line),
    };
    let label = LABELS.iter().find(|label| rest.starts_with(**label))?;
    let text = rest[label.len()..].trim();
    Some(Message { file: place.map(|(file, _)| file), line: place.and_then(|(_, line)| line), label, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Failure {
        read_failure(text).unwrap()
    }

    #[test]
    fn a_syntax_error() {
        let failure = read(
            "==== [Parsing...] ===\nFile 'b.pov' line 2: Parse Error: No matching } in 'pigment', undeclared\n \
             identifier 'Rod' found instead\nFatal error in parser: Cannot parse input.\nRender failed\n",
        );
        assert_eq!(failure.kind, FailureKind::Parse);
        assert_eq!((failure.file.as_deref(), failure.line), (Some("b.pov"), Some(2)));
        assert_eq!(failure.text, "No matching } in 'pigment', undeclared identifier 'Rod' found instead");
    }

    #[test]
    fn a_missing_include_with_a_long_name() {
        let name = "averyverylongname_".repeat(7) + ".inc";
        let failure = read(
            "File 'b.pov' line 1: Possible Parse Error: Cannot find file\n \
             'averyverylongname_averyverylongname_averyverylongname_averyverylongname_averyv\n\
             erylongname_averyverylongname_averyverylongname_.inc', even after trying to\n append file type extension.\n\
             File 'b.pov' line 1: Parse Error: Cannot open include file x.\nFatal error in parser: Cannot parse input.\n",
        );
        assert_eq!(failure.kind, FailureKind::MissingFile { name });
    }

    #[test]
    fn other_missing_files() {
        for (second, name) in [
            ("Possible Parse Error: Cannot find image file.", "qq"),
            ("Possible Parse Error: Cannot open font file.", "it's a font.ttf"),
            ("Parse Error: Cannot open user file nope.txt (read).", "nope.txt"),
        ] {
            let failure = read(&format!(
                "File 'h.pov' line 1: Possible Parse Error: Cannot find file '{name}', even after trying to append \
                 file type extension.\nFile 'h.pov' line 1: {second}\nFatal error in parser: Cannot open file.\n"
            ));
            assert_eq!(failure.kind, FailureKind::MissingFile { name: name.to_owned() });
        }
        let photons = read(
            "Photon Warning: Starting the load of photon file nope.ph \n\
             Photon Error: Could not load photon map (nope.ph)\nFatal error in renderer: Uncategorized error.\n",
        );
        assert_eq!(photons.kind, FailureKind::MissingFile { name: "nope.ph".to_owned() });
    }

    #[test]
    fn advice_and_success_are_no_failures() {
        let advice = "Possible Parse Error: assumed_gamma not specified in this POV-Ray 3.7 or later\n scene.\n";
        assert_eq!(read_failure(advice), None);
        let failure = read(&format!("{advice}Fatal error in parser: Out of memory.\n"));
        assert_eq!((failure.kind, failure.text.as_str()), (FailureKind::Other, "Out of memory."));
        let option = read("Problem with option setting\npovray +ZZ\nFailed to parse command-line option\n");
        let unwritable = read(
            "==== [Parsing...] ====\n              using 1 thread(s) with 0.000 CPU-seconds total\nCannot create render \
             state output file.\nRender failed\n",
        );
        assert_eq!(unwritable.text, "Cannot create render state output file.");
        assert_eq!(option.text, "Problem with option setting; povray +ZZ; Failed to parse command-line option");
    }

    #[test]
    fn a_bad_picture() {
        let failure = read(
            "File 'g.pov' line 1: Possible Parse Error: Not a PNG file\nFatal error in parser: Cannot access data in \
             file.\n",
        );
        assert_eq!((failure.kind, failure.text.as_str()), (FailureKind::Parse, "Not a PNG file"));
    }
}

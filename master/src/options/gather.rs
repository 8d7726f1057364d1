//! Goes through the ini files and the command line in POV-Ray's order, and keeps the last word on each thing.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use crate::options::chain;
use crate::options::error::Problem;
use crate::options::gathered::{Assigned, Gathered, Value};
use crate::options::ini;
use crate::options::origin::Source;
use crate::options::read_value::{self, Reading};
use crate::options::surroundings::{LARGEST_INI, Surroundings};
use crate::options::switch_hint;
use crate::options::table::{self, Kind, Row, Setting};
use crate::options::tokens::{self, Token};

const DEEPEST: usize = 16;
const MOST_FILES: usize = 64;

/// Reads everything: the starting ini file, then the arguments.
pub fn gather<S: AsRef<OsStr>>(arguments: &[S], surroundings: &dyn Surroundings) -> Gathered {
    let mut reader = Reader { surroundings, gathered: Gathered::default() };
    let has_ini = reader.starting_file();
    for argument in arguments {
        reader.argument(argument.as_ref());
    }
    let mut gathered = reader.gathered;
    if !has_ini {
        gathered.add_library_path(PathBuf::from(chain::BUILT_IN_LIBRARY), &Source::Default);
    }
    if let Some(path) = surroundings.variable("POVINC").filter(|path| !path.is_empty()) {
        gathered.add_library_path(PathBuf::from(path), &Source::Variable("POVINC"));
    }
    gathered
}

struct Reader<'a> {
    surroundings: &'a dyn Surroundings,
    gathered: Gathered,
}

/// Where the reader is.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    by_itself: bool,
}

impl Reader<'_> {
    fn starting_file(&mut self) -> bool {
        let (found, failed) = chain::starting_file(self.surroundings);
        if let Some((path, error)) = failed {
            self.gathered.notes.push(format!("$POVINI: cannot read {}: {error}; going on without it", path.display()));
        }
        let Some(found) = found else { return false };
        let name = found.path.display().to_string();
        self.ini(found, None, &name, &Source::Variable("POVINI"), Place { depth: 1, by_itself: true });
        true
    }

    fn argument(&mut self, argument: &OsStr) {
        let place = Place { depth: 0, by_itself: false };
        let Some(text) = argument.to_str().filter(|text| is_text(text)) else {
            return self.gathered.refuse(&argument.to_string_lossy(), &Source::CommandLine, Problem::NotText);
        };
        let tokens = tokens::of_argument(text, is_name);
        if tokens.is_empty() {
            self.gathered.refuse("\"\"", &Source::CommandLine, Problem::Empty);
        }
        for token in tokens {
            self.token(&token, &Source::CommandLine, place);
        }
    }

    fn token(&mut self, token: &Token, source: &Source, place: Place) {
        let spelled = token.spelled();
        if !is_text(&spelled) {
            return self.gathered.refuse(&spelled, source, Problem::NotText);
        }
        match token {
            Token::Switch { on, text, quoted } => self.switch(*on, text, quoted.as_deref(), &spelled, source, place),
            Token::Setting { name, value } => match table::by_name(name) {
                Some(row) => self.value(row, value, &spelled, source, place, false),
                None => self.strange(&spelled, source),
            },
            Token::Name(name) => self.name(name, source, place),
            Token::Strange(_) => self.strange(&spelled, source),
        }
    }

    fn switch(&mut self, on: bool, text: &str, quoted: Option<&str>, spelled: &str, source: &Source, place: Place) {
        if let Some(problem) = switch_hint::programs_own(on, text) {
            return self.gathered.refuse(spelled, source, problem);
        }
        let Some((row, switch, value)) = table::by_switch(text, quoted) else {
            return self.gathered.refuse(spelled, source, switch_hint::problem(on, text, quoted.is_some()));
        };
        if let Some(toggled) = switch.toggles {
            self.assign(toggled, Value::OnOff(on), spelled, source);
        }
        if switch.takes_value {
            self.value(row, value, spelled, source, place, true);
        } else {
            self.assign(row.setting, Value::OnOff(on), spelled, source);
        }
    }

    fn strange(&mut self, spelled: &str, source: &Source) {
        let problem = match spelled.split_once('=') {
            Some((name, _)) => Problem::UnknownSetting(switch_hint::nearest_name(name.trim())),
            None => Problem::Strange,
        };
        self.gathered.refuse(spelled, source, problem);
    }

    /// A scene, a folder, or an ini file: POV-Ray goes by the end of the name.
    fn name(&mut self, name: &str, source: &Source, place: Place) {
        let ends_in_pov = name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("pov"));
        if name.is_empty() {
            self.gathered.refuse("\"\"", source, Problem::Empty);
        } else if ends_in_pov {
            self.assign(Setting::InputFileName, Value::Text(name.to_owned()), name, source);
        } else if name.ends_with('/') {
            self.gathered.add_library_path(PathBuf::from(name), source);
        } else {
            self.included(name, name, source, place);
        }
    }

    fn value(&mut self, row: &'static Row, text: &str, spelled: &str, source: &Source, place: Place, is_switch: bool) {
        let text = if matches!(row.kind, Kind::Text | Kind::Folder | Kind::IniFile | Kind::Declaration) {
            text
        } else {
            self.first_word(text, spelled, source)
        };
        match row.kind {
            Kind::IniFile => return self.included(text, spelled, source, place),
            Kind::Folder if text.is_empty() => return,
            Kind::Folder => return self.gathered.add_library_path(PathBuf::from(text), source),
            _ => {}
        }
        match read_value::read(row, text, is_switch) {
            Err(problem) => self.gathered.refuse(spelled, source, problem),
            Ok(Reading::Declare(declare)) => self.declare(declare, spelled, source),
            Ok(Reading::Values(values)) => {
                for (setting, value) in values {
                    self.assign(setting, value, spelled, source);
                }
            }
            Ok(Reading::Noted(setting, value, note)) => {
                self.gathered.note(spelled, source, &note);
                self.assign(setting, value, spelled, source);
            }
        }
    }

    /// In an ini file, a value without quotes can reach to the end of its line.
    fn first_word<'t>(&mut self, text: &'t str, spelled: &str, source: &Source) -> &'t str {
        let text = text.trim();
        match text.split_once([' ', '\t']) {
            Some((word, rest)) => {
                self.gathered.note(spelled, source, &format!("{:?} is not read", rest.trim()));
                word
            }
            None => text,
        }
    }

    fn assign(&mut self, setting: Setting, value: Value, spelled: &str, source: &Source) {
        let assigned = Assigned { value, spelled: spelled.to_owned(), source: source.clone() };
        let before = self.gathered.assigned.insert(setting, assigned.clone());
        let Some(before) = before.filter(|before| setting == Setting::InputFileName && before.value != assigned.value)
        else {
            return;
        };
        if before.source.is_deliberate() {
            self.gathered.note(
                spelled,
                source,
                &format!("taken instead of {}, as POV-Ray takes the last scene named", before.value.text()),
            );
        }
    }

    /// POV-Ray keeps the first of two with the same name.
    fn declare(&mut self, declare: crate::options::declare::Declare, spelled: &str, source: &Source) {
        match self.gathered.declares.iter().find(|(known, _)| known.name == declare.name) {
            None => self.gathered.declares.push((declare, source.clone())),
            Some((known, _)) if *known == declare => {}
            Some((known, _)) => {
                let first = known.argument();
                self.gathered.note(
                    spelled,
                    source,
                    &format!("not used: {first} came first, and POV-Ray takes the first"),
                );
            }
        }
    }

    fn included(&mut self, name: &str, spelled: &str, source: &Source, place: Place) {
        let place = Place { depth: place.depth + 1, ..place };
        let problem = if name.is_empty() {
            Problem::Empty
        } else if place.depth > DEEPEST {
            Problem::TooDeep(DEEPEST)
        } else if self.gathered.files.len() >= MOST_FILES {
            Problem::TooMany(MOST_FILES)
        } else if let Some((file, section)) = ini::split_section(name) {
            let folders: Vec<PathBuf> = self.gathered.library_paths.iter().map(|(path, _)| path.clone()).collect();
            match chain::find(file, &folders, self.surroundings) {
                Ok(found) => return self.ini(found, section, spelled, source, place),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Problem::NoIni(*source == Source::CommandLine),
                Err(error) => Problem::UnreadableIni(error.to_string()),
            }
        } else {
            Problem::OpenSection
        };
        self.gathered.refuse(spelled, source, problem);
    }

    fn ini(&mut self, found: chain::Found, section: Option<&str>, spelled: &str, source: &Source, place: Place) {
        self.gathered.files.push(found.path.clone());
        if u64::try_from(found.bytes.len()).is_ok_and(|length| length > LARGEST_INI) {
            return self.gathered.refuse(
                spelled,
                source,
                Problem::UnreadableIni("it is too large for an ini file (over 1 MB)".to_owned()),
            );
        }
        // Comments in some old encoding do no harm; a value with such a letter is refused when it is met.
        let text = String::from_utf8_lossy(&found.bytes);
        let contents = ini::read(&text, section, is_name, is_command);
        if let Some(wanted) =
            section.filter(|wanted| !contents.sections.iter().any(|name| name.eq_ignore_ascii_case(wanted)))
        {
            let problem = Problem::NoSection { wanted: wanted.to_owned(), there: contents.sections };
            return self.gathered.refuse(spelled, source, problem);
        }
        let at = |line| Source::File { path: found.path.clone(), line, by_itself: place.by_itself };
        for placed in contents.tokens {
            self.token(&placed.token, &at(placed.line), place);
        }
        for (line, unread) in contents.unread {
            self.gathered.note(&unread, &at(line), "not read: POV-Ray reads one NAME=VALUE a line");
        }
    }
}

fn is_name(name: &str) -> bool {
    table::by_name(name).is_some()
}

fn is_command(name: &str) -> bool {
    table::by_name(name).is_some_and(|row| row.names.iter().any(|name| name.ends_with("_Command")))
}

fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c == char::REPLACEMENT_CHARACTER || (c.is_control() && c != '\t'))
}

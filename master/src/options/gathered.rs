//! What was said, the last word on each thing, before it is made into options.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::options::declare::Declare;
use crate::options::error::{OptionError, Problem};
use crate::options::file_type::FileType;
use crate::options::origin::Source;
use crate::options::table::Setting;
use crate::options::values::{Gamma, shortest};

/// A value that has been read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    OnOff(bool),
    Whole(i64),
    Number(f64),
    Gamma(Gamma),
    Kind(FileType),
    Code(&'static str),
    Text(String),
}

impl Value {
    /// In POV-Ray's spelling.
    pub fn text(&self) -> String {
        match self {
            Self::OnOff(on) => if *on { "on" } else { "off" }.to_owned(),
            Self::Whole(whole) => whole.to_string(),
            Self::Number(number) => shortest(*number),
            Self::Gamma(Gamma::Srgb) => "sRGB".to_owned(),
            Self::Gamma(Gamma::Power(gamma)) => shortest(*gamma),
            Self::Kind(kind) => kind.name().to_owned(),
            Self::Code(code) => (*code).to_owned(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The last word on one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    pub value: Value,
    /// As it was typed, for messages.
    pub spelled: String,
    pub source: Source,
}

/// All that was said, in files and on the command line.
#[derive(Debug, Default)]
pub struct Gathered {
    pub assigned: BTreeMap<Setting, Assigned>,
    pub library_paths: Vec<(PathBuf, Source)>,
    pub declares: Vec<(Declare, Source)>,
    /// The ini files that were read, in order.
    pub files: Vec<PathBuf>,
    pub notes: Vec<String>,
    pub errors: Vec<OptionError>,
}

impl Gathered {
    pub fn refuse(&mut self, spelled: &str, source: &Source, problem: Problem) {
        self.errors.push(OptionError { spelled: spelled.to_owned(), source_: source.clone(), problem });
    }

    /// Tells the person something about what they said; silent about what POV-Ray's own files say.
    pub fn note(&mut self, spelled: &str, source: &Source, text: &str) {
        if source.is_deliberate() {
            self.notes.push(format!("{}{spelled}: {text}", source.prefix()));
        }
    }

    pub fn add_library_path(&mut self, path: PathBuf, source: &Source) {
        if !self.library_paths.iter().any(|(known, _)| *known == path) {
            self.library_paths.push((path, source.clone()));
        }
    }

    pub fn on(&self, setting: Setting, default: bool) -> bool {
        match self.assigned.get(&setting) {
            Some(Assigned { value: Value::OnOff(on), .. }) => *on,
            _ => default,
        }
    }

    pub fn whole(&self, setting: Setting) -> Option<i64> {
        match self.assigned.get(&setting) {
            Some(Assigned { value: Value::Whole(whole), .. }) => Some(*whole),
            _ => None,
        }
    }

    pub fn number(&self, setting: Setting) -> Option<f64> {
        match self.assigned.get(&setting) {
            Some(Assigned { value: Value::Number(number), .. }) => Some(*number),
            _ => None,
        }
    }

    pub fn gamma(&self, setting: Setting) -> Gamma {
        match self.assigned.get(&setting) {
            Some(Assigned { value: Value::Gamma(gamma), .. }) => *gamma,
            _ => Gamma::Srgb,
        }
    }

    pub fn code(&self, setting: Setting) -> Option<&'static str> {
        match self.assigned.get(&setting) {
            Some(Assigned { value: Value::Code(code), .. }) => Some(code),
            _ => None,
        }
    }

    pub fn kind(&self) -> FileType {
        match self.assigned.get(&Setting::OutputFileType) {
            Some(Assigned { value: Value::Kind(kind), .. }) => *kind,
            _ => FileType::default(),
        }
    }

    pub fn text(&self, setting: Setting) -> Option<&str> {
        match self.assigned.get(&setting) {
            Some(Assigned { value: Value::Text(text), .. }) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

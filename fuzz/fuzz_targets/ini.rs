//! An ini file of any bytes, with and without a section, and as the one that `POVINI` names.
#![no_main]

use std::io;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use td::options::{Settings, Surroundings};

/// A machine on which every file but POV-Ray's own is this one.
struct OneFile<'a> {
    bytes: &'a [u8],
    is_starting_file: bool,
}

impl Surroundings for OneFile<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.is_starting_file && name == "POVINI").then(|| "fuzz.ini".to_owned())
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        if file.file_name().is_some_and(|name| name == "fuzz.ini") {
            Ok(self.bytes.to_vec())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

fn read(bytes: &[u8], is_starting_file: bool, arguments: &[&str]) {
    match Settings::from_args(arguments, &OneFile { bytes, is_starting_file }) {
        Ok(settings) => settings.options.check().expect("an agent accepts what the master settled"),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}

fuzz_target!(|data: &[u8]| {
    read(data, false, &["fuzz.ini"]);
    read(data, false, &["fuzz.ini[a]", "scene.pov"]);
    read(data, true, &["scene.pov"]);
});

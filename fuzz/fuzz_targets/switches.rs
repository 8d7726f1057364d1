//! A command line of any bytes, one argument a line: settled or refused with reasons, never a panic; and what is
//! settled is what an agent accepts.
#![no_main]

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use td::options::{Settings, Surroundings, split};

/// A machine without variables and without files.
struct Nowhere;

impl Surroundings for Nowhere {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fuzz_target!(|data: &[u8]| {
    let arguments: Vec<OsString> = data.split(|&byte| byte == b'\n').map(|part| OsString::from_vec(part.to_vec())).collect();
    let count = arguments.len();
    let parts = split(arguments, &["output", "inventory", "assets", "timeout"]);
    assert!(parts.own.len() + parts.povray.len() <= count);
    match Settings::from_args(&parts.povray, &Nowhere) {
        Ok(settings) => settings.options.check().expect("an agent accepts what the master settled"),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
});

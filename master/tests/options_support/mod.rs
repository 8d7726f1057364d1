//! A machine made of a list.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use td::options::{Settings, Surroundings};

/// Files and environment variables.
#[derive(Debug, Default, Clone)]
pub struct Files {
    files: BTreeMap<String, Vec<u8>>,
    variables: BTreeMap<String, String>,
}

#[allow(dead_code, reason = "each test crate uses some of these")]
impl Files {
    pub fn with(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.to_owned(), text.as_ref().to_owned());
        self
    }

    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Surroundings for Files {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let name = file.to_str().unwrap_or_default();
        self.files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[allow(dead_code, reason = "each test crate uses some of these")]
pub fn settings(arguments: &[&str], files: &Files) -> Settings {
    Settings::from_args(arguments, files).unwrap_or_else(|errors| panic!("{arguments:?}: {errors}"))
}

/// All errors, one a line.
#[allow(dead_code, reason = "each test crate uses some of these")]
pub fn errors(arguments: &[&str], files: &Files) -> String {
    match Settings::from_args(arguments, files) {
        Ok(settings) => panic!("{arguments:?} was taken: {settings:?}"),
        Err(errors) => errors.to_string(),
    }
}

/// A folder with its files, and the variables of a bare environment.
#[allow(dead_code, reason = "each test crate uses some of these")]
pub struct Folder(pub PathBuf);

impl Surroundings for Folder {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| self.0.display().to_string())
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(self.0.join(file))
    }
}

/// Fails where there is no real POV-Ray to compare with: nothing would be tested.
#[allow(dead_code, reason = "each test crate uses some of these")]
pub fn needs_povray() {
    let here = Command::new("povray").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(here, "no povray on this machine: apt-get install povray");
}

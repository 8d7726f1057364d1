//! /var/lib/dpkg/status: what is installed, read without starting dpkg.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What dpkg knows of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `installed`, `half-configured`, `config-files` ...
    pub state: String,
    pub version: String,
    pub architecture: String,
    /// dpkg says that it must be installed again.
    pub broken: bool,
}

impl Package {
    #[must_use]
    pub fn is_installed(&self) -> bool {
        !self.broken && matches!(self.state.as_str(), "installed" | "triggers-awaited" | "triggers-pending")
    }

    /// Installing or removing it was cut short.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.broken || matches!(self.state.as_str(), "half-installed" | "unpacked" | "half-configured")
    }
}

/// Packages by name; one of a foreign architecture by `name:architecture`, as apt calls it.
pub type Packages = BTreeMap<String, Package>;

/// The file's packages that `wanted` names, with their architecture where it is foreign, and all that were cut short.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path, wanted: &dyn Fn(&str) -> bool) -> std::io::Result<Packages> {
    parse(BufReader::with_capacity(64 << 10, std::fs::File::open(path)?), wanted)
}

/// From the file's paragraphs. Only a line at a time is kept.
///
/// # Errors
/// When reading fails.
pub fn parse(mut text: impl BufRead, wanted: &dyn Fn(&str) -> bool) -> std::io::Result<Packages> {
    let mut found = Vec::new();
    let mut native = String::new();
    let mut paragraph = Paragraph::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = text.read_until(b'\n', &mut line)?;
        let text = line.trim_ascii_end();
        if text.is_empty() {
            if let Some((name, package)) = paragraph.take() {
                if name == "dpkg" {
                    native.clone_from(&package.architecture);
                }
                if wanted(&name) || wanted(&with_architecture(&name, &package)) || package.is_half() || name == "dpkg" {
                    found.push((name, package));
                }
            }
            if read == 0 {
                break;
            }
        } else {
            paragraph.field(text);
        }
    }
    // dpkg's own paragraph tells which architecture is not foreign, and it may come last.
    let is_native =
        |package: &Package| native.is_empty() || package.architecture == native || package.architecture == "all";
    let named = found.into_iter().map(|(name, package)| {
        let name = if is_native(&package) { name } else { with_architecture(&name, &package) };
        (name, package)
    });
    Ok(named.filter(|(name, package)| wanted(name) || package.is_half()).collect())
}

fn with_architecture(name: &str, package: &Package) -> String {
    format!("{name}:{}", package.architecture)
}

#[derive(Default)]
struct Paragraph {
    name: Option<String>,
    package: Option<Package>,
}

impl Paragraph {
    fn field(&mut self, line: &[u8]) {
        let value = |key: &[u8]| {
            let rest = line.strip_prefix(key)?;
            Some(String::from_utf8_lossy(rest).trim().to_owned())
        };
        let empty =
            || Package { state: String::new(), version: String::new(), architecture: String::new(), broken: false };
        if let Some(name) = value(b"Package:") {
            self.name = Some(name);
        } else if let Some(status) = value(b"Status:") {
            let mut words = status.split(' ').skip(1);
            let broken = words.next() == Some("reinstreq");
            let package = self.package.get_or_insert_with(empty);
            package.broken = broken;
            package.state = words.next().unwrap_or_default().to_owned();
        } else if let Some(version) = value(b"Version:") {
            self.package.get_or_insert_with(empty).version = version;
        } else if let Some(architecture) = value(b"Architecture:") {
            self.package.get_or_insert_with(empty).architecture = architecture;
        }
    }

    fn take(&mut self) -> Option<(String, Package)> {
        let (name, package) = (self.name.take(), self.package.take());
        Some((name?, package?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUS: &str = "\
Package: povray
Status: install ok installed
Architecture: amd64
Version: 1:3.7.0.10-1+b2
Description: renders
 Package: not a field
 .

Package: povray
Status: install ok installed
Architecture: i386
Version: 1:3.7.0.9-1

Package: nfs-common
Status: deinstall ok config-files
Architecture: amd64
Version: 1:2.6.2-4

Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: foo
Status: install reinstreq half-configured
Architecture: all
Version: 1

Package: held
Status: hold ok installed
Architecture: all
Version: 2";

    #[test]
    fn paragraphs_are_read() {
        let wanted = |name: &str| matches!(name, "povray" | "nfs-common" | "held");
        let packages = parse(STATUS.as_bytes(), &wanted).unwrap();
        let names: Vec<&str> = packages.keys().map(String::as_str).collect();
        assert_eq!(names, ["foo", "held", "nfs-common", "povray"]);
        assert_eq!(packages["povray"].version, "1:3.7.0.10-1+b2");
        assert!(packages["povray"].is_installed() && packages["held"].is_installed());
        assert!(!packages["nfs-common"].is_installed() && !packages["nfs-common"].is_half());
        assert!(packages["foo"].is_half() && !packages["foo"].is_installed());
        let packages = parse(STATUS.as_bytes(), &|name| name == "povray:i386").unwrap();
        assert_eq!(packages.keys().map(String::as_str).collect::<Vec<_>>(), ["foo", "povray:i386"]);
        assert_eq!(packages["povray:i386"].version, "1:3.7.0.9-1");
    }

    proptest! {
        #[test]
        fn no_text_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(bytes.as_slice(), &|_| true).unwrap();
        }
    }
}

//! POV-Ray of 32 bit on a node of 64 bit: dpkg's multiarch.
//!
//! `povray` is one program whatever its architecture (`Multi-Arch: foreign`), so `povray-includes` is content with either, and
//! one takes the other's place.

use td_protocol::converge::resource::Packages;

use super::status;
use crate::converge::failure::Failure;
use crate::converge::node::Node;

const POVRAY: &str = "povray";
/// The foreign architectures that dpkg was told of, its own first.
const ARCHITECTURES: &str = "/var/lib/dpkg/arch";

/// The names that apt and dpkg know the wanted packages by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub all: Vec<String>,
    /// The architecture that POV-Ray comes from, where that is not dpkg's own.
    pub foreign: Option<&'static str>,
}

/// dpkg's architecture of 32 bit whose programs a machine of this one of 64 runs.
fn narrow(native: &str) -> Option<&'static str> {
    match native {
        "arm64" => Some("armhf"),
        "amd64" => Some("i386"),
        _ => None,
    }
}

/// Whether the architecture has pointers of 32 bit.
fn is_narrow(native: &str) -> bool {
    matches!(native, "armhf" | "armel" | "i386")
}

/// Names the packages for a node whose dpkg is of `native`.
///
/// # Errors
/// When no such POV-Ray runs there.
pub fn names(packages: &Packages, native: &str) -> Result<Names, Failure> {
    let plain = || Names { all: packages.names.clone(), foreign: None };
    match packages.povray_word_size {
        Some(32) if is_narrow(native) => Ok(plain()),
        Some(32) => {
            let architecture = narrow(native).ok_or_else(|| {
                Failure::new(format!(
                    "povray_word_size: 32 needs a system of amd64 or arm64, or one of 32 bit, and this one is {native}: leave \
                     it out of the inventory"
                ))
            })?;
            let full = |name: &String| if name == POVRAY { format!("{name}:{architecture}") } else { name.clone() };
            Ok(Names { all: packages.names.iter().map(full).collect(), foreign: Some(architecture) })
        }
        Some(64) if is_narrow(native) => Err(Failure::new(format!(
            "povray_word_size: 64 needs a system of 64 bit, and this one is {native}: leave it out of the inventory"
        ))),
        _ => Ok(plain()),
    }
}

/// Whether a package is POV-Ray, of whichever architecture.
#[must_use]
pub fn is_povray(name: &str) -> bool {
    name == POVRAY || name.strip_prefix(POVRAY).is_some_and(|rest| rest.starts_with(':'))
}

/// The POV-Ray that is installed, of whichever architecture.
#[must_use]
pub fn installed(node: &Node) -> Option<status::Package> {
    // `wanted` is asked with the architecture only for what is foreign.
    let packages = status::read(&node.path(super::STATUS), &is_povray).unwrap_or_default();
    packages.into_iter().find(|(name, package)| is_povray(name) && package.is_installed()).map(|(_, package)| package)
}

/// The architectures that dpkg was told of, its own not among them.
#[must_use]
pub fn known(node: &Node) -> Vec<String> {
    let text = node.text(ARCHITECTURES).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bits: Option<u32>, native: &str) -> Result<Names, Failure> {
        let mut packages = Packages::new(vec!["povray".to_owned(), "povray-includes".to_owned()]);
        packages.povray_word_size = bits;
        names(&packages, native)
    }

    #[test]
    fn only_povray_is_of_another_architecture() {
        for (native, name, foreign) in [("arm64", "povray:armhf", "armhf"), ("amd64", "povray:i386", "i386")] {
            let names = of(Some(32), native).unwrap();
            assert_eq!(
                (names.all, names.foreign),
                (vec![name.to_owned(), "povray-includes".to_owned()], Some(foreign))
            );
        }
        for (bits, native) in [(None, "amd64"), (Some(64), "arm64"), (Some(32), "armhf"), (Some(32), "armel")] {
            let names = of(bits, native).unwrap();
            assert_eq!((names.all[0].as_str(), names.foreign), ("povray", None), "{bits:?} {native}");
        }
    }

    #[test]
    fn what_does_not_run_there_is_refused() {
        assert!(of(Some(64), "armhf").unwrap_err().0.contains("is armhf"));
        assert!(of(Some(32), "riscv64").unwrap_err().0.contains("is riscv64"));
    }

    #[test]
    fn povray_by_any_architecture() {
        assert!(is_povray("povray") && is_povray("povray:i386"));
        assert!(!is_povray("povray-includes") && !is_povray("povrayx"));
    }
}

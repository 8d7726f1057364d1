//! What td's test scene looks like at 32x24, by build of POV-Ray.
//!
//! The last bits of sines and roots differ between processors and C libraries, so a reference holds for one Debian
//! release and one architecture. All were measured with Debian's own packages: amd64 and i386 natively, the others with
//! qemu's user emulation. Raspberry Pi OS takes the arm64 packages from Debian; its 32-bit packages (Raspbian) are builds
//! of its own, and there is no reference for them.

use td_protocol::hash::ContentHash;

/// A build of POV-Ray.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The operating system's id and release: `debian`, `bookworm`.
    pub os: String,
    pub release: String,
    /// dpkg's architecture of the package.
    pub architecture: String,
    /// POV-Ray's version.
    pub version: String,
}

impl std::fmt::Display for Build {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "POV-Ray {} of {} {} on {}", self.version, self.os, self.release, self.architecture)
    }
}

/// Release, architecture, version, SHA-256 of the samples (16 bits, big-endian, row by row).
type Reference = (&'static str, &'static str, &'static str, &'static str);

static REFERENCES: [Reference; 5] = [
    ("bookworm", "amd64", "3.7.0.10", "35d9e612fee76418ade0bdc246a0bb2d83668266708ecdb87adedf90ce444a88"),
    ("bookworm", "arm64", "3.7.0.10", "99964290013826f66d89316fa7e239aee4609fdbcf80fe7246ef72783c47bbe3"),
    ("bookworm", "armel", "3.7.0.10", "7c35c2a45e4eae9f43cecc37a3f09d89066a80e3ed195dbd8807fc3608bfab75"),
    ("bookworm", "armhf", "3.7.0.10", "7c35c2a45e4eae9f43cecc37a3f09d89066a80e3ed195dbd8807fc3608bfab75"),
    ("bookworm", "i386", "3.7.0.10", "362db4bb2656638d4607a818e9f7d77342d3c05dcb1779ebf8853664980dc411"),
];

/// The reference for this build, where one was measured.
#[must_use]
pub fn find(build: &Build) -> Option<ContentHash> {
    if build.os != "debian" {
        return None;
    }
    let key = (build.release.as_str(), build.architecture.as_str(), build.version.as_str());
    let found = REFERENCES.iter().find(|reference| (reference.0, reference.1, reference.2) == key);
    found.and_then(|reference| reference.3.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_hashes_of_debians_builds() {
        let build = |os: &str, release: &str, architecture: &str, version: &str| Build {
            os: os.to_owned(),
            release: release.to_owned(),
            architecture: architecture.to_owned(),
            version: version.to_owned(),
        };
        for (release, architecture, version, _) in REFERENCES {
            assert!(find(&build("debian", release, architecture, version)).is_some(), "{release} {architecture}");
            assert_eq!(find(&build("raspbian", release, architecture, version)), None);
        }
        assert_eq!(find(&build("debian", "bookworm", "amd64", "3.7.0.99")), None);
    }
}

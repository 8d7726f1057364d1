//! What the agent is built for.

use std::fmt;
use std::str::FromStr;

/// A machine that the agent is built for. All are musl and static: one file runs on any Raspberry Pi OS or Debian of
/// any age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// ARM1176 (Raspberry Pi 1, Zero): ARMv6 with VFPv2, hard float.
    Armv6,
    /// Cortex-A7 and later, 32 bit (Raspberry Pi 2).
    Armv7,
    /// Cortex-A53 and later, 64 bit (Raspberry Pi 3, 4, 5, Zero 2).
    Arm64,
    /// A PC.
    X86_64,
}

impl Target {
    /// All, smallest machine first.
    pub const ALL: [Self; 4] = [Self::Armv6, Self::Armv7, Self::Arm64, Self::X86_64];

    /// Rust's name of it.
    #[must_use]
    pub const fn triple(self) -> &'static str {
        match self {
            Self::Armv6 => "arm-unknown-linux-musleabihf",
            Self::Armv7 => "armv7-unknown-linux-musleabihf",
            Self::Arm64 => "aarch64-unknown-linux-musl",
            Self::X86_64 => "x86_64-unknown-linux-musl",
        }
    }

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armv6 => "ARMv6 (Raspberry Pi 1, Zero)",
            Self::Armv7 => "ARMv7 (Raspberry Pi 2)",
            Self::Arm64 => "ARM64 (Raspberry Pi 3 and later)",
            Self::X86_64 => "x86-64",
        }
    }

    /// Bits of a pointer.
    #[must_use]
    pub const fn word_bits(self) -> u32 {
        match self {
            Self::Armv6 | Self::Armv7 => 32,
            Self::Arm64 | Self::X86_64 => 64,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.triple())
    }
}

/// A word that names no [`Target`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no target that the agent is built for: write armv6, armv7, arm64, x86-64 or one of {triples}",
    triples = triples()
)]
pub struct UnknownTarget(String);

fn triples() -> String {
    Target::ALL.map(Target::triple).join(", ")
}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(word: &str) -> Result<Self, UnknownTarget> {
        match word.to_ascii_lowercase().as_str() {
            "armv6" | "armv6l" => Ok(Self::Armv6),
            "armv7" | "armv7l" => Ok(Self::Armv7),
            "arm64" | "aarch64" => Ok(Self::Arm64),
            "x86-64" | "x86_64" | "amd64" => Ok(Self::X86_64),
            word => Self::ALL
                .into_iter()
                .find(|target| target.triple() == word)
                .ok_or_else(|| UnknownTarget(word.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_triples_name_targets() {
        for target in Target::ALL {
            assert_eq!(target.triple().parse(), Ok(target));
        }
        assert_eq!("ARMv6".parse(), Ok(Target::Armv6));
        // What `uname -m` says on the Pis.
        assert_eq!("armv6l".parse(), Ok(Target::Armv6));
        let error = "arm-unknown-linux-gnueabihf".parse::<Target>().unwrap_err().to_string();
        assert!(error.contains("arm-unknown-linux-musleabihf"), "{error}");
    }
}

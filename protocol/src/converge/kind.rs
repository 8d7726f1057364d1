//! The kinds of resources, and the words that select them.

use serde::{Deserialize, Serialize};

/// A kind of [`Resource`](super::resource::Resource), in the order in which an agent converges them: what others need
/// comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Hostname,
    Hosts,
    Account,
    Directory,
    Packages,
    File,
    NfsExport,
    NfsMount,
    Clock,
    Boot,
    Service,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::Hostname,
        Self::Hosts,
        Self::Account,
        Self::Directory,
        Self::Packages,
        Self::File,
        Self::NfsExport,
        Self::NfsMount,
        Self::Clock,
        Self::Boot,
        Self::Service,
    ];

    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hostname => "hostname",
            Self::Hosts => "hosts",
            Self::Account => "account",
            Self::Directory => "directory",
            Self::Packages => "packages",
            Self::File => "file",
            Self::NfsExport => "nfs_export",
            Self::NfsMount => "nfs_mount",
            Self::Clock => "clock",
            Self::Boot => "boot",
            Self::Service => "service",
        }
    }

    /// The word of `--only` that selects it.
    #[must_use]
    pub fn group(self) -> Group {
        match self {
            Self::Hostname | Self::Hosts => Group::Hostname,
            Self::Account | Self::Directory | Self::File | Self::Service => Group::Agent,
            Self::Packages => Group::Packages,
            Self::NfsExport | Self::NfsMount => Group::Nfs,
            Self::Clock => Group::Clock,
            Self::Boot => Group::Boot,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// What `--only` selects: kinds that make sense together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Host name and /etc/hosts.
    Hostname,
    Packages,
    Boot,
    /// Export and mount.
    Nfs,
    Clock,
    /// The agent's account, directories, files and service.
    Agent,
}

/// A word that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of resource: known are {known}", known = words())]
pub struct UnknownGroup(pub String);

fn words() -> String {
    Group::ALL.map(Group::word).join(", ")
}

impl Group {
    pub const ALL: [Self; 6] = [Self::Hostname, Self::Packages, Self::Boot, Self::Nfs, Self::Clock, Self::Agent];

    /// The word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hostname => "hostname",
            Self::Packages => "packages",
            Self::Boot => "boot",
            Self::Nfs => "nfs",
            Self::Clock => "clock",
            Self::Agent => "agent",
        }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

impl std::str::FromStr for Group {
    type Err = UnknownGroup;

    fn from_str(word: &str) -> Result<Self, UnknownGroup> {
        Self::ALL.into_iter().find(|group| group.word() == word).ok_or_else(|| UnknownGroup(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), serde_json::Value::from(kind.word()));
        }
        assert!(Kind::ALL.is_sorted());
        for group in Group::ALL {
            assert_eq!(group.word().parse(), Ok(group));
            assert!(Kind::ALL.iter().any(|kind| kind.group() == group));
        }
        insta::assert_snapshot!(
            "nsf".parse::<Group>().unwrap_err(),
            @r#""nsf" is no kind of resource: known are hostname, packages, boot, nfs, clock, agent"#
        );
    }
}

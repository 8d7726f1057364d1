//! What can be wrong with the files, each with what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no TLS with the cluster.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// Neither of the variables is set that say where a user's configuration lies.
    #[error("no folder for the cluster's certificates: set HOME or XDG_CONFIG_HOME")]
    NoHome,
    /// A file is not there.
    #[error("{} is not there: run `{command}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What makes it.
        command: String,
    },
    /// A file is there and cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A key that others could have copied.
    #[error(
        "{}: others than its owner can read this key (mode {mode:04o}): `chmod 600` it, or make new ones where somebody \
         may have copied it (`td-provision certs init --force`)",
        path.display()
    )]
    OpenKey {
        /// The key's file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The content is not what its name says.
    #[error("{}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

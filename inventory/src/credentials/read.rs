//! Reading certificates and keys, with the checks that a file on a disk needs.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::error::CredentialsError;

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 16;

/// The first certificate in a PEM file. `command` is what would make the file, for the message where it is missing.
///
/// # Errors
/// [`CredentialsError`].
pub fn certificate(path: &Path, command: &str) -> Result<CertificateDer<'static>, CredentialsError> {
    let bytes = bytes(path, command)?;
    CertificateDer::from_pem_slice(&bytes).map_err(|error| CredentialsError::Wrong {
        path: path.to_owned(),
        reason: format!("holds no certificate in PEM form ({error}): make it again with `{command}`"),
    })
}

/// The private key in a PEM file that nobody but its owner may be able to read.
///
/// # Errors
/// [`CredentialsError`].
pub fn private_key(path: &Path, command: &str) -> Result<PrivateKeyDer<'static>, CredentialsError> {
    let bytes = bytes(path, command)?;
    key_file_is_private(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| CredentialsError::Wrong {
        path: path.to_owned(),
        reason: format!("holds no private key in PEM form ({error}): make it again with `{command}`"),
    })
}

/// Refuses a key's file that group or others may read or write.
///
/// # Errors
/// [`CredentialsError::OpenKey`], or that the file cannot be looked at.
pub fn key_file_is_private(path: &Path) -> Result<(), CredentialsError> {
    let meta = fs::metadata(path).map_err(|source| CredentialsError::Unreadable { path: path.to_owned(), source })?;
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(CredentialsError::OpenKey { path: path.to_owned(), mode });
    }
    Ok(())
}

fn bytes(path: &Path, command: &str) -> Result<Vec<u8>, CredentialsError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => CredentialsError::Missing { path: path.to_owned(), command: command.to_owned() },
        _ => CredentialsError::Unreadable { path: path.to_owned(), source },
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

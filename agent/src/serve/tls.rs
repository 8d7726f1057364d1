//! The agent's side of TLS: who it shows itself as, and whom it takes work from.
//!
//! Scenes are programs, so off this machine an agent answers nobody who does not show a certificate of the cluster's own CA
//! that is good for being a client. Only the master's is: a node's certificate, stolen from one node, opens no other.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ParsedCertificate, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, CertificateError, Error, RootCertStore, ServerConfig};

use crate::clock::NEVER_SET;

/// Masters' sessions that are kept, so that a connection after the first costs no signature.
const SESSIONS: usize = 256;
/// Tickets that a client gets per handshake: each is one later connection. Fewer than rustls's own 4, for small nodes.
const TICKETS: usize = 2;

/// Why the agent cannot speak TLS. It listens nowhere then.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error(
        "{} is not there: an agent that listens beyond this machine needs ca.pem, agent.pem and agent.key in that folder; \
         on the master, `td-provision certs issue` makes a node's and `td-provision apply` brings them here",
        path.display()
    )]
    Missing { path: PathBuf },
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: every user of this node can read this key (mode {mode:04o}): `chmod 640` it", path.display())]
    OpenKey { path: PathBuf, mode: u32 },
    #[error("{}: {reason}", path.display())]
    Wrong { path: PathBuf, reason: String },
}

/// Reads `ca.pem`, `agent.pem` and `agent.key` of a folder, checks that they belong together, and makes the server's
/// configuration of them.
///
/// # Errors
/// [`CredentialsError`], naming the file and what to do.
pub fn server_config(folder: &Path) -> Result<ServerConfig, CredentialsError> {
    let (ca_path, certificate_path, key_path) =
        (folder.join("ca.pem"), folder.join("agent.pem"), folder.join("agent.key"));
    let wrong = |path: &Path, reason: String| CredentialsError::Wrong { path: path.to_owned(), reason };
    let ca = CertificateDer::from_pem_slice(&read(&ca_path)?)
        .map_err(|error| wrong(&ca_path, format!("holds no certificate in PEM form ({error})")))?;
    let certificate = CertificateDer::from_pem_slice(&read(&certificate_path)?)
        .map_err(|error| wrong(&certificate_path, format!("holds no certificate in PEM form ({error})")))?;
    let key = read(&key_path)?;
    check_mode(&key_path)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| wrong(&key_path, format!("holds no private key in PEM form ({error})")))?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca).map_err(|error| wrong(&ca_path, format!("cannot be trusted as a CA ({error})")))?;
    let roots = Arc::new(roots);
    check_own(&certificate, &roots, &provider)
        .map_err(|error| wrong(&certificate_path, format!("is not this node's: {}", sentence(&error))))?;

    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
        .build()
        .map_err(|error| wrong(&ca_path, format!("cannot be trusted as a CA ({error})")))?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(Clock))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong(folder, format!("TLS cannot be set up: {error}")))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .map_err(|error| wrong(&key_path, format!("does not belong to agent.pem ({error})")))?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.send_tls13_tickets = TICKETS;
    Ok(config)
}

/// A certificate that no master would accept is better told here than on every master.
fn check_own(
    certificate: &CertificateDer<'_>,
    roots: &RootCertStore,
    provider: &CryptoProvider,
) -> Result<(), rustls::Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let now = Clock.current_time().unwrap_or(UnixTime::since_unix_epoch(NEVER_SET));
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, &[], now, provider.signature_verification_algorithms.all)
}

fn read(path: &Path) -> Result<Vec<u8>, CredentialsError> {
    fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => CredentialsError::Missing { path: path.to_owned() },
        _ => CredentialsError::Unreadable { path: path.to_owned(), source },
    })
}

/// The agent's group may read the key (the file is root's, the agent is not root); the world may not.
fn check_mode(path: &Path) -> Result<(), CredentialsError> {
    let meta = fs::metadata(path).map_err(|source| CredentialsError::Unreadable { path: path.to_owned(), source })?;
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o007 == 0 { Ok(()) } else { Err(CredentialsError::OpenKey { path: path.to_owned(), mode }) }
}

/// This node's clock; one that was never set counts as 2020. Certificates are good from the year 2000 on, so a node
/// without a clock works, and can merely not tell that one has ended.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(UnixTime::since_unix_epoch(since.max(NEVER_SET)))
    }
}

/// Why a handshake failed, as the end of a sentence about the client.
#[must_use]
pub fn why_refused(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => sentence(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "it hung up in the middle of the handshake".to_owned(),
        None => error.to_string(),
    }
}

fn sentence(error: &Error) -> String {
    match error {
        Error::NoCertificatesPresented => "it showed no certificate".to_owned(),
        Error::InvalidCertificate(error) => certificate_sentence(error),
        Error::PeerIncompatible(_) => format!("it does not speak TLS 1.3 ({error})"),
        Error::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        // The second where both CAs have one name, as after `certs init --force`.
        Error::AlertReceived(AlertDescription::UnknownCA | AlertDescription::DecryptError) => {
            "it does not know this node's CA: agent.pem here and the master's certificates were made by different CAs"
                .to_owned()
        }
        Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "it says that this node's certificate has ended".to_owned()
        }
        Error::AlertReceived(alert) => format!("it did not accept this node ({alert:?})"),
        other => other.to_string(),
    }
}

fn certificate_sentence(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate was made by another CA".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has ended".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet by this node's clock".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is for something else (a node's is not good for being a master, nor a master's for being a node)"
                .to_owned()
        }
        other => format!("its certificate is not good ({other})"),
    }
}

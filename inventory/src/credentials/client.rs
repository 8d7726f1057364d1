//! The master's side of TLS.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use super::error::CredentialsError;
use super::folder::ClusterFolder;
use super::read;
use super::sessions::OneTicketEach;

/// One configuration for all nodes of a cluster: TLS 1.3 by ring, no CA trusted but the cluster's own, the master's
/// certificate shown. It keeps a session of each node, since a handshake is dear on a Raspberry Pi 1.
///
/// # Errors
/// [`CredentialsError`]: a file is missing, open to others, or not what its name says.
pub fn client_config(folder: &ClusterFolder) -> Result<ClientConfig, CredentialsError> {
    let init = folder.init_command();
    let ca = read::certificate(&folder.ca(), &init)?;
    let certificate = read::certificate(&folder.master(), &init)?;
    let key = read::private_key(&folder.master_key(), &init)?;
    let mut roots = RootCertStore::empty();
    roots.add(ca).map_err(|error| CredentialsError::Wrong {
        path: folder.ca(),
        reason: format!("cannot be trusted as a CA ({error}): `{init} --force` makes a new one"),
    })?;
    let mut provider = ring::default_provider();
    // The client's order decides. A Raspberry Pi has no AES instructions, and ChaCha20 is several times faster without.
    provider.cipher_suites = vec![
        ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
        ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
    ];
    let provider = Arc::new(provider);
    let wrong = |reason: String| CredentialsError::Wrong { path: folder.master(), reason };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .map_err(|error| {
            wrong(format!("cannot be used together with master.key ({error}): `{init} --force` makes both anew"))
        })?;
    config.resumption = Resumption::store(Arc::new(OneTicketEach::default()));
    Ok(config)
}

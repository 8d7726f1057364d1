//! A TLS 1.3 handshake with both sides in this process, through the agent's own configuration, and one that must fail.
//!
//! The keys are for this check alone and protect nothing; the certificates are good from 2000 to 2099.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};

use super::Finding;
use crate::serve::tls;

const CA: &[u8] = include_bytes!("ca.pem");
const AGENT: [&[u8]; 2] = [include_bytes!("agent.pem"), include_bytes!("agent.key")];
const MASTER: [&[u8]; 2] = [include_bytes!("master.pem"), include_bytes!("master.key")];
/// Rounds of bytes back and forth; a handshake takes three.
const ROUNDS: usize = 16;

pub(super) fn check() -> Finding {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    write(folder.path()).map_err(|error| format!("no temporary files: {error}"))?;
    let server = Arc::new(tls::server_config(folder.path()).map_err(|error| error.to_string())?);
    let suite = shake(&server, client(Some(MASTER))?)?;
    if shake(&server, client(None)?).is_ok() {
        return Err("a client without a certificate was let in".to_owned());
    }
    if shake(&server, client(Some(AGENT))?).is_ok() {
        return Err("a node's certificate was taken for a master's".to_owned());
    }
    Ok(format!("{suite}; a stranger and another node were refused"))
}

fn write(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(folder.join("ca.pem"), CA)?;
    std::fs::write(folder.join("agent.pem"), AGENT[0])?;
    std::fs::write(folder.join("agent.key"), AGENT[1])?;
    std::fs::set_permissions(folder.join("agent.key"), std::fs::Permissions::from_mode(0o600))
}

fn client(identity: Option<[&[u8]; 2]>) -> Result<ClientConfig, String> {
    let text = |error: rustls::pki_types::pem::Error| error.to_string();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).map_err(text)?).map_err(|error| error.to_string())?;
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some([certificate, key]) = identity else { return Ok(builder.with_no_client_auth()) };
    let certificate = CertificateDer::from_pem_slice(certificate).map_err(text)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(text)?;
    builder.with_client_auth_cert(vec![certificate], key).map_err(|error| error.to_string())
}

/// Shakes hands and sends a word each way; returns the cipher suite's name.
fn shake(server: &Arc<ServerConfig>, client: ClientConfig) -> Result<String, String> {
    let text = |error: rustls::Error| error.to_string();
    let name = ServerName::try_from("agent").map_err(|error| error.to_string())?;
    let mut client = ClientConnection::new(Arc::new(client), name).map_err(text)?;
    let mut server = ServerConnection::new(Arc::clone(server)).map_err(text)?;
    let mut wire = Vec::new();
    for _ in 0..ROUNDS {
        while client.wants_write() {
            client.write_tls(&mut wire).map_err(|error| error.to_string())?;
        }
        feed(&mut wire, |bytes| server.read_tls(bytes))?;
        server.process_new_packets().map_err(text)?;
        while server.wants_write() {
            server.write_tls(&mut wire).map_err(|error| error.to_string())?;
        }
        feed(&mut wire, |bytes| client.read_tls(bytes))?;
        client.process_new_packets().map_err(text)?;
    }
    // A client believes itself through before the server has seen its certificate.
    if server.is_handshaking() || client.is_handshaking() {
        return Err("the handshake did not come to its end".to_owned());
    }
    if server.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Err(format!("{:?} was spoken", server.protocol_version()));
    }
    let suite = server.negotiated_cipher_suite().ok_or("no cipher suite")?;
    Ok(format!("{:?}", suite.suite()))
}

fn feed(wire: &mut Vec<u8>, mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) -> Result<(), String> {
    let mut bytes = wire.as_slice();
    while !bytes.is_empty() {
        read(&mut bytes).map_err(|error| error.to_string())?;
    }
    wire.clear();
    Ok(())
}

//! The master keeps a TLS session for every node: a handshake from nothing costs an ARM11 a signature and a check.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use td_inventory::credentials::{ClusterFolder, client_config};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection, crypto::ring,
};

const NODES: usize = 9;

fn inventory() -> String {
    let nodes = (1..=NODES).map(|number| format!("  pi{number}: {{ address: 192.0.2.{number} }}\n"));
    format!("cluster: shelf\nnodes:\n{}", nodes.collect::<String>())
}

fn certs(folder: &Path, command: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_td-provision"))
        .args(["certs", command])
        .current_dir(folder)
        .env_remove("TD_INVENTORY")
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .output()
        .expect("runs");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

/// What a node's agent serves with, as far as sessions go.
fn server(cluster: &ClusterFolder, node: &str) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cluster.ca()).expect("a CA")).expect("trusted");
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let certificate = CertificateDer::from_pem_file(cluster.node(node)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(cluster.node_key(node)).expect("a key");
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![certificate], key)
        .expect("a server");
    config.session_storage = ServerSessionMemoryCache::new(256);
    Arc::new(config)
}

/// Connects, without a network in between, and tells how they shook hands.
fn shake_hands(master: &Arc<ClientConfig>, node: &str, server: &Arc<ServerConfig>) -> HandshakeKind {
    let name = ServerName::try_from(node.to_owned()).expect("a name");
    let mut master = ClientConnection::new(Arc::clone(master), name).expect("a client");
    let mut node = ServerConnection::new(Arc::clone(server)).expect("a server");
    while master.wants_write() || node.wants_write() {
        let mut sent = Vec::new();
        while master.wants_write() {
            master.write_tls(&mut sent).expect("written");
        }
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            node.read_tls(&mut rest).expect("read");
            node.process_new_packets().expect("the node takes the master");
        }
        let mut sent = Vec::new();
        while node.wants_write() {
            node.write_tls(&mut sent).expect("written");
        }
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            master.read_tls(&mut rest).expect("read");
            master.process_new_packets().expect("the master takes the node");
        }
    }
    assert!(!master.is_handshaking() && !node.is_handshaking());
    master.handshake_kind().expect("they shook hands")
}

#[test]
fn every_nodes_session_is_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("inventory.yaml"), inventory()).expect("written");
    certs(folder.path(), "init");
    certs(folder.path(), "issue");
    let path = folder.path().join("config/td/clusters/shelf");
    let cluster = ClusterFolder::at(path, Path::new("inventory.yaml"));
    let master = Arc::new(client_config(&cluster).expect("the master's side"));
    let nodes: Vec<_> = (1..=NODES).map(|number| format!("pi{number}")).collect();
    let servers: Vec<_> = nodes.iter().map(|node| server(&cluster, node)).collect();
    let round =
        || -> Vec<_> { nodes.iter().zip(&servers).map(|(node, server)| shake_hands(&master, node, server)).collect() };
    assert!(round().iter().all(|kind| *kind == HandshakeKind::Full));
    assert_eq!(round(), [HandshakeKind::Resumed; NODES]);
}

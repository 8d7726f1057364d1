//! Connections: which agent is meant, and TLS as that agent speaks it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

use crate::Result;

/// Connections that end badly and are told of: where one does, all may.
const MOST_TOLD: u32 = 5;
static TOLD: AtomicU32 = AtomicU32::new(0);

/// The configuration that `td-agent serve --tls` makes of a node's certificates; `credentials` is the master's folder of
/// the cluster.
pub fn config(credentials: &Path, name: &str) -> Result<Arc<ServerConfig>> {
    let folder = tempfile::tempdir()?;
    for (from, to) in [
        ("ca.pem".to_owned(), "ca.pem"),
        (format!("nodes/{name}.pem"), "agent.pem"),
        (format!("nodes/{name}.key"), "agent.key"),
    ] {
        std::fs::copy(credentials.join(from), folder.path().join(to))?;
    }
    Ok(Arc::new(td_agent::serve::tls::server_config(folder.path())?))
}

/// Takes connections until this future is dropped.
pub async fn serve(listener: TcpListener, agents: HashMap<String, (Arc<ServerConfig>, Router)>) -> Infallible {
    let agents = Arc::new(agents);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let agents = Arc::clone(&agents);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &agents).await
                        && TOLD.fetch_add(1, Ordering::Relaxed) < MOST_TOLD
                    {
                        eprintln!("replay-agents: a connection ended: {error}");
                    }
                });
            }
            Err(error) => {
                eprintln!("replay-agents: a connection was not taken: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, agents: &HashMap<String, (Arc<ServerConfig>, Router)>) -> Result<()> {
    stream.set_nodelay(true)?;
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let name = hello.client_hello().server_name().unwrap_or_default().to_owned();
    let (config, router) = agents.get(&name).ok_or_else(|| format!("nobody here is called {name:?}"))?;
    let connection = hello.into_stream(Arc::clone(config)).await?;
    // How a connection ends is the master's affair.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(router.clone()))
        .await;
    Ok(())
}

//! Connections from other machines: TLS first, then HTTP, each with its bounds.
//!
//! `axum::serve` is for peers on this machine: it waits for ever. Here each step has its time, and strangers, who get no
//! further than the handshake, have a bound of their own ([`Door`]).

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::serve::door::Door;
use crate::serve::tls;

/// Handshakes at a time.
const MOST_HANDSHAKES: usize = 64;
/// Connections of masters at a time: some for each slot, and for more masters than one.
const MOST_CONNECTIONS: usize = 512;
/// Time for a handshake. A Raspberry Pi 1 whose core renders needs a good part of a second.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time for a request's head, and for an idle connection. Masters say something every second.
const HEAD: Duration = Duration::from_secs(60);
/// After so long without an acknowledgement a connection is dead (milliseconds): a cable that is cut says nothing.
const UNACKNOWLEDGED: u32 = 30_000;
/// Time for a refused client to read why.
const FAREWELL: Duration = Duration::from_millis(500);
/// Refusals that are logged within [`LOG_SPAN`]: a stranger must not fill the node's card.
const MOST_LOGGED: u32 = 20;
const LOG_SPAN: Duration = Duration::from_secs(60);

/// Takes connections until this future is dropped. Handshakes are dropped with it; connections end with the runtime.
pub async fn serve(listener: TcpListener, acceptor: TlsAcceptor, router: Router) -> Infallible {
    let (leave, mut left) = mpsc::unbounded_channel();
    let mut door = Door::new(MOST_HANDSHAKES);
    let mut handshakes: HashMap<u64, AbortHandle> = HashMap::new();
    let connections = Arc::new(AtomicUsize::new(0));
    let mut log = Log::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(Left { number, refused }) = left.recv() => {
                door.leave(number);
                handshakes.remove(&number);
                if let Some((address, why)) = refused {
                    log.refused(address, &why);
                }
                continue;
            }
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The peer is gone already, or this process has no descriptors left for a moment.
                tracing::debug!("a connection was not taken: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let address = peer.ip().to_canonical();
        let (number, thrown_out) = door.enter(address);
        if let Some(handshake) = thrown_out.and_then(|number| handshakes.remove(&number)) {
            handshake.abort();
            log.refused(address, &format!("more than {MOST_HANDSHAKES} handshakes at a time: the oldest was given up"));
        }
        let (acceptor, router, leave) = (acceptor.clone(), router.clone(), leave.clone());
        let connections = Arc::clone(&connections);
        let handshake = tokio::spawn(async move {
            let done = handshake(stream, peer, &acceptor).await;
            let (connection, refused) = match done {
                Ok(connection) => (Some(connection), None),
                Err(why) => (None, Some((address, why))),
            };
            let _ = leave.send(Left { number, refused });
            if let Some(connection) = connection {
                // A task of its own: only handshakes are thrown out.
                tokio::spawn(converse(connection, router, connections));
            }
        });
        handshakes.insert(number, handshake.abort_handle());
    }
}

/// A handshake is over.
struct Left {
    number: u64,
    refused: Option<(IpAddr, String)>,
}

/// The handshake, or why there is no connection.
async fn handshake(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: &TlsAcceptor,
) -> Result<TlsStream<TcpStream>, String> {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED);
    let accepted = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream).into_fallible()).await;
    match accepted {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err((error, mut stream))) => {
            let why = tls::why_refused(&error);
            // rustls has written the alert that tells the client why. Closing with unread bytes would reset the
            // connection and could take the alert along.
            let farewell = async {
                let _ = stream.shutdown().await;
                let mut rest = [0; 1024];
                while matches!(stream.read(&mut rest).await, Ok(1..)) {}
            };
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
            Err(why)
        }
        Err(_) => Err(format!("{peer} took more than {} seconds for its handshake", HANDSHAKE.as_secs())),
    }
}

/// Requests and answers of one master, until one side ends it.
async fn converse(connection: TlsStream<TcpStream>, router: Router, connections: Arc<AtomicUsize>) {
    if connections.fetch_add(1, Ordering::Relaxed) < MOST_CONNECTIONS {
        let service = TowerToHyperService::new(router);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        if let Err(error) = http.serve_connection(TokioIo::new(connection), service).await {
            tracing::debug!("a connection ended: {error}");
        }
    } else {
        tracing::warn!("a connection was not taken: there are {MOST_CONNECTIONS} already");
    }
    connections.fetch_sub(1, Ordering::Relaxed);
}

/// The log of refusals, bounded.
struct Log {
    since: Instant,
    told: u32,
}

impl Log {
    fn new() -> Self {
        Self { since: Instant::now(), told: 0 }
    }

    fn refused(&mut self, address: IpAddr, why: &str) {
        if self.since.elapsed() > LOG_SPAN {
            if self.told > MOST_LOGGED {
                tracing::warn!("{} more clients were refused", self.told - MOST_LOGGED);
            }
            *self = Self::new();
        }
        self.told += 1;
        if self.told <= MOST_LOGGED {
            tracing::warn!("a client at {address} was refused: {why}");
        }
    }
}

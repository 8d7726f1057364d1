//! One question to one agent, on a connection of its own, with one deadline for everything: the look-up of the name, TCP, TLS
//! and the answer.
//!
//! The clients of [`crate::fleet::client`] keep connections and have a time limit for each step; for a question to a thousand
//! nodes, of which some are dead, both are in the way. Here a connection is closed with its answer, nothing of it is kept,
//! and when the time is over it is known which step it was that took so long.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use td_inventory::Address;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::fleet::cluster::raise_open_files;
use crate::fleet::trouble::{self, Why};

/// Longest head of an answer, and most of its body that is held before it is taken, bytes.
const MOST_BUFFER: usize = 16 << 10;

/// Where an agent is asked.
#[derive(Debug, Clone)]
pub enum Place {
    /// A node of an inventory, by TLS.
    Node {
        /// Its name, which its certificate has to show.
        name: String,
        address: Address,
        port: u16,
    },
    /// On this machine, without TLS.
    Loopback(SocketAddr),
    Socket(PathBuf),
}

impl Place {
    /// For people: `192.0.2.110:7979`, or the socket's path.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Node { address: Address::Ip(ip), port, .. } => SocketAddr::new(*ip, *port).to_string(),
            Self::Node { address: Address::Host(host), port, .. } => format!("{host}:{port}"),
            Self::Loopback(address) => address.to_string(),
            Self::Socket(path) => path.display().to_string(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Unreachable {
    pub why: Why,
    /// For the person who has to mend it.
    pub sentence: String,
}

impl Unreachable {
    /// With this sentence.
    pub fn new(why: Why, sentence: impl Into<String>) -> Self {
        Self { why, sentence: sentence.into() }
    }
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Self {
        let (why, sentence) = trouble::of_io(&error);
        Self { why, sentence }
    }
}

/// What came back.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
    /// When the question was sent, and when the answer was there; seconds since 1970 by this machine's clock.
    pub asked: f64,
    pub answered: f64,
}

/// The step at which time ran out.
const LOOK_UP: u8 = 0;
const CONNECT: u8 = 1;
const HANDSHAKE: u8 = 2;
const ANSWER: u8 = 3;

/// What all questions have in common.
#[derive(Clone)]
pub struct Asker {
    tls: Result<TlsConnector, Unreachable>,
}

impl Asker {
    /// For nodes by TLS with this configuration (or, without one, with the reason why there is none), and for agents of this
    /// machine.
    #[must_use]
    pub fn new(tls: Result<ClientConfig, Unreachable>) -> Self {
        raise_open_files();
        Self { tls: tls.map(|config| TlsConnector::from(Arc::new(config))) }
    }

    /// Asks for `path` (with its `/`). An answer of more than `most` bytes is none.
    ///
    /// # Errors
    /// [`Unreachable`]; at `until` at the latest.
    pub async fn get(&self, place: &Place, path: &str, most: usize, until: Instant) -> Result<Answer, Unreachable> {
        let step = AtomicU8::new(LOOK_UP);
        let asked = tokio::time::timeout_at(until.into(), self.ask(place, path, most, &step)).await;
        asked.unwrap_or_else(|_| Err(late(place, step.load(Ordering::Relaxed))))
    }

    async fn ask(&self, place: &Place, path: &str, most: usize, step: &AtomicU8) -> Result<Answer, Unreachable> {
        let reached = |at| step.store(at, Ordering::Relaxed);
        match place {
            Place::Socket(socket) => {
                reached(CONNECT);
                let stream = UnixStream::connect(socket).await.map_err(|error| no_socket(&error))?;
                reached(ANSWER);
                exchange(stream, "agent", path, most).await
            }
            Place::Loopback(address) => {
                reached(CONNECT);
                let stream = TcpStream::connect(address).await?;
                reached(ANSWER);
                exchange(stream, "agent", path, most).await
            }
            Place::Node { name, address, port } => {
                let tls = self.tls.as_ref().map_err(Clone::clone)?;
                let name = name.to_ascii_lowercase();
                let server = ServerName::try_from(name.clone()).map_err(|_| {
                    let sentence =
                        format!("the name {name} cannot stand in a certificate: give it another one in the inventory");
                    Unreachable::new(Why::Name, sentence)
                })?;
                let addresses = look_up(address, *port).await?;
                reached(CONNECT);
                let stream = connect(addresses).await?;
                let _ = stream.set_nodelay(true);
                reached(HANDSHAKE);
                let stream = tls.connect(server, stream).await?;
                reached(ANSWER);
                exchange(stream, &name, path, most).await
            }
        }
    }
}

/// What it means that time ran out at this step.
fn late(place: &Place, step: u8) -> Unreachable {
    let sentence = match (step, place) {
        (LOOK_UP, Place::Node { address, .. }) => format!("its address {address} was not looked up in time"),
        (LOOK_UP | CONNECT, _) => "no connection in time: it is switched off, frozen, or behind a firewall".to_owned(),
        (HANDSHAKE, _) => {
            "it took the connection and said nothing in time: its agent is frozen, or the node very busy".to_owned()
        }
        _ => "no answer in time: its agent is frozen, or the node very busy".to_owned(),
    };
    Unreachable::new(Why::Timeout, sentence)
}

fn no_socket(error: &io::Error) -> Unreachable {
    match error.kind() {
        io::ErrorKind::NotFound => Unreachable::new(Why::Refused, "there is no such socket: no agent listens there"),
        _ => trouble::of_io(error).into(),
    }
}

impl From<(Why, String)> for Unreachable {
    fn from((why, sentence): (Why, String)) -> Self {
        Self { why, sentence }
    }
}

async fn look_up(address: &Address, port: u16) -> Result<Vec<SocketAddr>, Unreachable> {
    let host = match address {
        Address::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, port)]),
        Address::Host(host) => host,
    };
    let unknown = |why: String| Unreachable::new(Why::Name, format!("its address {host} cannot be resolved: {why}"));
    let found = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|error| unknown(error.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() { Err(unknown("it has no IP address".to_owned())) } else { Ok(found) }
}

/// The first of them that takes a connection: one that is dead must not use up the time of another.
async fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [address] = addresses[..] {
        return TcpStream::connect(address).await;
    }
    let mut trying: JoinSet<io::Result<TcpStream>> = addresses.into_iter().map(TcpStream::connect).collect();
    let mut last = None;
    while let Some(tried) = trying.join_next().await {
        match tried {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(error),
            Err(_) => {}
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::HostUnreachable.into()))
}

/// A request and its answer, after which the connection is closed.
async fn exchange<S>(stream: S, host: &str, path: &str, most: usize) -> Result<Answer, Unreachable>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = Request::get(path).header(HOST, host).header(CONNECTION, "close").body(Empty::<Bytes>::new());
    let request = request.map_err(|error| garbage(&error.to_string()))?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(MOST_BUFFER).handshake(TokioIo::new(stream)).await?;
    let talk = async move {
        let asked = now();
        let answer = sender.send_request(request).await?;
        let answered = now();
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), most).collect().await.map_err(|error| {
            error.downcast::<hyper::Error>().map_or_else(|_| garbage("it is too long"), |error| (*error).into())
        })?;
        Ok(Answer { status, body: body.to_bytes(), asked, answered })
    };
    let mut talk = pin!(talk);
    tokio::select! {
        answer = &mut talk => answer,
        // What its end means for the answer, the answer tells.
        _ = connection => talk.await,
    }
}

impl From<hyper::Error> for Unreachable {
    fn from(error: hyper::Error) -> Self {
        let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        match io {
            Some(io) if io.kind() == io::ErrorKind::UnexpectedEof => garbage("it was cut"),
            // Chunks that are none.
            Some(io) if io.kind() == io::ErrorKind::InvalidInput => garbage(&io.to_string()),
            Some(io) => trouble::of_io(io).into(),
            None if error.is_incomplete_message() => garbage("it ended before it was whole"),
            None => garbage(&error.to_string()),
        }
    }
}

fn garbage(why: &str) -> Unreachable {
    Unreachable::new(Why::Broken, format!("it answered what td does not understand: {why}"))
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks somebody who answers this and then closes, or who says nothing where it is `None`.
    fn asked(answer: Option<&'static [u8]>) -> Result<Answer, Unreachable> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let place = Place::Loopback(listener.local_addr().unwrap());
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                match answer {
                    Some(answer) => stream.write_all(answer).await.unwrap(),
                    None => std::future::pending().await,
                }
            });
            let asker = Asker::new(Err(Unreachable::new(Why::NoCertificate, "none")));
            let patience = if answer.is_some() { 20_000 } else { 50 };
            let until = Instant::now() + Duration::from_millis(patience);
            let answer = asker.get(&place, "/health", 100, until).await;
            server.abort();
            answer
        })
    }

    #[test]
    fn answers_with_and_without_a_length() {
        let answer = asked(Some(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}and more")).unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
        assert!(answer.asked <= answer.answered);
        let answer = asked(Some(b"HTTP/1.0 404 Not Found\r\nx: y\r\n\r\nnone")).unwrap();
        assert_eq!((answer.status, &answer.body[..]), (404, &b"none"[..]));
    }

    #[test]
    fn what_is_no_answer() {
        let long = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b'x'; 200]].concat();
        let endless = [&b"HTTP/1.1 200 OK\r\nx: "[..], &[b'x'; 40_000]].concat();
        for (bytes, why) in [
            (&b"SSH-2.0-OpenSSH\r\n\r\n"[..], "invalid HTTP version"),
            (b"", "ended before it was whole"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "was cut"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "content-length"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz", "Invalid chunk size"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf", "was cut"),
            (long.leak(), "too long"),
            (endless.leak(), "too large"),
        ] {
            let error = asked(Some(bytes)).unwrap_err();
            assert_eq!(error.why, Why::Broken, "{error}");
            assert!(error.sentence.contains(why), "{error}");
        }
    }

    #[test]
    fn who_says_nothing_is_late() {
        let error = asked(None).unwrap_err();
        assert_eq!(error.why, Why::Timeout);
        assert!(error.sentence.contains("no answer in time"), "{error}");
    }

    #[test]
    fn nobody_there() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let asker = Asker::new(Err(Unreachable::new(Why::NoCertificate, "none")));
            let until = Instant::now() + Duration::from_secs(20);
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let error = asker.get(&Place::Loopback(free), "/health", 100, until).await.unwrap_err();
            assert_eq!(error.why, Why::Refused);
            let socket = Place::Socket("/no/such/socket".into());
            assert_eq!(asker.get(&socket, "/health", 100, until).await.unwrap_err().why, Why::Refused);
            let node = |address: &str| Place::Node { name: "pi".into(), address: address.parse().unwrap(), port: 7979 };
            let error = asker.get(&node("127.0.0.1"), "/health", 100, until).await.unwrap_err();
            assert_eq!(error.why, Why::NoCertificate);
        });
    }
}

//! One agent, as the master talks to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use td_protocol::classic::StartClassic;
use td_protocol::frame;
use td_protocol::hash::ContentHash;
use td_protocol::health::Report;
use td_protocol::hello::Hello;
use td_protocol::job::{JobOpened, OpenJob, Refusal};
use td_protocol::probe::{StartFirstPass, StartProbe};
use td_protocol::rows::Rows;
use td_protocol::segment::SegmentMeta;
use td_protocol::share::Shared;
use td_protocol::strip::{SetWay, Shrink, Shrunk, StartStrip, StripEvent, Way};
use td_protocol::version::{self, VersionMismatch};
use tokio::sync::Mutex;

use crate::fleet::stream::Frames;
use crate::fleet::{trouble, words};

/// Longest wait for an answer that an agent gives at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes per second of a line that is slow and not dead.
const SLOWEST_LINE: u64 = 32 << 10;
/// Longest wait for a hello: at its first start an agent renders its fingerprint scene, on a Pi 1 for some seconds.
const HELLO_TIMEOUT: Duration = Duration::from_secs(120);

/// A client for this machine. It trusts no CA at all, so that it can speak plain HTTP only; without a configuration of its own
/// reqwest would look for one of the whole process, and for this machine's CAs.
fn local() -> reqwest::ClientBuilder {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map(|builder| builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    match tls {
        Ok(tls) => builder.tls_backend_preconfigured(tls),
        // TLS 1.3 is what ring's provider is made of.
        Err(_) => builder,
    }
}

/// What went wrong between the master and an agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// No connection, or it broke.
    #[error("{agent} does not answer: {reason}")]
    Unreachable { agent: String, reason: String },
    /// The agent understood, and said no.
    #[error("{agent} refused: {message}")]
    Refused { agent: String, status: u16, message: String },
    /// What came back is not td's protocol.
    #[error("{agent} answered what td does not understand: {reason}")]
    Garbage { agent: String, reason: String },
    #[error(transparent)]
    Version(#[from] VersionMismatch),
}

/// One agent's address and a connection pool to it.
#[derive(Debug, Clone)]
pub struct Client {
    name: Arc<str>,
    base: Arc<str>,
    http: reqwest::Client,
    /// Held by words that an agent answers at once and that go to all nodes, so that they share a connection: each takes some
    /// memory, and of a Raspberry Pi 1 a good part of a second for its handshake.
    word: Arc<Mutex<()>>,
}

impl Client {
    /// An agent that listens on a Unix socket.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn unix(name: &str, socket: &Path) -> Result<Self, AgentError> {
        let http = local().unix_socket(socket.to_owned()).build();
        Self::with(name, "http://agent".to_owned(), http)
    }

    /// An agent on a loopback address.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn loopback(name: &str, address: std::net::SocketAddr) -> Result<Self, AgentError> {
        let http = local().connect_timeout(Duration::from_secs(5)).build();
        Self::with(name, format!("http://{address}"), http)
    }

    fn with(name: &str, base: String, http: reqwest::Result<reqwest::Client>) -> Result<Self, AgentError> {
        match http {
            Ok(http) => Ok(Self::over(name, base, http)),
            Err(error) => Err(AgentError::Unreachable { agent: name.to_owned(), reason: trouble::sentence(&error) }),
        }
    }

    /// An agent that `http` reaches at `base`.
    pub(super) fn over(name: &str, base: String, http: reqwest::Client) -> Self {
        Self { name: name.into(), base: base.into(), http, word: Arc::default() }
    }

    /// The agent's name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks who the agent is, and checks that both sides speak the same version.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn hello(&self) -> Result<Hello, AgentError> {
        let response = self.send(self.request(Method::GET, "hello").timeout(HELLO_TIMEOUT)).await?;
        let value: serde_json::Value = self.json(response).await?;
        // The version is looked at before the rest: the rest may have another shape there.
        let number = value.get("protocol").and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let their_td = value
            .get("td")
            .and_then(serde_json::Value::as_str)
            .map_or_else(|| "an unknown version".to_owned(), words::plain);
        let Some(number) = number else {
            return Err(self.garbage("the answer to hello tells no protocol version"));
        };
        version::check(&self.name, number, &their_td)?;
        serde_json::from_value(value).map(words::of_hello).map_err(|error| self.garbage(error))
    }

    /// Opens a job; `standby` POV-Rays are made ready for its first strips, if the agent knows how to.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn open_job(&self, job: &OpenJob, standby: usize) -> Result<JobOpened, AgentError> {
        // An older agent takes no field that it does not know, but looks at no such word.
        let path = if standby == 0 { "jobs".to_owned() } else { format!("jobs?standby={standby}") };
        self.post(&path, job).await
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn close_job(&self, id: &str) -> Result<(), AgentError> {
        let request = self.request(Method::DELETE, &format!("jobs/{id}")).timeout(ANSWER_TIMEOUT);
        self.send(request).await.map(|_| ())
    }

    /// What the node says of its health; `None` where its agent is older than the question.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn health(&self, patience: Duration) -> Result<Option<Report>, AgentError> {
        match self.send(self.request(Method::GET, "health").timeout(patience)).await {
            Ok(response) => self.json(response).await.map(Some),
            Err(AgentError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has the agent end all it does for a job, and forget the finished bands of its picture: they are wrong. The job is closed
    /// there afterwards.
    ///
    /// # Errors
    /// [`AgentError`]; an agent of an older td refuses with 404.
    pub async fn forget_bands(&self, id: &str) -> Result<(), AgentError> {
        let request = self.request(Method::DELETE, &format!("jobs/{id}/bands")).timeout(ANSWER_TIMEOUT);
        self.send(request).await.map(|_| ())
    }

    /// Tells the agent that the master lives.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn alive(&self, id: &str, patience: Duration) -> Result<(), AgentError> {
        let request = self.request(Method::POST, &format!("jobs/{id}/alive")).timeout(patience);
        let _word = self.word.lock().await;
        self.send(request).await.map(|_| ())
    }

    /// Sends one content of a bundle, of `size` bytes.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn put_blob(&self, hash: ContentHash, size: u64, body: Body) -> Result<(), AgentError> {
        let patience = ANSWER_TIMEOUT + Duration::from_secs(size / SLOWEST_LINE);
        let request = self.request(Method::PUT, &format!("blobs/{hash}")).timeout(patience);
        self.send(request.body(body)).await.map(|_| ())
    }

    /// Has the share's server lay a job's contents on the share, or another node take from there what it misses; `size`
    /// bytes at most.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn exchange(&self, id: &str, size: u64) -> Result<Shared, AgentError> {
        let patience = ANSWER_TIMEOUT + Duration::from_secs(size / SLOWEST_LINE);
        let response = self.send(self.request(Method::POST, &format!("jobs/{id}/share")).timeout(patience)).await?;
        self.json(response).await
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn set_way(&self, id: &str, way: Way) -> Result<(), AgentError> {
        let request = self.request(Method::POST, &format!("jobs/{id}/way")).json(&SetWay { way });
        let _word = self.word.lock().await;
        self.send(request.timeout(ANSWER_TIMEOUT)).await.map(|_| ())
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn start_probe(&self, id: &str, probe: &StartProbe) -> Result<Frames, AgentError> {
        self.stream(&format!("jobs/{id}/probe"), probe).await
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn start_first_pass(&self, id: &str, pass: &StartFirstPass) -> Result<Frames, AgentError> {
        self.stream(&format!("jobs/{id}/first-pass"), pass).await
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn start_classic(&self, id: &str, strip: &StartClassic) -> Result<Frames, AgentError> {
        self.stream(&format!("jobs/{id}/classic"), strip).await
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn start_strip(&self, id: &str, strip: &StartStrip) -> Result<Frames, AgentError> {
        self.stream(&format!("jobs/{id}/strips"), strip).await
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn cancel_strip(&self, id: &str, lease: u64) -> Result<(), AgentError> {
        let request = self.request(Method::DELETE, &format!("jobs/{id}/strips/{lease}"));
        self.send(request.timeout(ANSWER_TIMEOUT)).await.map(|_| ())
    }

    /// # Errors
    /// [`AgentError`].
    pub async fn shrink(&self, id: &str, lease: u64, wish: Shrink) -> Result<Shrunk, AgentError> {
        self.post(&format!("jobs/{id}/strips/{lease}/shrink"), &wish).await
    }

    /// Fetches a finished band from the agent's cache.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn band(&self, id: &str, rows: Rows) -> Result<(SegmentMeta, Vec<u8>), AgentError> {
        let request = self.request(Method::GET, &format!("jobs/{id}/bands/{}/{}", rows.start, rows.end));
        let response = self.send(request.timeout(ANSWER_TIMEOUT)).await?;
        let mut frames = Frames::new(&self.name, response);
        match frames.next::<StripEvent>().await? {
            Some((StripEvent::Rows { segment, .. }, data)) => Ok((segment, data)),
            _ => Err(self.garbage("the answer holds no band")),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/{path}", self.base))
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, AgentError> {
        let request = self.request(Method::POST, path).json(body).timeout(ANSWER_TIMEOUT);
        let response = self.send(request).await?;
        self.json(response).await
    }

    async fn stream(&self, path: &str, body: &impl Serialize) -> Result<Frames, AgentError> {
        // Only the answer's head has its time here: the stream lasts as long as the work.
        let sent = tokio::time::timeout(ANSWER_TIMEOUT, self.send(self.request(Method::POST, path).json(body))).await;
        let late = |_| {
            let reason = format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs());
            AgentError::Unreachable { agent: self.name.to_string(), reason }
        };
        let response = sent.map_err(late)??;
        Ok(Frames::new(&self.name, response))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, AgentError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(self.refusal(status, response).await)
    }

    async fn refusal(&self, status: StatusCode, response: Response) -> AgentError {
        let text = self.bounded_text(response).await.unwrap_or_default();
        let message = serde_json::from_str::<Refusal>(&text)
            .map_or_else(|_| format!("status {status}"), |r| words::plain(&r.message));
        AgentError::Refused { agent: self.name.to_string(), status: status.as_u16(), message }
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, AgentError> {
        let text = self.bounded_text(response).await?;
        serde_json::from_str(&text).map_err(|error| self.garbage(error))
    }

    /// Reads a body that has to be small: a hostile agent could answer without an end.
    async fn bounded_text(&self, mut response: Response) -> Result<String, AgentError> {
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > frame::MAX_HEADER * 8 {
                return Err(self.garbage("an answer without an end"));
            }
        }
        String::from_utf8(bytes).map_err(|error| self.garbage(error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> AgentError {
        AgentError::Unreachable { agent: self.name.to_string(), reason: trouble::sentence(error) }
    }

    fn garbage(&self, reason: impl std::fmt::Display) -> AgentError {
        // What serde says of a word that it does not know is that word as it is.
        AgentError::Garbage { agent: self.name.to_string(), reason: words::plain(&reason.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use td_protocol::frame::encode;
    use td_protocol::strip::StripEvent;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Asks an agent that answers all with this.
    fn answered<T>(status: u16, body: Vec<u8>, ask: impl AsyncFnOnce(Client) -> Result<T, AgentError>) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = Client::loopback("pi1", listener.local_addr().unwrap()).unwrap();
            tokio::spawn(async move {
                let (mut asker, _) = listener.accept().await.unwrap();
                let _ = asker.read(&mut [0; 4096]).await;
                let head =
                    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                asker.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
            });
            ask(client).await.err().unwrap().to_string()
        })
    }

    #[test]
    fn an_agents_words_cannot_reach_the_terminal() {
        const ESCAPE: &str = "\u{1b}]0;owned\u{7}\n\u{9b}2J";
        let evil = || serde_json::to_string(ESCAPE).unwrap();
        let hello = async |client: Client| client.hello().await;
        let rows = async |client: Client| client.band("job", Rows::new(0, 32)).await;
        let unknown_state =
            format!("{{\"protocol\":1,\"td\":\"1\",\"name\":\"a\",\"slots\":1,\"povray\":{{\"state\":{}}}}}", evil());
        let told = [
            answered(409, format!("{{\"message\":{}}}", evil()).into(), hello),
            answered(200, format!("{{\"protocol\":9,\"td\":{}}}", evil()).into(), hello),
            answered(200, unknown_state.into(), hello),
            answered(200, encode(&serde_json::json!({ "event": ESCAPE }), &[]).unwrap(), rows),
        ];
        for text in told {
            assert!(text.contains("owned") && !text.contains(char::is_control), "{text:?}");
        }
        // An honest one gets as far as to be read.
        let alive = StripEvent::Alive { working: None };
        assert!(answered(200, encode(&alive, &[]).unwrap(), rows).contains("holds no band"));
    }
}

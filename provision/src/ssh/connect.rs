//! A connection: TCP (or a channel through the jump host), handshake with the host key checked, login.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use russh::client::{self, Handle, Msg};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, Preferred, cipher, compression, kex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::ConnectError;
use super::keys::Keyring;
use super::known_hosts::{self, KnownHosts, Verdict};
use super::login::Login;
use super::passwords::Passwords;
use super::target::Target;
use crate::terminal::Terminal;

/// What to do with a host key that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Show it and ask.
    Ask,
    /// Take it and write it down: `--accept-new`.
    AcceptNew,
}

/// A node busy with booting answers its first packet late; one that is off never does.
const TCP_DEADLINE: Duration = Duration::from_secs(10);
/// The key exchange: a Pi 1 under load needs many seconds for it.
const STEP_DEADLINE: Duration = Duration::from_secs(60);
/// A connection that is cut is noticed after this many seconds times eight: times four, an emulated Pi 1 on a busy machine was
/// lost in the middle of its packages.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVES: usize = 7;

/// All that connections have in common.
#[derive(Debug)]
pub struct Ssh {
    /// Whom to ask.
    pub terminal: Terminal,
    /// The user's home.
    pub home: PathBuf,
    /// Passwords of this run.
    pub passwords: Passwords,
    pub(super) keyring: Keyring,
    policy: Policy,
    known: Mutex<KnownHosts>,
    /// Connections to jump hosts, shared by all nodes behind them.
    gates: Mutex<HashMap<GateKey, Gate>>,
    /// What servers printed before the login, by `user@host:port`.
    banners: Arc<Mutex<HashMap<String, String>>>,
}

type GateKey = Vec<(String, String, u16)>;
type Gate = Arc<tokio::sync::Mutex<Option<(Instant, Result<Arc<Connection>, ConnectError>)>>>;
/// How long a gate that did not open is not asked again: for all nodes behind it at once, not for a gate that reboots.
const GATE_REST: Duration = Duration::from_secs(5);

/// A logged-in connection.
pub struct Connection {
    handle: Handle<Client>,
    /// Kept open as long as what goes through it.
    _gate: Option<Arc<Connection>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("closed", &self.handle.is_closed()).finish_non_exhaustive()
    }
}

impl Connection {
    /// A new channel for one command.
    ///
    /// # Errors
    /// The connection is gone, or the server allows no further session.
    pub async fn channel(&self) -> Result<Channel<Msg>, russh::Error> {
        self.handle.channel_open_session().await
    }

    /// Whether it is gone.
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Ends it in good form.
    pub async fn close(&self) {
        let done = self.handle.disconnect(russh::Disconnect::ByApplication, "", "en");
        // A peer that is gone does not matter any more.
        let _ = timeout(Duration::from_secs(1), done).await;
    }
}

impl Ssh {
    /// Reads known_hosts below `home`.
    ///
    /// # Errors
    /// A known_hosts that is there and cannot be read.
    pub fn new(terminal: Terminal, home: &Path, policy: Policy) -> Result<Ssh, ConnectError> {
        let known = KnownHosts::read(&KnownHosts::usual(home))
            .map_err(|(file, error)| ConnectError::KnownHosts { file, why: error.to_string() })?;
        Ok(Ssh {
            terminal,
            home: home.to_owned(),
            passwords: Passwords::default(),
            keyring: Keyring::default(),
            policy,
            known: Mutex::new(known),
            gates: Mutex::default(),
            banners: Arc::default(),
        })
    }

    /// Connects and logs in.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self, target: &Target) -> Result<Connection, ConnectError> {
        let gate = match target.via.split_last() {
            None => None,
            Some((last, before)) => {
                let gate = Target { via: before.to_vec(), ..last.clone() };
                let name = gate.name.clone();
                let opened = Box::pin(self.gate(gate)).await;
                Some((opened.map_err(|error| ConnectError::Gate { gate: name.clone(), error: Box::new(error) })?, name))
            }
        };
        let mut handle = self.handshake(target, gate.as_ref().map(|(gate, name)| (&**gate, name.as_str()))).await?;
        Login::new(self, target, &mut handle).run().await?;
        Ok(Connection { handle, _gate: gate.map(|(gate, _)| gate) })
    }

    /// The connection to a jump host: made once, and its failure told to everybody behind it.
    async fn gate(&self, target: Target) -> Result<Arc<Connection>, ConnectError> {
        let key =
            target.via.iter().chain([&target]).map(|hop| (hop.user.clone(), hop.host.clone(), hop.port)).collect();
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(gates.entry(key).or_default())
        };
        let mut slot = gate.lock().await;
        match &*slot {
            Some((_, Ok(open))) if !open.handle.is_closed() => return Ok(Arc::clone(open)),
            Some((when, Err(error))) if when.elapsed() < GATE_REST => return Err(error.clone()),
            _ => {}
        }
        let opened = self.connect(&target).await.map(Arc::new);
        *slot = Some((Instant::now(), opened.clone()));
        opened
    }

    async fn handshake(
        &self,
        target: &Target,
        gate: Option<(&Connection, &str)>,
    ) -> Result<Handle<Client>, ConnectError> {
        let name = known_hosts::name_of(&target.host, target.port);
        // Twice at most: the second time after somebody has said yes to the key.
        for _ in 0..2 {
            let shown = Arc::new(Mutex::new(None));
            let (config, client) = {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let client = Client {
                    trusted: known.keys(&name),
                    shown: Arc::clone(&shown),
                    banners: Arc::clone(&self.banners),
                    id: id_of(target),
                };
                (Arc::new(configuration(&known.types(&name))), client)
            };
            let result = match gate {
                None => {
                    let stream = tcp(target).await?;
                    timeout(STEP_DEADLINE, client::connect_stream(config, stream, client)).await
                }
                Some((gate, gate_name)) => {
                    let stream = through(gate, gate_name, target).await?;
                    timeout(STEP_DEADLINE, client::connect_stream(config, stream, client)).await
                }
            };
            let error = match result {
                Ok(Ok(handle)) => return Ok(handle),
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            let key = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (error, key) {
                (Some(russh::Error::UnknownKey), Some(key)) => self.unknown(target, &name, &key).await?,
                (error, _) => return Err(failed(target, error)),
            }
        }
        Err(failed(target, Some(russh::Error::UnknownKey)))
    }

    /// Decides about a key that is not known; `Ok` once it is.
    async fn unknown(&self, target: &Target, name: &str, key: &PublicKey) -> Result<(), ConnectError> {
        let shown = format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
        let judge = || self.known.lock().unwrap_or_else(PoisonError::into_inner).judge(name, key);
        let own = || (name.to_owned(), shown.clone());
        match judge() {
            Verdict::Known => return Ok(()),
            Verdict::Revoked(place) => {
                let (name, shown) = own();
                return Err(ConnectError::KeyRevoked { name, shown, place });
            }
            Verdict::Changed(place) => {
                let (name, shown) = own();
                return Err(ConnectError::KeyChanged { name, shown, place });
            }
            Verdict::OtherTypes(place, types) => {
                let types = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let (name, shown) = own();
                let add = format!("ssh -p {} {}", target.port, target.host);
                return Err(ConnectError::KeyOfOtherType { name, shown, place: Box::new(place), types, add });
            }
            Verdict::Unknown { authority } => {
                let authority = if authority {
                    " (known_hosts has a @cert-authority for it, which td-provision does not use)"
                } else {
                    ""
                };
                if self.policy == Policy::Ask {
                    self.ask(target, name, &shown, authority).await?;
                }
            }
        }
        let file = known_hosts::own_file(&self.home);
        known_hosts::learn(&file, name, key)
            .map_err(|error| ConnectError::KnownHosts { file: file.clone(), why: error.to_string() })?;
        let line = key
            .to_openssh()
            .map_err(|error| ConnectError::KnownHosts { file: file.clone(), why: error.to_string() })?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).add(&file, &format!("{name} {line}"));
        Ok(())
    }

    async fn ask(&self, target: &Target, name: &str, shown: &str, authority: &'static str) -> Result<(), ConnectError> {
        let refuse =
            |todo| ConnectError::KeyUnknown { name: name.to_owned(), shown: shown.to_owned(), authority, todo };
        if !self.terminal.asks() {
            return Err(refuse(
                "There is no terminal to ask on: run `ssh` to it once, or take new keys with --accept-new",
            ));
        }
        let _turn = self.terminal.turn().await;
        let mut question = format!(
            "{} ({name}) shows a host key that is not known{authority}:\n    {shown}\n\
             On the node itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\nIs it this one? (yes/no) ",
            target.name
        );
        loop {
            let answer = self.terminal.line(&question).await;
            match answer.as_deref().map(str::trim) {
                Some("yes") => return Ok(()),
                Some("no") | None => return Err(refuse("You said no")),
                Some(_) => "Please type yes or no: ".clone_into(&mut question),
            }
        }
    }

    /// What the server printed before the login, for a sentence.
    pub(super) fn banner_of(&self, target: &Target) -> String {
        let banners = self.banners.lock().unwrap_or_else(PoisonError::into_inner);
        banners.get(&id_of(target)).map(|text| format!(" (it says: {text})")).unwrap_or_default()
    }
}

fn id_of(target: &Target) -> String {
    format!("{}@{}:{}", target.user, target.host, target.port)
}

/// Our side of the handshake.
pub struct Client {
    /// The keys that are taken without a question.
    trusted: Vec<PublicKey>,
    /// The key that was not.
    shown: Arc<Mutex<Option<PublicKey>>>,
    banners: Arc<Mutex<HashMap<String, String>>>,
    id: String,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            // None was asked for.
            return Ok(false);
        };
        let known = self.trusted.iter().any(|trusted| trusted.key_data() == key.key_data());
        if !known {
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        }
        Ok(known)
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut client::Session) -> Result<(), russh::Error> {
        let text = crate::words::one_line(banner, 200);
        self.banners.lock().unwrap_or_else(PoisonError::into_inner).insert(self.id.clone(), text);
        Ok(())
    }
}

/// Quick algorithms first: a key exchange with curve25519 costs a Pi 1 least, and ChaCha20 needs no AES unit. No
/// compression: what travels is small or does not shrink.
fn configuration(types: &[Algorithm]) -> client::Config {
    const KEX: &[kex::Name] = &[
        kex::CURVE25519,
        kex::CURVE25519_PRE_RFC_8731,
        kex::MLKEM768X25519_SHA256,
        kex::DH_GEX_SHA256,
        kex::DH_G16_SHA512,
        kex::DH_G14_SHA256,
        kex::EXTENSION_SUPPORT_AS_CLIENT,
        kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
    ];
    const CIPHERS: &[cipher::Name] = &[
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_GCM,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
    ];
    let mut keys = vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    ];
    // As in OpenSSH: the types under which the host is known come first, so that a known host stays known.
    keys.sort_by_key(|key| !types.contains(key));
    client::Config {
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            key: Cow::Owned(keys),
            cipher: Cow::Borrowed(CIPHERS),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES,
        nodelay: true,
        ..client::Config::default()
    }
}

/// Connects to the first address that answers, all within one deadline.
async fn tcp(target: &Target) -> Result<TcpStream, ConnectError> {
    let (host, port) = (target.host.clone(), target.port);
    let lookup = async { tokio::net::lookup_host((host.as_str(), port)).await.map(|found| found.collect::<Vec<_>>()) };
    let why = match timeout(TCP_DEADLINE, lookup).await {
        Ok(Ok(addresses)) => {
            if !addresses.is_empty() {
                return tcp_to(target, &addresses).await;
            }
            "no address".to_owned()
        }
        Ok(Err(error)) => crate::resolve::words(&error),
        Err(_) => "no answer".to_owned(),
    };
    Err(ConnectError::Resolve { hint: crate::resolve::hint(&host), host, why })
}

async fn tcp_to(target: &Target, addresses: &[std::net::SocketAddr]) -> Result<TcpStream, ConnectError> {
    let (host, port) = (target.host.clone(), target.port);
    let mut last = None;
    let attempt = async {
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Some(stream),
                Err(error) => last = Some(error),
            }
        }
        None
    };
    match timeout(TCP_DEADLINE, attempt).await {
        Ok(Some(stream)) => {
            // A connection with small packets; where it cannot be set it is only slower.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Err(_) => Err(ConnectError::Timeout { host, port, seconds: TCP_DEADLINE.as_secs() }),
        Ok(None) => Err(match last {
            Some(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                ConnectError::Refused { host, port }
            }
            Some(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                ConnectError::Timeout { host, port, seconds: TCP_DEADLINE.as_secs() }
            }
            error => ConnectError::Unreachable {
                host,
                port,
                why: error.map_or_else(|| "no address".to_owned(), |error| error.to_string()),
            },
        }),
    }
}

async fn through(
    gate: &Connection,
    name: &str,
    target: &Target,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, ConnectError> {
    let (host, port) = (target.host.clone(), target.port);
    let refused = |why: String| ConnectError::ThroughGate { gate: name.to_owned(), host: host.clone(), port, why };
    let opening = gate.handle.channel_open_direct_tcpip(host.clone(), u32::from(port), "127.0.0.1", 0);
    match timeout(STEP_DEADLINE, opening).await {
        Ok(Ok(channel)) => Ok(channel.into_stream()),
        Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(refused(match reason {
            russh::ChannelOpenFailure::ConnectFailed => "it cannot connect there".to_owned(),
            russh::ChannelOpenFailure::AdministrativelyProhibited => "it forbids that".to_owned(),
            other => format!("{other:?}"),
        })),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused("no answer".to_owned())),
    }
}

fn failed(target: &Target, error: Option<russh::Error>) -> ConnectError {
    let (host, port) = (target.host.clone(), target.port);
    match error {
        None => ConnectError::Handshake {
            host,
            port,
            why: format!("the server said nothing for {} s (is it an SSH server?)", STEP_DEADLINE.as_secs()),
        },
        Some(russh::Error::NoCommonAlgo { kind: russh::AlgorithmKind::Key, theirs, .. }) => {
            ConnectError::NoHostKey { host, theirs: theirs.join(", ") }
        }
        Some(russh::Error::Version) => {
            ConnectError::Handshake { host, port, why: "what answers there is no SSH server".to_owned() }
        }
        Some(russh::Error::Disconnect | russh::Error::HUP) => ConnectError::Handshake {
            host,
            port,
            why: "the server closed it (too many connections at once, a firewall, or a server without host keys)"
                .to_owned(),
        },
        Some(error) => ConnectError::Handshake { host, port, why: error.to_string() },
    }
}

//! Logging in: keys of the ssh-agent and from files, then the password. Servers count attempts (OpenSSH takes six), so keys
//! that were named come first, and of a named key only that one is offered.

use std::path::PathBuf;
use std::time::Duration;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PublicKey};
use russh::{MethodKind, MethodSet};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::connect::{Client, Ssh};
use super::error::ConnectError;
use super::keys::{self, FileSigner, KeyError, KeyFile};
use super::passwords::Next;
use super::patience::{Signing, Turns, within};
use super::target::Target;
use crate::secret::Secret;

/// Longest silence of a server in one step of a login: sshd's own LoginGraceTime, and the time after which a cut connection is
/// noticed.
const LOGIN_DEADLINE: Duration = Duration::from_secs(120);
/// Most rounds of questions that a server may ask in keyboard-interactive.
const ROUNDS: usize = 4;

/// One login on its way.
pub(super) struct Login<'a> {
    pub ssh: &'a Ssh,
    pub target: &'a Target,
    pub handle: &'a mut Handle<Client>,
    /// What was tried, for the sentence.
    tried: Vec<String>,
    /// What the server takes, as far as it has said.
    methods: Option<MethodSet>,
}

/// How an attempt ended.
enum Attempt {
    In,
    Refused,
}

impl<'a> Login<'a> {
    pub fn new(ssh: &'a Ssh, target: &'a Target, handle: &'a mut Handle<Client>) -> Login<'a> {
        Login { ssh, target, handle, tried: Vec::new(), methods: None }
    }

    /// Logs in.
    pub async fn run(mut self) -> Result<(), ConnectError> {
        if let Attempt::In = self.keys().await? {
            return Ok(());
        }
        let takes_words = self.takes(MethodKind::Password) || self.takes(MethodKind::KeyboardInteractive);
        if takes_words && let Attempt::In = self.password().await? {
            return Ok(());
        }
        Err(self.refused(None))
    }

    fn takes(&self, method: MethodKind) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(&method))
    }

    /// All keys: named files first (by the agent where it has them), then the agent's others, then the usual files.
    async fn keys(&mut self) -> Result<Attempt, ConnectError> {
        let mut agent = Agent::open().await;
        let named = !self.target.identity_files.is_empty();
        let files = if named { self.target.identity_files.clone() } else { keys::usual(&self.ssh.home) };
        let mut offered: Vec<PublicKey> = Vec::new();
        if named {
            if let Attempt::In = self.files(&files, true, &mut agent, &mut offered).await? {
                return Ok(Attempt::In);
            }
            if self.target.identities_only {
                return Ok(Attempt::Refused);
            }
        }
        for key in agent.keys().await {
            if !self.takes(MethodKind::PublicKey) {
                return Ok(Attempt::Refused);
            }
            if !offered.iter().any(|done| done.key_data() == key.key_data())
                && let Attempt::In = self.by_agent(&mut agent, &key, "of the ssh-agent").await?
            {
                return Ok(Attempt::In);
            }
            offered.push(key);
        }
        if named { Ok(Attempt::Refused) } else { self.files(&files, false, &mut agent, &mut offered).await }
    }

    async fn files(
        &mut self,
        files: &[PathBuf],
        named: bool,
        agent: &mut Agent,
        offered: &mut Vec<PublicKey>,
    ) -> Result<Attempt, ConnectError> {
        for path in files {
            if !self.takes(MethodKind::PublicKey) {
                break;
            }
            let file = match self.ssh.keyring.file(path).await {
                Ok(file) => file,
                Err(KeyError::Missing) if !named => continue,
                Err(error) => {
                    // A key that was named may still be in the agent, known by its public half.
                    let beside = PathBuf::from(format!("{}.pub", path.display()));
                    match russh::keys::load_public_key(&beside) {
                        Ok(key) if agent.keys().await.iter().any(|held| held.key_data() == key.key_data()) => {
                            offered.push(key.clone());
                            let what = format!("{} (of the ssh-agent)", path.display());
                            if let Attempt::In = self.by_agent(agent, &key, &what).await? {
                                return Ok(Attempt::In);
                            }
                        }
                        _ => self.tried.push(format!("{} {error}", path.display())),
                    }
                    continue;
                }
            };
            if offered.iter().any(|key| key.key_data() == file.public().key_data()) {
                continue;
            }
            offered.push(file.public().clone());
            let held = agent.keys().await.into_iter().find(|key| key.key_data() == file.public().key_data());
            let attempt = match held {
                Some(key) => self.by_agent(agent, &key, &path.display().to_string()).await?,
                None => self.by_file(&file).await?,
            };
            if let Attempt::In = attempt {
                return Ok(Attempt::In);
            }
        }
        Ok(Attempt::Refused)
    }

    async fn by_agent(&mut self, agent: &mut Agent, key: &PublicKey, what: &str) -> Result<Attempt, ConnectError> {
        let Some(client) = &mut agent.client else {
            return Ok(Attempt::Refused);
        };
        let hash = match self.answered(rsa_hash(self.handle, key)).await? {
            Ok(hash) => hash,
            Err(why) => {
                self.tried.push(format!("the key {what} {why}"));
                return Ok(Attempt::Refused);
            }
        };
        let user = self.target.user.clone();
        let name = format!("the key {what} ({})", key.algorithm());
        // The agent may ask its user whether to sign: that takes as long as it takes.
        let turns = Turns::default();
        let mut signer = Signing { signer: client, turns: &turns };
        let step = self.handle.authenticate_publickey_with(user, key.clone(), hash, &mut signer);
        let Some(result) = within(LOGIN_DEADLINE, &turns, step).await else {
            return Err(self.silent());
        };
        match result {
            Ok(result) => self.settle(result, name),
            Err(error) if self.handle.is_closed() => Err(self.cut(error)),
            Err(error) => {
                self.tried.push(format!("{name}: {}", keys::agent_words(&error)));
                Ok(Attempt::Refused)
            }
        }
    }

    async fn by_file(&mut self, file: &KeyFile) -> Result<Attempt, ConnectError> {
        let name = format!("the key {}", file.path().display());
        let hash = match self.answered(rsa_hash(self.handle, file.public())).await? {
            Ok(hash) => hash,
            Err(why) => {
                self.tried.push(format!("{name} {why}"));
                return Ok(Attempt::Refused);
            }
        };
        let user = self.target.user.clone();
        let turns = Turns::default();
        let mut signer = FileSigner { file, terminal: &self.ssh.terminal };
        let mut signer = Signing { signer: &mut signer, turns: &turns };
        let step = self.handle.authenticate_publickey_with(user, file.public().clone(), hash, &mut signer);
        let Some(result) = within(LOGIN_DEADLINE, &turns, step).await else {
            return Err(self.silent());
        };
        match result {
            Ok(result) => self.settle(result, name),
            Err(error) if self.handle.is_closed() => Err(self.cut(error)),
            Err(error) => {
                self.tried.push(format!("{name} {error}"));
                Ok(Attempt::Refused)
            }
        }
    }

    async fn password(&mut self) -> Result<Attempt, ConnectError> {
        let mut refused = Vec::new();
        loop {
            let secret = match self.ssh.passwords.next(self.target, &self.ssh.terminal, &refused).await? {
                Next::Try(secret) => secret,
                Next::Refused => {
                    return Err(
                        self.refused(Some("the password that `password:` of the inventory gives is wrong".into()))
                    );
                }
                Next::TooOften => return Err(self.refused(Some("the password was wrong three times".into()))),
                Next::GivenUp => return Err(self.refused(Some("no password was given".into()))),
                Next::NoTerminal => {
                    let todo =
                        "there is no terminal to ask for a password: put a key there (ssh-copy-id), or set `password:`";
                    return Err(self.refused(Some(todo.into())));
                }
            };
            match self.try_password(&secret).await? {
                Attempt::In => return Ok(Attempt::In),
                Attempt::Refused => refused.push(secret),
            }
            if !self.takes(MethodKind::Password) && !self.takes(MethodKind::KeyboardInteractive) {
                return Ok(Attempt::Refused);
            }
        }
    }

    async fn try_password(&mut self, secret: &Secret) -> Result<Attempt, ConnectError> {
        let user = self.target.user.clone();
        if self.takes(MethodKind::Password) {
            let result = timeout(LOGIN_DEADLINE, self.handle.authenticate_password(user, secret.reveal())).await;
            let result = result.map_err(|_| self.silent())?.map_err(|error| self.cut(error))?;
            return self.settle(result, "a password".into());
        }
        let start = self.handle.authenticate_keyboard_interactive_start(user, None::<String>);
        let answer = timeout(LOGIN_DEADLINE, start).await.map_err(|_| self.silent())?;
        let mut answer = answer.map_err(|error| self.cut(error))?;
        for _ in 0..ROUNDS {
            match answer {
                KeyboardInteractiveAuthResponse::Success => return Ok(Attempt::In),
                KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                    let result = AuthResult::Failure { remaining_methods, partial_success };
                    return self.settle(result, "a password".into());
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                    // Only what is typed unseen can be the password.
                    let reply = |echo: bool| if echo { String::new() } else { secret.reveal().to_owned() };
                    let replies = prompts.iter().map(|prompt| reply(prompt.echo)).collect();
                    let next = self.handle.authenticate_keyboard_interactive_respond(replies);
                    let next = timeout(LOGIN_DEADLINE, next).await.map_err(|_| self.silent())?;
                    answer = next.map_err(|error| self.cut(error))?;
                }
            }
        }
        Err(self.refused(Some("the server asks for more than a password, which td-provision cannot give".into())))
    }

    fn settle(&mut self, result: AuthResult, what: String) -> Result<Attempt, ConnectError> {
        match result {
            AuthResult::Success => Ok(Attempt::In),
            AuthResult::Failure { .. } if self.handle.is_closed() => Err(self.cut("connection closed")),
            AuthResult::Failure { remaining_methods, partial_success } => {
                let more = if partial_success { " (taken, but the server wants more)" } else { "" };
                let said = format!("{what}{more}");
                if !self.tried.contains(&said) {
                    self.tried.push(said);
                }
                self.methods = Some(remaining_methods);
                Ok(Attempt::Refused)
            }
        }
    }

    /// The answer to a step in which nobody is asked.
    async fn answered<T>(&self, step: impl Future<Output = T>) -> Result<T, ConnectError> {
        timeout(LOGIN_DEADLINE, step).await.map_err(|_| self.silent())
    }

    fn silent(&self) -> ConnectError {
        ConnectError::SilentAtLogin {
            user: self.target.user.clone(),
            host: self.target.host.clone(),
            seconds: LOGIN_DEADLINE.as_secs(),
        }
    }

    fn cut(&self, why: impl std::fmt::Display) -> ConnectError {
        ConnectError::CutAtLogin {
            user: self.target.user.clone(),
            host: self.target.host.clone(),
            banner: self.ssh.banner_of(self.target),
            why: format!(
                "{why}; too many keys offered (set `identity_file`), a locked or expired account, or a firewall"
            ),
        }
    }

    fn refused(&self, todo: Option<String>) -> ConnectError {
        let takes: Vec<&str> =
            self.methods.iter().flat_map(|methods| methods.iter()).map(<&'static str>::from).collect();
        let usual = if takes.contains(&"password") || takes.contains(&"keyboard-interactive") {
            "put your key there (ssh-copy-id), or give the right password"
        } else {
            "it takes keys only: put yours into the account's ~/.ssh/authorized_keys, or name the right one (`identity_file`)"
        };
        ConnectError::Login {
            user: self.target.user.clone(),
            host: self.target.host.clone(),
            tried: match self.tried.as_slice() {
                [] => "there was no key to try".to_owned(),
                tried => format!("tried: {}", tried.join("; ")),
            },
            takes: if takes.is_empty() { String::new() } else { format!("The server takes {}. ", takes.join(", ")) },
            todo: todo.unwrap_or_else(|| usual.to_owned()),
        }
    }
}

/// With which hash an RSA key signs here; `None` for other keys.
async fn rsa_hash(handle: &Handle<Client>, key: &PublicKey) -> Result<Option<HashAlg>, &'static str> {
    if !key.algorithm().is_rsa() {
        return Ok(None);
    }
    match handle.best_supported_rsa_hash().await {
        Ok(Some(Some(hash))) => Ok(Some(hash)),
        Ok(Some(None)) => Err("is RSA, for which this server takes SHA-1 signatures only; td-provision makes none"),
        // The server has not said: every one of the last ten years takes this.
        Ok(None) | Err(_) => Ok(Some(HashAlg::Sha256)),
    }
}

/// The ssh-agent, if there is one.
struct Agent {
    client: Option<AgentClient<UnixStream>>,
    held: Option<Vec<PublicKey>>,
}

impl Agent {
    async fn open() -> Agent {
        // An agent that is gone is as good as none.
        Agent { client: AgentClient::connect_env().await.ok(), held: None }
    }

    /// Its keys; certificates are left out.
    async fn keys(&mut self) -> Vec<PublicKey> {
        if let Some(held) = &self.held {
            return held.clone();
        }
        let mut held = Vec::new();
        if let Some(client) = &mut self.client {
            for identity in client.request_identities().await.unwrap_or_default() {
                if let AgentIdentity::PublicKey { key, .. } = identity {
                    held.push(key);
                }
            }
        }
        self.held = Some(held.clone());
        held
    }
}

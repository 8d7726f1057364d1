//! Private keys in files. A file that is encrypted is only asked for once the server has taken its public half.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::AgentAuthError;
use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey, PublicKey, decode_secret_key, signature};
use thiserror::Error;
use tokio::sync::Mutex;

use super::rsa;
use crate::terminal::Terminal;

/// The files that ssh tries where none is named, in this order.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// How often a passphrase is asked for.
const TRIES: u32 = 3;

/// The usual files below `home`.
pub fn usual(home: &Path) -> Vec<PathBuf> {
    USUAL.iter().map(|name| home.join(".ssh").join(name)).collect()
}

/// Why a file gives no signature.
#[derive(Debug, Clone, Error)]
pub enum KeyError {
    /// Not there.
    #[error("there is no such file")]
    Missing,
    /// The system's words.
    #[error("cannot be read: {0}")]
    Read(String),
    /// Others could read it: ssh refuses it as well.
    #[error("others may read it (mode {0:03o}), so it is not used, as ssh does: chmod 600")]
    Open(u32),
    /// Not a key, or of a kind that is not read.
    #[error(
        "is not a private key that td-provision reads ({0}); `ssh-keygen -p -f FILE` writes it in OpenSSH's format, or load it into the ssh-agent"
    )]
    Format(String),
    /// No terminal.
    #[error("is encrypted, and there is no terminal to ask for the passphrase: load it into the ssh-agent (ssh-add)")]
    NoTerminal,
    /// Three times wrong.
    #[error("the passphrase was wrong three times")]
    WrongPassphrase,
    /// RSA.
    #[error(transparent)]
    Rsa(#[from] rsa::RsaError),
    /// Another signature failed.
    #[error("the signature failed: {0}")]
    Sign(String),
    /// The connection is gone.
    #[error("the connection ended")]
    Gone,
}

impl From<russh::SendError> for KeyError {
    fn from(_: russh::SendError) -> KeyError {
        KeyError::Gone
    }
}

/// A key file, read once for all nodes.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    public: PublicKey,
    text: zeroize::Zeroizing<String>,
    /// Once opened.
    key: Mutex<Option<Arc<PrivateKey>>>,
}

/// All key files of this run.
#[derive(Debug, Default)]
pub struct Keyring {
    files: Mutex<HashMap<PathBuf, Result<Arc<KeyFile>, KeyError>>>,
}

impl Keyring {
    /// The file at `path`.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn file(&self, path: &Path) -> Result<Arc<KeyFile>, KeyError> {
        let mut files = self.files.lock().await;
        files.entry(path.to_owned()).or_insert_with(|| read(path).map(Arc::new)).clone()
    }
}

fn read(path: &Path) -> Result<KeyFile, KeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => KeyError::Missing,
        _ => KeyError::Read(error.to_string()),
    };
    let mode = std::fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open(mode));
    }
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(io)?);
    let format = |error: &dyn std::fmt::Display| KeyError::Format(error.to_string());
    let path = path.to_owned();
    // OpenSSH's own format holds the public key in the open, also where the rest is encrypted.
    if let Ok(key) = PrivateKey::from_openssh(text.as_bytes()) {
        let public = key.public_key().clone();
        let key = (!key.is_encrypted()).then(|| Arc::new(key));
        return Ok(KeyFile { path, public, text, key: Mutex::new(key) });
    }
    let beside = PathBuf::from(format!("{}.pub", path.display()));
    match decode_secret_key(&text, None) {
        Ok(key) => {
            let public = key.public_key().clone();
            Ok(KeyFile { path, public, text, key: Mutex::new(Some(Arc::new(key))) })
        }
        // The older formats hide the public half too; ssh-keygen has put it beside.
        Err(error) => match russh::keys::load_public_key(&beside) {
            Ok(public) if text.contains("ENCRYPTED") => Ok(KeyFile { path, public, text, key: Mutex::new(None) }),
            _ => Err(format(&error)),
        },
    }
}

impl KeyFile {
    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn open(&self, terminal: &Terminal) -> Result<Arc<PrivateKey>, KeyError> {
        // Held while asking: other nodes wait for the same answer.
        let mut opened = self.key.lock().await;
        if let Some(key) = &*opened {
            return Ok(Arc::clone(key));
        }
        if !terminal.asks() {
            return Err(KeyError::NoTerminal);
        }
        let _turn = terminal.turn().await;
        for _ in 0..TRIES {
            let question = format!("Passphrase of the key {}: ", self.path.display());
            let secret = terminal.secret(&question).await.ok_or(KeyError::NoTerminal)?;
            let text = self.text.clone();
            // Slow on purpose (bcrypt): not on a thread that moves other nodes.
            let decoded = tokio::task::spawn_blocking(move || decode_secret_key(&text, Some(secret.reveal()))).await;
            if let Ok(Ok(key)) = decoded
                && !key.is_encrypted()
            {
                let key = Arc::new(key);
                *opened = Some(Arc::clone(&key));
                return Ok(key);
            }
        }
        Err(KeyError::WrongPassphrase)
    }
}

/// Signs with a file, opening it when the server wants the signature.
pub struct FileSigner<'a> {
    /// The file.
    pub file: &'a KeyFile,
    /// For the passphrase.
    pub terminal: &'a Terminal,
}

impl Signer for FileSigner<'_> {
    type Error = KeyError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, KeyError> {
        let key = self.file.open(self.terminal).await?;
        let failed = |error: &dyn std::fmt::Display| KeyError::Sign(error.to_string());
        let blob = match key.key_data() {
            KeypairData::Rsa(pair) => {
                let (name, bytes) = rsa::sign(pair, hash.unwrap_or(HashAlg::Sha512), &to_sign)?;
                let mut blob = Vec::new();
                name.encode(&mut blob).map_err(|error| failed(&error))?;
                bytes.encode(&mut blob).map_err(|error| failed(&error))?;
                blob
            }
            _ => {
                let signed = signature::Signer::try_sign(&*key, &to_sign).map_err(|error| failed(&error))?;
                let mut blob = Vec::new();
                signed.encode(&mut blob).map_err(|error| failed(&error))?;
                blob
            }
        };
        blob.encode(&mut to_sign).map_err(|error| failed(&error))?;
        Ok(to_sign)
    }
}

/// Why the ssh-agent gave no signature, as a text.
pub fn agent_words(error: &AgentAuthError) -> String {
    match error {
        AgentAuthError::Key(russh::keys::Error::AgentFailure) => "the ssh-agent refused to sign".to_owned(),
        other => format!("the ssh-agent: {other}"),
    }
}

//! The agent that td starts itself, on this machine, when no inventory names others.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::fleet::client::{AgentError, Client};

/// How long a started agent may take until its socket is there; it may wait for an earlier one to leave the cache.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long an agent may take to end before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no embedded agent.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("td-agent is not beside td ({0}): install both programs into one folder")]
    Missing(PathBuf),
    #[error("cannot start {program}: {source}")]
    Start { program: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Ended(String),
    #[error("td-agent did not open its socket within {} seconds", START_PATIENCE.as_secs())]
    Late,
    #[error("no folder for td's cache: set HOME or XDG_CACHE_HOME")]
    NoCache,
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// A running embedded agent. It ends when this is dropped, and when this process ends in any way: the agent reads
/// its standard input, and the other end of that is here.
#[derive(Debug)]
pub struct Embedded {
    child: Child,
    /// Holds the socket; removed at the end.
    folder: tempfile::TempDir,
    client: Client,
}

impl Embedded {
    /// Starts the `td-agent` beside this program with `slots` slots and waits until it listens.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub async fn start(slots: u32, cache: &Path) -> Result<Self, EmbeddedError> {
        let program = program()?;
        let failed = |source| EmbeddedError::Start { program: program.clone(), source };
        let folder = tempfile::Builder::new().prefix("td-").tempdir().map_err(failed)?;
        let socket = folder.path().join("agent.sock");
        let mut child = Command::new(&program)
            .args(["serve", "--embedded", "--name", "this machine", "--slots"])
            .arg(slots.to_string())
            .arg("--socket")
            .arg(&socket)
            .arg("--cache")
            .arg(cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for the master; the agent follows it in order.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            if child.try_wait().map_err(failed)?.is_some() {
                let mut message = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    let _ = stderr.read_to_string(&mut message);
                }
                return Err(EmbeddedError::Ended(message.trim().to_owned()));
            }
            if begun.elapsed() > START_PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                return Err(EmbeddedError::Late);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || pass_on(stderr));
        }
        let client = Client::unix("this machine", &socket)?;
        Ok(Self { child, folder, client })
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the agent still takes connections. One that was killed a moment ago may not look dead yet.
    pub async fn answers(&mut self) -> bool {
        let asked = tokio::time::timeout(Duration::from_secs(2), self.client.hello()).await;
        matches!(asked, Ok(Ok(_))) && matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > END_PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The cache folder of embedded agents: `$XDG_CACHE_HOME/td/agent`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn default_cache() -> Result<PathBuf, EmbeddedError> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("td/agent")).ok_or(EmbeddedError::NoCache)
}

fn program() -> Result<PathBuf, EmbeddedError> {
    let own = std::env::current_exe().map_err(|source| EmbeddedError::Start { program: "td".into(), source })?;
    let program = own.with_file_name("td-agent");
    if program.is_file() { Ok(program) } else { Err(EmbeddedError::Missing(program)) }
}

/// Shows what the agent complains about.
fn pass_on(mut stderr: impl std::io::Read) {
    let mut buffer = [0; 1024];
    while let Ok(read) = stderr.read(&mut buffer) {
        if read == 0 {
            break;
        }
        tracing::warn!("td-agent: {}", String::from_utf8_lossy(&buffer[..read]).trim_end());
    }
}

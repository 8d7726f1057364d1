//! Calling a lost node back, in a task of its own: a node that is frozen or unplugged must not hold up the others.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use td_protocol::hello::{Fingerprint, PovrayState};
use td_protocol::job::OpenJob;
use td_protocol::rows::Rows;

use crate::fleet::client::{AgentError, Client};
use crate::fleet::embedded::{self, Embedded};
use crate::render::failure::RenderError;
use crate::render::opening::{self, Parcel};

/// How long a called node may take to answer and to open the job.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause before the first call, which is doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// All that a call needs.
#[derive(Debug)]
pub struct Recall {
    pub client: Client,
    pub fingerprint: Fingerprint,
    pub job: Arc<OpenJob>,
    pub parcel: Parcel,
    /// The agent that td started itself, where it is that one.
    pub own: Option<OwnAgent>,
}

/// An agent of td's own, and what it takes to start another.
#[derive(Debug)]
pub struct OwnAgent {
    pub agent: Embedded,
    pub slots: u32,
    pub cache: PathBuf,
}

/// A node that is back.
#[derive(Debug)]
pub struct Returned {
    pub client: Client,
    pub own: Option<OwnAgent>,
    /// Runs that lie finished there.
    pub finished: Vec<Rows>,
}

impl Recall {
    /// Calls until the node answers and the job is open there again; a node of the network is called as long as anybody waits
    /// for this.
    ///
    /// # Errors
    /// What no further call would mend.
    pub async fn run(mut self) -> Result<Returned, RenderError> {
        if let Some(own) = self.own.take() {
            let own = revive(own).await?;
            self.client = own.agent.client().clone();
            let finished = self.once().await?;
            return Ok(Returned { client: self.client, own: Some(own), finished });
        }
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            match tokio::time::timeout(PATIENCE, self.once()).await {
                Ok(Ok(finished)) => return Ok(Returned { client: self.client, own: None, finished }),
                Ok(Err(error)) if is_final(&error) => return Err(error),
                Ok(Err(error)) => tracing::debug!("called {} back: {error}", self.client.name()),
                Err(_) => tracing::debug!("called {} back: no answer", self.client.name()),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Opens the job again; returns what lies finished there.
    async fn once(&self) -> Result<Vec<Rows>, RenderError> {
        let hello = self.client.hello().await?;
        let name = self.client.name();
        match hello.povray {
            PovrayState::Ready { fingerprint, .. } if fingerprint == self.fingerprint => {}
            PovrayState::Ready { .. } => {
                return Err(RenderError::NoPovray(format!("{name}: its POV-Ray has changed")));
            }
            PovrayState::Unusable { message } => return Err(RenderError::NoPovray(format!("{name}: {message}"))),
        }
        opening::open(&self.client, &self.job, &self.parcel, 0).await.map(|opened| opened.answer.finished)
    }
}

/// An agent of td's own that does not answer is ended and started anew.
async fn revive(mut own: OwnAgent) -> Result<OwnAgent, RenderError> {
    if !own.agent.answers().await {
        // Its cache has one agent at a time, so the old one ends first.
        drop(own.agent);
        own.agent = Embedded::start(own.slots, &own.cache).await?;
    }
    Ok(own)
}

/// Whether a further call would end the same.
fn is_final(error: &RenderError) -> bool {
    match error {
        RenderError::Agent(error) => !matches!(error, AgentError::Unreachable { .. } | AgentError::Refused { .. }),
        _ => true,
    }
}

/// The cache that an agent of td's own was given, or the usual one.
///
/// # Errors
/// When there is no folder for it.
pub fn cache_or_default(cache: Option<&PathBuf>) -> Result<PathBuf, RenderError> {
    match cache {
        Some(cache) => Ok(cache.clone()),
        None => Ok(embedded::default_cache()?),
    }
}

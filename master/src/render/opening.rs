//! Opening a job on the agents: its bundle, and what they have finished already.

use std::sync::Arc;

use reqwest::Body;
use td_protocol::bundle::Bundle;
use td_protocol::hash::ContentHash;
use td_protocol::job::{JobOpened, OpenJob};

use crate::fleet::client::{AgentError, Client};
use crate::render::failure::RenderError;
use crate::scene::{Assets, Source};

/// Files sent from memory at once; larger ones are streamed.
const WHOLE_UP_TO: u64 = 1 << 20;

/// Where the bytes of a bundle are.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    pub assets: &'a Assets,
    /// A file that td made itself: saved radiosity.
    pub made: Option<(ContentHash, Arc<[u8]>)>,
}

/// Opens `job` on one agent and sends what it does not have.
///
/// # Errors
/// When the agent does not answer or refuses, or a file of the scene changed since it was read.
pub async fn open(client: &Client, job: &OpenJob, contents: &Contents<'_>) -> Result<JobOpened, RenderError> {
    let opened = client.open_job(job).await?;
    if opened.missing.is_empty() {
        return Ok(opened);
    }
    for hash in &opened.missing {
        send(client, &job.bundle, *hash, contents).await?;
    }
    let opened = client.open_job(job).await?;
    match opened.missing.first() {
        None => Ok(opened),
        Some(hash) => Err(AgentError::Garbage {
            agent: client.name().to_owned(),
            reason: format!("it does not keep {hash}, which it was sent"),
        }
        .into()),
    }
}

async fn send(client: &Client, bundle: &Bundle, hash: ContentHash, contents: &Contents<'_>) -> Result<(), RenderError> {
    let file = bundle.files.iter().find(|file| file.hash == hash);
    let name = file.map_or_else(|| hash.to_string(), |file| file.path.clone());
    let size = file.map_or(0, |file| file.size);
    let made =
        contents.made.as_ref().filter(|(made, _)| *made == hash).map(|(_, bytes)| Source::Bytes(Arc::clone(bytes)));
    let body = match made.or_else(|| contents.assets.source(hash)) {
        Some(Source::Bytes(bytes)) => Body::from(bytes.to_vec()),
        Some(Source::File(path)) => {
            let failed = |source| RenderError::Folder { path: path.clone(), source };
            if size <= WHOLE_UP_TO {
                Body::from(std::fs::read(&path).map_err(failed)?)
            } else {
                Body::from(tokio::fs::File::open(&path).await.map_err(failed)?)
            }
        }
        None => return Err(RenderError::Usage(format!("{name} is not among the scene's files any more"))),
    };
    match client.put_blob(hash, body).await {
        Err(AgentError::Refused { status: 400, .. }) => {
            Err(RenderError::Usage(format!("{name} changed while it was sent: render again when it is whole")))
        }
        other => Ok(other?),
    }
}

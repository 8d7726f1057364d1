//! Opening a job on the agents: its bundle, and what they have finished already.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Body;
use td_protocol::bundle::Bundle;
use td_protocol::hash::ContentHash;
use td_protocol::job::{JobOpened, OpenJob};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::fleet::client::{AgentError, Client};
use crate::progress::Progress;
use crate::render::crew::Node;
use crate::render::failure::RenderError;
use crate::render::through_share::ThroughShare;
use crate::scene::{Assets, Source};
use crate::schedule::NodeId;

/// Files sent from memory at once; larger ones are streamed.
const WHOLE_UP_TO: u64 = 1 << 20;
/// Nodes that are sent files at a time: more would only share this machine's cable, and take its memory.
const SENDING: usize = 16;
/// Once a node has opened the job, the others have so long; who needs longer joins while the render runs.
pub(super) const OTHERS_JOIN_LATER: Duration = Duration::from_secs(10);

/// Where the bytes of a bundle are.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    pub assets: &'a Assets,
    /// A file that td made itself: saved radiosity.
    pub made: Option<(ContentHash, Arc<[u8]>)>,
}

/// The files of one bundle, ready to be sent by any task.
#[derive(Debug, Clone)]
pub struct Parcel {
    files: Arc<HashMap<ContentHash, File>>,
    sending: Arc<Semaphore>,
    share: Option<ThroughShare>,
}

#[derive(Debug)]
struct File {
    name: String,
    /// Bytes.
    size: u64,
    source: Option<Source>,
}

impl Contents<'_> {
    /// What a bundle needs of these.
    #[must_use]
    pub fn parcel(&self, bundle: &Bundle) -> Parcel {
        let made = |hash| self.made.as_ref().filter(|(made, _)| *made == hash);
        let file = |file: &td_protocol::bundle::BundleFile| {
            let source = made(file.hash).map(|(_, bytes)| Source::Bytes(Arc::clone(bytes)));
            let source = source.or_else(|| self.assets.source(file.hash));
            (file.hash, File { name: file.path.clone(), size: file.size, source })
        };
        let files = Arc::new(bundle.files.iter().map(file).collect());
        Parcel { files, sending: Arc::new(Semaphore::new(SENDING)), share: None }
    }
}

impl Parcel {
    /// The same, sent once to the share's server where it is one of these nodes; the others read it on the share.
    #[must_use]
    pub fn through_share(mut self, nodes: &[Node]) -> Self {
        self.share = ThroughShare::of(nodes, self.files.values().map(|file| file.size).sum());
        self
    }
}

/// What an agent said, and how it came by the bundle.
#[derive(Debug)]
pub struct Opened {
    pub answer: JobOpened,
    /// Contents that it was sent.
    pub sent: usize,
    /// Contents that it took from the share.
    pub from_share: u32,
}

impl Opened {
    /// Tells how the bundle came to this node.
    pub fn tell(&self, node: &str, progress: &mut Progress) {
        let files = [("sent", self.sent.into()), ("from_share", self.from_share.into())];
        progress.detail("opened", [("node", node.into())].into_iter().chain(files));
    }
}

/// Opens `job` on one agent; what it does not have it takes from the share or is sent. Then it has POV-Ray ready for
/// `standby` strips that are to come soon.
///
/// # Errors
/// When the agent does not answer or refuses, or a file of the scene changed since it was read.
pub async fn open(client: &Client, job: &OpenJob, parcel: &Parcel, standby: usize) -> Result<Opened, RenderError> {
    let share = parcel.share.as_ref();
    // Whatever comes of it here: when this goes, the others do not wait any longer.
    let published = share.map(|share| share.until_published(client));
    let mut answer = client.open_job(job, standby).await?;
    let (mut sent, mut from_share) = (0, 0);
    if let Some(share) = share.filter(|_| !answer.missing.is_empty()) {
        from_share = share.take(client, &job.id).await;
        if from_share > 0 {
            answer = client.open_job(job, standby).await?;
        }
    }
    if !answer.missing.is_empty() {
        // Never closed, so there is always a permit some time.
        let permit = parcel.sending.acquire().await;
        for hash in &answer.missing {
            send(client, *hash, parcel).await?;
        }
        drop(permit);
        sent = answer.missing.len();
        answer = client.open_job(job, standby).await?;
    }
    if let Some((share, published)) = share.zip(published) {
        share.publish(client, &job.id, published);
    }
    match answer.missing.first() {
        None => Ok(Opened { answer, sent, from_share }),
        Some(hash) => Err(AgentError::Garbage {
            agent: client.name().to_owned(),
            reason: format!("it does not keep {hash}, which it was sent"),
        }
        .into()),
    }
}

async fn send(client: &Client, hash: ContentHash, parcel: &Parcel) -> Result<(), RenderError> {
    let Some(file) = parcel.files.get(&hash) else {
        let reason = format!("it asks for {hash}, which is not in the job's bundle");
        return Err(AgentError::Garbage { agent: client.name().to_owned(), reason }.into());
    };
    let name = &file.name;
    let body = match &file.source {
        // One copy in memory, however many nodes it goes to.
        Some(Source::Bytes(bytes)) => Body::from(bytes::Bytes::from_owner(Arc::clone(bytes))),
        Some(Source::File(path)) => {
            let failed = |source| RenderError::Folder { path: path.clone(), source };
            if file.size <= WHOLE_UP_TO {
                Body::from(std::fs::read(path).map_err(failed)?)
            } else {
                Body::from(tokio::fs::File::open(path).await.map_err(failed)?)
            }
        }
        None => return Err(RenderError::Usage(format!("{name} is not among the scene's files any more"))),
    };
    match client.put_blob(hash, file.size, body).await {
        Err(AgentError::Refused { status: 400, .. }) => {
            Err(RenderError::Usage(format!("{name} changed while it was sent: render again when it is whole")))
        }
        other => Ok(other?),
    }
}

/// What came of opening the job on one node.
#[derive(Debug)]
pub struct Opening {
    pub node: NodeId,
    pub result: Result<Opened, RenderError>,
}

/// The nodes on which the job is being opened.
pub type Openings = JoinSet<Opening>;

/// Begins to open the job on all of these nodes, side by side; each has POV-Ray ready for so many strips as stand beside it.
pub fn open_on(nodes: impl Iterator<Item = (NodeId, Client, usize)>, job: &OpenJob, parcel: &Parcel) -> Openings {
    let job = Arc::new(job.clone());
    let mut openings = JoinSet::new();
    for (node, client, standby) in nodes {
        let (job, parcel) = (Arc::clone(&job), parcel.clone());
        openings.spawn(async move { Opening { node, result: open(&client, &job, &parcel, standby).await } });
    }
    openings
}

/// Waits until the job is open on all of them, or for long enough once it is open on one: the rest of `openings` is still
/// under way then.
///
/// # Errors
/// What is wrong with the scene's own files, which is wrong for all nodes.
pub async fn wait(openings: &mut Openings) -> Result<Vec<Opening>, RenderError> {
    let mut done = Vec::new();
    let mut deadline: Option<Instant> = None;
    loop {
        let next = openings.join_next();
        let next = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), next).await,
            None => Ok(next.await),
        };
        let Ok(Some(next)) = next else { return Ok(done) };
        let Ok(opening) = next else { continue };
        match opening.result {
            Err(error @ (RenderError::Usage(_) | RenderError::Folder { .. })) => return Err(error),
            Ok(_) => {
                deadline.get_or_insert_with(|| Instant::now() + OTHERS_JOIN_LATER);
            }
            Err(_) => {}
        }
        done.push(opening);
    }
}

//! What a render has of an earlier run of the same job, and how each run ends in the journal.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use td_protocol::hash::ContentHash;
use td_protocol::hello::Fingerprint;
use td_protocol::job::OpenJob;
use td_protocol::rows::Rows;

use crate::compose::{Maker, Shape, Spool, SpoolError};
use crate::jobs::record::{FirstPassRecord, Outcome, Record};
use crate::jobs::{Current, History, changes};
use crate::progress::Progress;
use crate::render::crew::{Crew, Node};
use crate::render::failure::{Fate, RenderError};
use crate::render::prepare::Prepared;
use crate::render::written;
use crate::schedule::NodeId;

/// Pause between two times that finished rows are forced onto the disk while others render.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// How long an agent may take to let go of an earlier run.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Prepares the job again and refuses what would not go with the rows that are there.
///
/// # Errors
/// [`RenderError::Usage`] with what changed.
pub fn prepare_again(history: &History) -> Result<Prepared, RenderError> {
    let found = history.attempt.as_ref().map_or(&[][..], |attempt| &attempt.found);
    let prepared = Prepared::again(&history.job, found)?;
    let Some(before) = &history.attempt else { return Ok(prepared) };
    let now = written::attempt(&prepared, before.number, found);
    let changed = changes::files(&before.files, &now.files)
        .or_else(|| (before.bundle != now.bundle).then(|| "the scene's folders lie otherwise".to_owned()));
    match changed {
        None => Ok(prepared),
        Some(changed) => Err(RenderError::Usage(format!(
            "job {id} cannot go on: {changed} since it began, and its finished rows are of the scene as it was; bring \
             that back, or td cancel {id} and render again",
            id = history.job.id
        ))),
    }
}

/// Refuses agents that draw otherwise than those of the finished rows, and writes down who draws.
///
/// # Errors
/// [`RenderError::Usage`].
pub fn check_crew(job: &Current, before: &History, crew: &Crew) -> Result<(), RenderError> {
    let differs = |crew_before: &Fingerprint| changes::fingerprint(crew_before, &crew.fingerprint);
    let reason = before.crew.as_ref().and_then(|crew| differs(&crew.fingerprint));
    match reason {
        Some(reason) if job.rows_done() > 0 && !crew.mixed => Err(RenderError::Usage(format!(
            "job {id} cannot go on: {reason}; render with agents as they were, or td cancel {id} and render again",
            id = job.id()
        ))),
        _ => Ok(()),
    }
}

/// Lets the agents end what they still render for an earlier run, whose td was killed.
pub async fn close_earlier(job: &Current, attempt: u32, crew: &Crew) {
    let closing = crew.nodes.iter().flat_map(|node| {
        job.earlier_agents_ids(attempt).into_iter().map(|id| {
            let client = node.client.clone();
            tokio::spawn(async move { tokio::time::timeout(CLOSE_PATIENCE, client.close_job(&id)).await })
        })
    });
    for closed in closing.collect::<Vec<_>>() {
        let _ = closed.await;
    }
}

/// Leaves the nodes out that drew wrong earlier in this job, and returns those that are there.
///
/// # Errors
/// [`RenderError::Nodes`] where nobody else is there.
pub fn leave_out(before: &History, crew: &mut Crew, progress: &mut Progress) -> Result<Vec<Node>, RenderError> {
    let is_out = |node: &&Node| before.out.iter().any(|out| out.node == node.client.name());
    let ids: Vec<NodeId> = crew.nodes.iter().filter(is_out).map(|node| node.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let out = crew.leave_out(&ids);
    for record in &before.out {
        progress.note(&format!("{} is left out of this job: {}", record.node, record.reason));
    }
    if crew.nodes.is_empty() {
        let names: Vec<&str> = before.out.iter().map(|out| out.node.as_str()).collect();
        return Err(RenderError::Nodes(format!("no other node is there, and {} drew wrong pixels", names.join(", "))));
    }
    Ok(out)
}

/// Takes the rows of nodes that drew wrong back once more, and has those that are there forget them: a td that was killed may
/// have come to neither.
///
/// # Errors
/// When the spool cannot be written.
pub async fn forget(before: &History, nodes: Vec<Node>, spec: &OpenJob, spool: &Spool) -> Result<(), SpoolError> {
    for out in &before.out {
        let _ = spool.refuse(Maker::of(&out.node))?;
    }
    let forgetting = nodes.into_iter().map(|node| {
        let spec = spec.clone();
        let forget = async move {
            node.client.open_job(&spec, 0).await?;
            node.client.forget_bands(&spec.id).await
        };
        tokio::spawn(async move { tokio::time::timeout(CLOSE_PATIENCE, forget).await })
    });
    for forgotten in forgetting.collect::<Vec<_>>() {
        if let Ok(Ok(Err(error))) = forgotten.await {
            tracing::warn!("{error}");
        }
    }
    Ok(())
}

/// Removes all finished rows: of what scene and by which POV-Ray they are is not written down.
///
/// # Errors
/// When the disk refuses.
pub fn remove_rows(job: &Current) -> Result<(), RenderError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| RenderError::Folder { path, source }
    };
    for entry in std::fs::read_dir(job.folder()).map_err(failed(job.folder()))? {
        let path = entry.map_err(failed(job.folder()))?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_bytes().starts_with(b"segments-") {
            std::fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    Ok(())
}

/// The spool of an attempt: the one that is there, or a new one. A file that is not this picture's is replaced.
///
/// # Errors
/// [`SpoolError`].
pub fn open_spool(path: &Path, shape: Shape) -> Result<Spool, SpoolError> {
    if path.exists() {
        match Spool::reopen(path, shape) {
            Err(SpoolError::Foreign { .. }) => remove_spool(path, "removing what is no rows of this picture")?,
            other => return other,
        }
    }
    Spool::create(path, shape)
}

fn remove_spool(path: &Path, action: &'static str) -> Result<(), SpoolError> {
    std::fs::remove_file(path).map_err(|source| SpoolError::Io { path: path.to_owned(), action, source })
}

/// The spool of an attempt of which one node renders all `rows` in one go: rows of an earlier run count only where none is missing, as a
/// picture that goes on in its middle has a seam there.
///
/// # Errors
/// [`SpoolError`].
pub fn open_whole_spool(path: &Path, shape: Shape, rows: Rows) -> Result<Spool, SpoolError> {
    let spool = open_spool(path, shape)?;
    if !spool.missing().iter().any(|missing| missing.start < rows.end && rows.start < missing.end) {
        return Ok(spool);
    }
    drop(spool);
    remove_spool(path, "removing the rows of a strip that was not whole")?;
    Spool::create(path, shape)
}

/// What the first pass saved in an earlier run, if it is whole.
#[must_use]
pub fn saved_radiosity(job: &Current, pass: &FirstPassRecord) -> Option<Arc<[u8]>> {
    let bytes = std::fs::read(job.radiosity()).ok()?;
    (bytes.len() as u64 == pass.size && ContentHash::of(&bytes) == pass.hash).then(|| Arc::from(bytes))
}

/// Keeps what the first pass saved: rows that are drawn with it go with no other.
///
/// # Errors
/// When the disk refuses.
pub fn keep_radiosity(job: &Current, hash: ContentHash, bytes: &[u8]) -> Result<(), RenderError> {
    let path = job.radiosity();
    std::fs::write(&path, bytes).map_err(|source| RenderError::Folder { path, source })?;
    job.note(Record::FirstPass(FirstPassRecord { hash, size: bytes.len() as u64 }));
    Ok(())
}

/// Forces finished rows onto the disk from time to time, so that little is left to do at the end. Ends when dropped.
pub struct Syncing(tokio::task::JoinHandle<()>);

impl Syncing {
    #[must_use]
    pub fn start(spool: &Arc<Spool>) -> Self {
        let spool = Arc::clone(spool);
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(SYNC_EVERY).await;
                let spool = Arc::clone(&spool);
                let synced = tokio::task::spawn_blocking(move || spool.sync()).await;
                if let Ok(Err(error)) = synced {
                    tracing::warn!("{error}");
                }
            }
        }))
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Writes down that a run ended without the picture. What can go on says how.
pub fn end(job: Current, error: RenderError) -> RenderError {
    let message = error.to_string();
    let outcome = match error.fate() {
        // Refused before anything was rendered: there is nothing that could be told of it later.
        Fate::Refused if job.history().runs.len() < 2 => {
            job.forget();
            return error;
        }
        Fate::ForGood => {
            job.ended(Outcome::Failed, &message, false);
            return error;
        }
        Fate::Refused | Fate::MayGoOn => Outcome::Failed,
        Fate::Interrupted => Outcome::Interrupted,
    };
    let kept = RenderError::Kept {
        id: job.id().to_string(),
        rows_done: job.rows_done(),
        rows_total: job.history().job.options.rows.len(),
        source: Box::new(error),
    };
    job.ended(outcome, &message, true);
    kept
}

#[cfg(test)]
mod tests {
    use td_protocol::pixel::PixelFormat;

    use super::*;

    const SHAPE: Shape = Shape { width: 4, height: 12, format: PixelFormat::RGB8 };
    const ROWS: Rows = Rows::new(2, 10);

    fn missing_after(earlier: &[Rows]) -> Vec<Rows> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segments-0");
        let spool = Spool::create(&path, SHAPE).unwrap();
        for rows in earlier {
            spool.add_black(*rows).unwrap();
        }
        drop(spool);
        open_whole_spool(&path, SHAPE, ROWS).unwrap().missing()
    }

    #[test]
    fn one_nodes_picture_goes_on_with_all_of_its_rows_or_with_none() {
        let (above, below) = (Rows::new(0, 2), Rows::new(10, 12));
        assert_eq!(missing_after(&[above, below, Rows::new(2, 9)]), [Rows::new(0, 12)]);
        assert_eq!(missing_after(&[above, below, Rows::new(3, 10)]), [Rows::new(0, 12)]);
        // Nothing is missing but what is black anyway.
        assert_eq!(missing_after(&[ROWS]), [above, below]);
        assert_eq!(missing_after(&[above, ROWS, below]), []);
    }
}

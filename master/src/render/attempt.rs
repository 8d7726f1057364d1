//! One attempt at a job: from open agents to a complete spool.
//!
//! The loop owns the scheduler, the spool and the display. Tasks talk to the agents and tell the loop what they hear;
//! the loop asks the scheduler what follows, and does it. All decisions are made in one place, in order.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use td_protocol::job::OpenJob;
use td_protocol::probe::{ProbeReport, StartProbe};
use td_protocol::rows::Rows;
use td_protocol::segment::check_segment;
use td_protocol::strip::Way;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;

use crate::compose::{Shape, Spool};
use crate::fleet::client::Client;
use crate::progress::Progress;
use crate::render::crew::{Crew, Node};
use crate::render::failure::RenderError;
use crate::render::heartbeat::watch_node;
use crate::render::held::Held;
use crate::render::looping::Run;
use crate::render::opening::{self, Contents};
use crate::render::policy::Policy;
use crate::render::probing;
use crate::render::tally::Tally;
use crate::render::verify::{self, Made};
use crate::schedule::{Job as ScheduledJob, NodeId, Scheduler, Sharing, Tuning, WriteCost};

/// Messages that may wait for the loop.
const WAITING: usize = 64;

/// What one attempt needs.
pub struct Attempt<'a> {
    pub crew: &'a mut Crew,
    pub spec: OpenJob,
    pub contents: Contents<'a>,
    pub policy: &'a Policy,
    pub shape: Shape,
    pub spool: Arc<Spool>,
    /// Folder for this job's own files.
    pub folder: PathBuf,
    pub probe: StartProbe,
    pub kept: &'a probing::Kept,
    /// A report that is known already.
    pub report: Option<ProbeReport>,
    pub progress: &'a mut Progress,
    pub begun: Instant,
    pub tuning: Tuning,
    /// Rows to render again elsewhere and compare.
    pub verify_rows: Option<u32>,
}

/// What came of a whole attempt.
#[derive(Debug)]
pub struct Rendered {
    pub report: ProbeReport,
    pub tally: Tally,
    /// From the first strip to the last row.
    pub parallel: Duration,
    /// When the first strip was started.
    pub parallel_begun: Instant,
    pub starts: u32,
    pub shrinks: u32,
    /// Rows that came from agents' caches.
    pub rows_from_cache: u32,
    /// Segments by the node that made them.
    pub made: Vec<Made>,
    /// Rows that were rendered again elsewhere, and were equal.
    pub rows_verified: Option<u32>,
}

/// Why an attempt ended without the picture.
#[derive(Debug)]
pub enum AttemptEnd {
    /// POV-Ray misses a file that the scene computes the name of.
    MissingFile {
        name: String,
        povray: String,
    },
    Failed(RenderError),
}

impl<E: Into<RenderError>> From<E> for AttemptEnd {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Attempt<'_> {
    /// Renders all rows into the spool.
    ///
    /// # Errors
    /// [`AttemptEnd`]; all that renders was told to stop then.
    pub async fn run(mut self, interrupted: &mut Receiver<()>) -> Result<Rendered, AttemptEnd> {
        let result = self.open_and_render(interrupted).await;
        let closing = self.crew.nodes.iter().map(|node| {
            let (client, id) = (node.client.clone(), self.spec.id.clone());
            tokio::spawn(async move { tokio::time::timeout(Duration::from_millis(800), client.close_job(&id)).await })
        });
        let closing: Vec<_> = closing.collect();
        if result.is_err() {
            for closed in closing {
                let _ = closed.await;
            }
        }
        result
    }

    async fn open_and_render(&mut self, interrupted: &mut Receiver<()>) -> Result<Rendered, AttemptEnd> {
        let mut finished = Vec::new();
        let mut refused = Vec::new();
        for node in &self.crew.nodes {
            let opening = opening::open(&node.client, &self.spec, &self.contents);
            let opened = tokio::select! {
                opened = opening => opened,
                _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
            };
            match opened {
                Ok(opened) => finished.push((node.id, node.client.clone(), opened.finished)),
                // What is wrong with the scene's own files is wrong for all.
                Err(error @ (RenderError::Usage(_) | RenderError::Folder { .. })) => return Err(error.into()),
                Err(error) if self.crew.nodes.len() == refused.len() + 1 => return Err(error.into()),
                Err(error) => refused.push((node.id, error.to_string())),
            }
        }
        for (node, reason) in refused {
            self.progress.note(&format!("left out: {reason}"));
            self.crew.nodes.retain(|other| other.id != node);
        }
        let made = self.fetch_finished(finished).await?;
        let (tell, hear) = mpsc::channel(WAITING);
        let watch = |node: &Node| {
            let task = watch_node(node.client.clone(), self.spec.id.clone(), node.id, tell.clone());
            (node.id, task)
        };
        let watchers: HashMap<NodeId, JoinHandle<()>> = self.crew.nodes.iter().map(watch).collect();
        let scheduler =
            Scheduler::new(self.scheduled_job(), self.tuning).map_err(|error| RenderError::Usage(error.to_string()))?;
        let run = Run {
            scheduler,
            way: self.report.as_ref().map_or(Way::Undecided, |report| report.way),
            held: Held::new(self.folder.clone()),
            tally: Tally::default(),
            leases: HashMap::new(),
            deferred: Vec::new(),
            probing: None,
            recalls: HashMap::new(),
            watchers,
            probes_failed: 0,
            troubles: HashMap::new(),
            parallel_begun: Instant::now(),
            tell,
            finished: false,
            rows_from_cache: made.iter().map(|made| made.rows.len()).sum(),
            written: (0.0, 0),
            makers: HashMap::new(),
            made,
            attempt: self,
        };
        let mut result = run.run(hear, interrupted).await;
        if let (Ok(rendered), Some(rows)) = (&mut result, self.verify_rows) {
            let verifying = verify::verify(self, &rendered.made, rows);
            let verified = tokio::select! {
                verified = verifying => verified,
                _ = interrupted.recv() => Err(RenderError::Interrupted),
            };
            match verified {
                Ok(rows) => rendered.rows_verified = Some(rows),
                Err(error) => result = Err(error.into()),
            }
        }
        result
    }

    fn scheduled_job(&self) -> ScheduledJob {
        let rows = self.spec.options.rows;
        let unfinished = self.spool.missing();
        let mut done = Vec::new();
        let mut next = rows.start;
        for run in unfinished {
            if next < run.start {
                done.push(Rows::new(next, run.start));
            }
            next = next.max(run.end);
        }
        if next < rows.end {
            done.push(Rows::new(next, rows.end));
        }
        ScheduledJob {
            height: self.shape.height,
            rows,
            band_rows: 32,
            fine_rows: self.policy.fine_rows,
            band_origin: rows.start,
            sharing: self.policy.sharing,
            write: WriteCost::NONE,
            start_seconds: self.report.as_ref().map_or(0.6, |report| report.start_seconds),
            done,
        }
    }

    /// Takes over what lies finished in the agents' caches.
    async fn fetch_finished(&self, finished: Vec<(NodeId, Client, Vec<Rows>)>) -> Result<Vec<Made>, AttemptEnd> {
        // A picture of whole leases cannot take bands of elsewhere.
        if self.policy.sharing != Sharing::Rows || !self.spec.reuse {
            return Ok(Vec::new());
        }
        let mut fetched = Vec::new();
        for (node, client, runs) in finished {
            for rows in runs {
                let is_missing = self.spool.missing().iter().any(|missing| missing.contains(rows));
                if !self.spec.options.rows.contains(rows) || !is_missing {
                    continue;
                }
                match client.band(&self.spec.id, rows).await {
                    Ok((meta, data)) => {
                        let checked = check_segment(&meta, &data, self.shape.width, self.shape.format, rows);
                        if let Err(error) = checked {
                            tracing::warn!("{}: a band of its cache is not used: {error}", client.name());
                            continue;
                        }
                        let _ = self.spool.add(&meta, &data)?;
                        fetched.push(Made { rows, sha256: meta.sha256, node });
                    }
                    Err(error) => tracing::debug!("a finished band was not fetched: {error}"),
                }
            }
        }
        Ok(fetched)
    }
}

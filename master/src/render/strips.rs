//! One task per strip: reads what the agent sends, checks each segment, and tells the render loop.

use std::sync::Arc;

use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentMeta, check_segment};
use td_protocol::strip::{Failure, StartStrip, StripEvent, Working};
use tokio::sync::mpsc::Sender;

use crate::fleet::client::{AgentError, Client};
use crate::fleet::words;
use crate::render::account::Checking;
use crate::render::heard::Heard;
use crate::schedule::{LeaseId, SlotId};

/// What is heard of one strip.
#[derive(Debug)]
pub enum StripHeard {
    /// Nothing new.
    Alive {
        working: Option<Working>,
    },
    /// POV-Ray has parsed, so many seconds after its start.
    Tracing {
        seconds: f64,
    },
    /// Rows before `end` are traced; CPU seconds since rows were last traced.
    Progress {
        end: u32,
        cpu: f64,
    },
    /// A verified segment; CPU seconds for it, and since then for what follows.
    Segment {
        meta: SegmentMeta,
        data: Vec<u8>,
        cpu: f64,
        ahead: f64,
    },
    /// All rows came, or those before the agent gave the slot to another job; CPU seconds of POV-Ray and of the agent.
    Ended {
        cpu: f64,
        agent_cpu: f64,
        write_cpu: f64,
        yielded: bool,
    },
    Failed {
        failure: Failure,
        message: String,
        povray: String,
    },
    /// The agent does not answer, or its answer is not to be trusted.
    Lost {
        error: AgentError,
    },
}

/// One strip on its way.
#[derive(Debug, Clone)]
pub struct StripTask {
    pub client: Client,
    pub job: String,
    pub slot: SlotId,
    pub lease: LeaseId,
    pub start: StartStrip,
    pub width: u32,
    pub format: PixelFormat,
    pub(super) checking: Arc<Checking>,
}

impl StripTask {
    /// Starts the strip on its agent and tells `heard` all that comes, to its end.
    pub async fn run(self, heard: Sender<Heard>) {
        let last = match self.follow(&heard).await {
            Ok(last) => last,
            Err(error) => StripHeard::Lost { error },
        };
        self.tell(&heard, last).await;
    }

    async fn follow(&self, heard: &Sender<Heard>) -> Result<StripHeard, AgentError> {
        let mut frames = self.client.start_strip(&self.job, &self.start).await?;
        let mut next = self.start.rows.start;
        loop {
            let Some((event, data)) = frames.next::<StripEvent>().await? else {
                return Err(self.unreachable("the answer ended in the middle".to_owned()));
            };
            let told = match event {
                StripEvent::Alive { working } => StripHeard::Alive { working },
                StripEvent::Tracing { seconds, .. } => StripHeard::Tracing { seconds },
                StripEvent::Progress { rows, cpu } => {
                    let end = self.start.rows.start.saturating_add(rows).min(self.start.rows.end);
                    StripHeard::Progress { end, cpu }
                }
                StripEvent::Rows { segment, cpu, ahead } => {
                    self.check(&segment, &data, next)?;
                    next = segment.rows.end;
                    StripHeard::Segment { meta: segment, data, cpu, ahead }
                }
                StripEvent::Ended { end, .. } if end != next => {
                    return Err(self.garbage(format!("it ended at row {end}, but its rows came up to {next}")));
                }
                StripEvent::Ended { cpu, agent_cpu, write_cpu, yielded, .. } => {
                    let yielded = yielded && self.start.may_yield;
                    return Ok(StripHeard::Ended { cpu, agent_cpu, write_cpu, yielded });
                }
                StripEvent::Failed { failure, message, povray } => {
                    let (message, povray) = (words::plain(&message), words::lines(&povray));
                    return Ok(StripHeard::Failed { failure, message, povray });
                }
            };
            self.tell(heard, told).await;
        }
    }

    /// A segment has to be the strip's next rows, and whole.
    fn check(&self, segment: &SegmentMeta, data: &[u8], next: u32) -> Result<(), AgentError> {
        let expected = Rows::new(next, segment.rows.end);
        if segment.rows.start != next || expected.is_empty() || !self.start.rows.contains(segment.rows) {
            return Err(self.garbage(format!("it sent {} where rows from {} were next", segment.rows, next + 1)));
        }
        let checked = self.checking.count(|| check_segment(segment, data, self.width, self.format, expected));
        checked.map_err(|error| self.garbage(error.to_string()))
    }

    async fn tell(&self, heard: &Sender<Heard>, what: StripHeard) {
        // The loop that listens may have ended; then nobody needs to know.
        let _ = heard.send(Heard::Strip { slot: self.slot, lease: self.lease, what }).await;
    }

    fn unreachable(&self, reason: String) -> AgentError {
        AgentError::Unreachable { agent: self.client.name().to_owned(), reason }
    }

    fn garbage(&self, reason: String) -> AgentError {
        AgentError::Garbage { agent: self.client.name().to_owned(), reason }
    }
}

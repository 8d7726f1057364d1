//! One strip on its agent.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use td_protocol::classic::{ClassicEvent, StartClassic};
use td_protocol::rows::Rows;
use td_protocol::strip::Failure;

use crate::fleet::client::{AgentError, Client};
use crate::fleet::words;
use crate::render::failure::RenderError;
use crate::scene::read_failure;
use crate::schedule::SlotId;

/// Silence after which an agent is taken for lost; it says something each second.
const SILENCE: Duration = Duration::from_secs(15);
/// Largest part that is taken, in bytes.
const MOST_BYTES: u64 = 4 << 30;

/// A strip that is to be rendered.
#[derive(Debug)]
pub struct Part {
    pub client: Client,
    pub job: String,
    pub slot: SlotId,
    pub rows: Rows,
    /// Where the cropped PNG goes.
    pub file: PathBuf,
}

/// A part that is here.
#[derive(Debug)]
pub struct PartDone {
    pub slot: SlotId,
    pub rows: Rows,
    pub file: PathBuf,
    /// Wall seconds from `begun` until the part was here.
    pub seconds: f64,
    /// CPU seconds of POV-Ray and of the cropping.
    pub cpu: f64,
    pub crop_cpu: f64,
}

impl Part {
    /// Waits for the part. What goes wrong goes wrong for the whole job: this method renders nothing again.
    ///
    /// # Errors
    /// With the node, its rows and the reason.
    pub async fn fetch(self, begun: Instant) -> Result<PartDone, RenderError> {
        let lost = |error: AgentError| {
            let rows = self.rows;
            RenderError::Nodes(format!(
                "{error}; the classic method renders {rows} nowhere else, so the job has failed"
            ))
        };
        let unwritten = |source| RenderError::Folder { path: self.file.clone(), source };
        let start = StartClassic { rows: self.rows };
        let mut frames = self.client.start_classic(&self.job, &start).await.map_err(lost)?;
        let mut file = std::fs::File::create(&self.file).map_err(unwritten)?;
        let mut bytes = 0;
        loop {
            let next = tokio::time::timeout(SILENCE, frames.next::<ClassicEvent>()).await;
            let silent = |_| self.unreachable(format!("it said nothing for {} seconds", SILENCE.as_secs()));
            match next.map_err(silent).and_then(|frame| frame).map_err(lost)? {
                Some((ClassicEvent::Alive, _)) => {}
                Some((ClassicEvent::Piece, piece)) => {
                    bytes += piece.len() as u64;
                    if bytes > MOST_BYTES {
                        return Err(lost(self.unreachable("it sends a part without an end".to_owned())));
                    }
                    file.write_all(&piece).map_err(unwritten)?;
                }
                Some((ClassicEvent::Done { cpu, crop_cpu }, _)) => {
                    let seconds = begun.elapsed().as_secs_f64();
                    let (slot, rows) = (self.slot, self.rows);
                    return Ok(PartDone { slot, rows, file: self.file, seconds, cpu, crop_cpu });
                }
                Some((ClassicEvent::Failed { failure, message, printed }, _)) => {
                    return Err(self.failed(&failure, &words::plain(&message), &words::lines(&printed)));
                }
                None => return Err(lost(self.unreachable("the answer ended in the middle".to_owned()))),
            }
        }
    }

    fn failed(&self, failure: &Failure, message: &str, printed: &str) -> RenderError {
        if *failure == Failure::Scene {
            return RenderError::Povray(read_failure(printed).map_or_else(|| message.to_owned(), |told| told.text));
        }
        let (node, rows) = (self.client.name(), self.rows);
        RenderError::Nodes(format!("{node}: {message}; the classic method renders {rows} nowhere else\n{printed}"))
    }

    fn unreachable(&self, reason: String) -> AgentError {
        AgentError::Unreachable { agent: self.client.name().to_owned(), reason }
    }
}

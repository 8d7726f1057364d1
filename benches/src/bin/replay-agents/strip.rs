//! One strip's stream, in the order and at the pace of a real one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use td_agent::strip::control::{BandGrid, Control};
use td_protocol::frame;
use td_protocol::rows::Rows;
use td_protocol::strip::{Failure, StripEvent, Way};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use crate::recording::Shared;

/// A silent strip says that it lives, as a real agent's does.
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// How soon a strip notices that it was cancelled.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub struct Strip {
    pub rows: Rows,
    pub grid: BandGrid,
    /// Of the whole picture.
    pub height: u32,
    pub start_seconds: f64,
    pub control: Arc<Control>,
    pub recording: Shared,
    pub sender: Sender<Bytes>,
}

/// The master listens no more, or the strip was cancelled.
struct Over;

impl Strip {
    pub async fn run(&self) {
        if self.replay().await.is_err() {
            let (failure, message) = (Failure::Cancelled, "it was cancelled".to_owned());
            let _ = self.send(&StripEvent::Failed { failure, message, povray: String::new() }, &[]).await;
        }
    }

    async fn replay(&self) -> Result<(), Over> {
        let mut spoken = Instant::now();
        self.pass(self.start_seconds, &mut spoken).await?;
        let mut cpu = self.start_seconds;
        self.send(&StripEvent::Tracing { seconds: self.start_seconds, cpu }, &[]).await?;
        self.control.tracing_after(self.start_seconds);
        let (mut traced, mut sent, mut unsent_cpu) = (self.rows.start, self.rows.start, 0.0);
        loop {
            let wishes = self.control.wishes();
            if traced >= wishes.end && sent >= wishes.end {
                let ended = StripEvent::Ended {
                    end: sent,
                    cpu,
                    agent_cpu: 0.0,
                    write_cpu: 0.0,
                    from_state_file: true,
                    yielded: false,
                };
                return self.send(&ended, &[]).await;
            }
            if traced < wishes.end {
                let band = Rows::new(traced, self.grid.end_of_band(traced).min(wishes.end));
                let seconds = self.recording.seconds(band, self.height);
                self.pass(seconds, &mut spoken).await?;
                cpu += seconds;
                unsent_cpu += seconds;
                traced = band.end;
                self.control.finished(traced);
                let rows = traced - self.rows.start;
                self.send(&StripEvent::Progress { rows, cpu: seconds }, &[]).await?;
            } else {
                // All is traced, and the master has not said yet how rows leave.
                self.pass(LOOK_EVERY.as_secs_f64(), &mut spoken).await?;
            }
            while sent < traced && matches!(self.control.wishes().way, Way::StateFile { .. }) {
                let rows = Rows::new(sent, self.grid.end_of_band(sent).min(traced));
                let (segment, data) = self.recording.segment(rows).map_err(|_| Over)?;
                self.send(&StripEvent::Rows { segment, cpu: unsent_cpu, ahead: 0.0 }, &data).await?;
                unsent_cpu = 0.0;
                sent = rows.end;
            }
            spoken = Instant::now();
        }
    }

    /// Lets `seconds` pass.
    async fn pass(&self, seconds: f64, spoken: &mut Instant) -> Result<(), Over> {
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < end {
            tokio::time::sleep_until(end.min(Instant::now() + LOOK_EVERY)).await;
            if self.control.wishes().cancelled {
                return Err(Over);
            }
            if spoken.elapsed() >= ALIVE_EVERY {
                self.send(&StripEvent::Alive { working: None }, &[]).await?;
                *spoken = Instant::now();
            }
        }
        Ok(())
    }

    async fn send(&self, event: &StripEvent, data: &[u8]) -> Result<(), Over> {
        let frame = frame::encode(event, data).map_err(|_| Over)?;
        self.sender.send(frame.into()).await.map_err(|_| Over)
    }
}

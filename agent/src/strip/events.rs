//! Sending events to the master from a rendering thread.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use td_protocol::frame;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// Silence after which an `alive` event is sent.
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// Pause before a full channel is tried again.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// The master hangs up, or asked to stop while it did not take what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// The sending end of one answer's stream of frames.
pub struct Events<'a> {
    sender: Sender<Bytes>,
    /// Asked while the channel is full: true stops waiting.
    stop: &'a (dyn Fn() -> bool + Sync),
    last: Instant,
}

impl<'a> Events<'a> {
    #[must_use]
    pub fn new(sender: Sender<Bytes>, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { sender, stop, last: Instant::now() }
    }

    /// Sends one event with its payload; waits while the master takes nothing.
    ///
    /// # Errors
    /// [`Gone`] when nobody will read it.
    pub fn send<H: Serialize>(&mut self, event: &H, payload: &[u8]) -> Result<(), Gone> {
        let encoded = frame::encode(event, payload).map_err(|error| {
            tracing::error!("an event cannot be sent: {error}");
            Gone
        })?;
        let mut bytes = Bytes::from(encoded);
        loop {
            match self.sender.try_send(bytes) {
                Ok(()) => break,
                Err(TrySendError::Closed(_)) => return Err(Gone),
                Err(TrySendError::Full(back)) => {
                    if (self.stop)() {
                        return Err(Gone);
                    }
                    bytes = back;
                    std::thread::sleep(FULL_PAUSE);
                }
            }
        }
        self.last = Instant::now();
        Ok(())
    }

    /// Sends `event` when nothing was sent for about a second.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn keep_alive<H: Serialize>(&mut self, event: &H) -> Result<(), Gone> {
        self.keep_telling(ALIVE_EVERY, event)
    }

    /// Sends `event` when nothing was sent for so long.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn keep_telling<H: Serialize>(&mut self, every: Duration, event: &H) -> Result<(), Gone> {
        if self.sender.is_closed() {
            return Err(Gone);
        }
        if self.last.elapsed() >= every { self.send(event, &[]) } else { Ok(()) }
    }
}

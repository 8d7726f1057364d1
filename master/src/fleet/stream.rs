//! An answer that is a stream of frames.

use std::time::Duration;

use reqwest::Response;
use serde::de::DeserializeOwned;
use td_protocol::frame::Decoder;

use crate::fleet::client::AgentError;
use crate::fleet::{trouble, words};

/// Silence after which an agent is taken for lost that has a stream to fill: it says something each second. Heartbeats mostly
/// tell sooner; this holds where there are none.
const SILENCE: Duration = Duration::from_secs(15);

/// Frames as they arrive.
#[derive(Debug)]
pub struct Frames {
    agent: String,
    response: Response,
    decoder: Decoder,
}

impl Frames {
    #[must_use]
    pub fn new(agent: &str, response: Response) -> Self {
        Self { agent: agent.to_owned(), response, decoder: Decoder::new() }
    }

    /// The next frame; `None` at the stream's end.
    ///
    /// # Errors
    /// [`AgentError`] when the connection breaks or is silent for long, in the middle of a frame too, or the frame is none of td's.
    pub async fn next<H: DeserializeOwned>(&mut self) -> Result<Option<(H, Vec<u8>)>, AgentError> {
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => {}
                Err(error) => {
                    let reason = words::plain(&error.to_string());
                    return Err(AgentError::Garbage { agent: self.agent.clone(), reason });
                }
            }
            let unreachable = |reason| AgentError::Unreachable { agent: self.agent.clone(), reason };
            let Ok(chunk) = tokio::time::timeout(SILENCE, self.response.chunk()).await else {
                return Err(unreachable(format!("it said nothing for {} seconds", SILENCE.as_secs())));
            };
            match chunk {
                Ok(Some(bytes)) => self.decoder.push(&bytes),
                Ok(None) if self.decoder.is_torn() => return Err(unreachable("the answer was cut".to_owned())),
                Ok(None) => return Ok(None),
                Err(error) => return Err(unreachable(trouble::sentence(&error))),
            }
        }
    }
}

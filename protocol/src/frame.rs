//! Frames: how events and segments follow each other in one answer's body.
//!
//! A frame is a header's length and a payload's length (each a big-endian u32), the header (JSON) and the payload
//! (bytes). Both lengths are bounded, so that garbage is refused before anything is allocated for it.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest header, in bytes. It carries at most the end of POV-Ray's messages or a probe's report.
pub const MAX_HEADER: usize = 1 << 20;
/// Longest payload, in bytes: a band of 32 rows of the widest image, 16 bit RGB with alpha, and some more.
pub const MAX_PAYLOAD: usize = 32 << 20;

/// Why a stream of frames is refused.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame's header of {0} bytes is longer than {MAX_HEADER}: this is not td's protocol")]
    HeaderTooLong(usize),
    #[error("a frame's payload of {0} bytes is longer than {MAX_PAYLOAD}: this is not td's protocol")]
    PayloadTooLong(usize),
    #[error("a frame's header is not what this td expects: {0}")]
    Header(#[from] serde_json::Error),
}

/// Encodes one frame.
///
/// # Errors
/// When header or payload are over their bounds, or the header cannot be written as JSON.
pub fn encode<H: Serialize>(header: &H, payload: &[u8]) -> Result<Vec<u8>, FrameError> {
    let header = serde_json::to_vec(header)?;
    let header_len = u32::try_from(header.len()).ok().filter(|len| *len as usize <= MAX_HEADER);
    let payload_len = u32::try_from(payload.len()).ok().filter(|len| *len as usize <= MAX_PAYLOAD);
    let header_len = header_len.ok_or(FrameError::HeaderTooLong(header.len()))?;
    let payload_len = payload_len.ok_or(FrameError::PayloadTooLong(payload.len()))?;
    let mut frame = Vec::with_capacity(8 + header.len() + payload.len());
    frame.extend_from_slice(&header_len.to_be_bytes());
    frame.extend_from_slice(&payload_len.to_be_bytes());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(payload);
    Ok(frame)
}

/// Takes bytes as they arrive and gives frames as they become whole.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were given out already.
    used: usize,
}

impl Decoder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a frame has begun and is not whole: at the end of a stream it was cut.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.used < self.buffer.len()
    }

    /// The next whole frame, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError`]; the stream is then of no more use.
    pub fn next_frame<H: DeserializeOwned>(&mut self) -> Result<Option<(H, Vec<u8>)>, FrameError> {
        let bytes = &self.buffer[self.used..];
        let Some((lengths, rest)) = bytes.split_first_chunk::<8>() else {
            return Ok(None);
        };
        let [h0, h1, h2, h3, p0, p1, p2, p3] = *lengths;
        let header_len = u32::from_be_bytes([h0, h1, h2, h3]) as usize;
        let payload_len = u32::from_be_bytes([p0, p1, p2, p3]) as usize;
        if header_len > MAX_HEADER {
            return Err(FrameError::HeaderTooLong(header_len));
        }
        if payload_len > MAX_PAYLOAD {
            return Err(FrameError::PayloadTooLong(payload_len));
        }
        if rest.len() < header_len + payload_len {
            return Ok(None);
        }
        let header = serde_json::from_slice(&rest[..header_len])?;
        let payload = rest[header_len..header_len + payload_len].to_vec();
        self.used += 8 + header_len + payload_len;
        Ok(Some((header, payload)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_survive_any_chunking(
            frames in prop::collection::vec((".{0,40}", prop::collection::vec(any::<u8>(), 0..300)), 0..10),
            chunk in 1_usize..50,
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(h, p)| encode(h, p).unwrap()).collect();
            let mut decoder = Decoder::new();
            let mut seen = Vec::new();
            for piece in bytes.chunks(chunk) {
                decoder.push(piece);
                while let Some(frame) = decoder.next_frame::<String>().unwrap() {
                    seen.push(frame);
                }
            }
            prop_assert!(!decoder.is_torn());
            prop_assert_eq!(seen, frames);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::new();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_frame::<serde_json::Value>() {}
        }
    }

    #[test]
    fn a_huge_length_is_refused_at_once() {
        let mut decoder = Decoder::new();
        decoder.push(&[0xff; 8]);
        assert!(matches!(decoder.next_frame::<String>(), Err(FrameError::HeaderTooLong(_))));
    }
}

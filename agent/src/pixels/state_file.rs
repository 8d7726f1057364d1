//! POV-Ray's state file (`<out>.pov-state`), read while it grows.
//!
//! # Layout
//! Seen with POV-Ray 3.7.0.10 (amd64):
//!
//! - A header of 512 bytes: `POV-Ray Render State File`, three zero bytes, `0001`; the rest is whatever lay in memory.
//! - Messages, one after the other: `POVRAYMS`, the protocol's version as a big-endian u32 (0x370), the body's size as
//!   a big-endian u32, `RAWS`, the body.
//! - A body is `OBJE`, a u32 count of attributes, then per attribute a 4-byte key, a 4-byte type and a u32 length (in
//!   numbers for the types `VFL4` and `VIN4`, else in bytes) and its data. Their order is not relied on. The lengths of `MSRC` and
//!   `MDST` (addresses in POV-Ray's memory) differ between 32-bit and 64-bit builds.
//! - A finished block is a message with `PBlo` (type `VFL4`: red, green, blue, filter, transmit of each pixel, row by
//!   row, big-endian), `Left`, `Top `, `Righ`, `Bott` (type `INT4`; inclusive, 0-based, counted in the whole image),
//!   `PiSi` (1; larger in the passes of a mosaic preview) and `PiId` (the block's serial number).
//!
//! Each message is written and flushed as one, so a torn tail only means that the rest has not arrived yet.
//!
//! # Which blocks
//! - With `+WT1` they come in raster order, left to right and top to bottom.
//! - The grid of blocks starts at the first row and column of the part, not of the image: `+SR11 +ER90` at 32 rows per
//!   block gives rows 10 to 41, 42 to 73 and 74 to 89; `+SC21` gives columns 20 to 51 and so on. Nothing outside the part
//!   is written. `+A` (both methods) and `+BS` change nothing in this.
//! - `+C` keeps the file and appends to it; the blocks that it finds there are not written again. A torn tail is written
//!   over: after a resume [`StateReader::rewind`] and read on from [`StateReader::position`].
//! - The file is removed when the trace ends; a file that is held open stays readable. The next `+C` starts afresh then.
//!
//! # Trust
//! The file is POV-Ray's, but a scene may write files too. Every length is checked against the image before anything is
//! kept: at most one message (at most [`MAX_BLOCK_PIXELS`] pixels) and what the caller pushed is ever held.

use td_protocol::rows::Rows;

/// Largest block that is accepted, in pixels. POV-Ray's default is 32 x 32.
pub const MAX_BLOCK_PIXELS: u32 = 256 * 256;

/// Floats of one pixel: red, green, blue, filter, transmit.
const CHANNELS: usize = 5;
const HEADER_BYTES: usize = 512;
const SIGNATURE: &[u8] = b"POV-Ray Render State File\0\0\0";
const VERSION: &[u8] = b"0001";
const MESSAGE_MARK: &[u8] = b"POVRAYMS";
const MESSAGE_VERSION: u32 = 0x370;
const MESSAGE_HEADER_BYTES: usize = 20;
/// Room for all attributes but the floats. POV-Ray 3.7 needs 224 bytes.
const ATTRIBUTE_BYTES: usize = 4096;

/// What is wrong with a state file. None of these can come from a file that is merely incomplete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("this is no POV-Ray state file: {0}")]
    Header(&'static str),
    #[error("POV-Ray's state file is damaged at byte {at}: {what}")]
    Message { at: u64, what: &'static str },
    #[error("POV-Ray's state file at byte {at} is of protocol 0x{found:x}; td knows 0x370 (POV-Ray 3.7)")]
    Protocol { at: u64, found: u32 },
    #[error("POV-Ray's state file at byte {at} has a message of {size} bytes; the largest possible is {max}")]
    TooLarge { at: u64, size: u32, max: usize },
    #[error("POV-Ray's state file at byte {at} has a block that does not lie in the image of {width}x{height}")]
    Outside { at: u64, width: u32, height: u32 },
}

/// One finished block. Coordinates are 0-based columns and rows of the whole image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    pub left: u32,
    pub top: u32,
    /// Inclusive.
    pub right: u32,
    /// Inclusive.
    pub bottom: u32,
    /// Big-endian floats, [`CHANNELS`] per pixel, row by row.
    data: &'a [u8],
}

impl<'a> Block<'a> {
    /// Columns `start..end`, end excluded.
    #[must_use]
    pub const fn columns(&self) -> Rows {
        Rows::new(self.left, self.right.saturating_add(1))
    }

    /// Rows `start..end`, end excluded.
    #[must_use]
    pub const fn rows(&self) -> Rows {
        Rows::new(self.top, self.bottom.saturating_add(1))
    }

    /// Bytes of the block's floats.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.data.len()
    }

    /// The pixels of one row of the image, from the block's left to its right, each as red, green, blue, filter and
    /// transmit. Empty when the row does not lie in the block.
    pub fn row(&self, row: u32) -> impl ExactSizeIterator<Item = [f32; CHANNELS]> + use<'a> {
        let bytes = self.columns().len() as usize * CHANNELS * 4;
        let data = if (self.top..=self.bottom).contains(&row) {
            let start = (row - self.top) as usize * bytes;
            self.data.get(start..start + bytes).unwrap_or_default()
        } else {
            &[]
        };
        data.as_chunks::<{ CHANNELS * 4 }>().0.iter().map(|pixel| {
            let (floats, _) = pixel.as_chunks::<4>();
            std::array::from_fn(|channel| f32::from_be_bytes(floats[channel]))
        })
    }
}

/// Reads a state file as its bytes arrive, in pieces of any size.
///
/// ```text
/// reader.push(bytes);
/// while let Some(block) = reader.next_block()? { assembler.add(&block)?; }
/// ```
#[derive(Debug)]
pub struct StateReader {
    width: u32,
    height: u32,
    buffer: Vec<u8>,
    /// Bytes at the start of `buffer` that are done with.
    done: usize,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    failed: Option<StateError>,
}

impl StateReader {
    /// A reader that stands at the start of the file. `width` and `height` are those of the whole image, in pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height, buffer: Vec::new(), done: 0, base: 0, failed: None }
    }

    /// Offset in the file just behind the last whole message (0 before the header has come).
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.base + self.done as u64
    }

    /// Offset in the file of the byte that [`push`](Self::push) expects next.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// Forgets what arrived behind [`position`](Self::position); the next byte to push is the one at that offset.
    pub fn rewind(&mut self) {
        self.buffer.truncate(self.done);
    }

    /// Takes the next bytes of the file. Take all blocks out before the next push: bytes are kept until then.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.done > 0 {
            self.buffer.drain(..self.done);
            self.base += self.done as u64;
            self.done = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next finished block, or `None` until more bytes are pushed. Messages of other kinds, and blocks of a
    /// preview, are passed over.
    ///
    /// # Errors
    /// The bytes are not those of a state file of this image. All later calls give the same error.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, StateError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.advance() {
            Ok(Some(found)) => {
                let data = self.buffer.get(found.data).unwrap_or_default();
                let [left, top, right, bottom] = found.corners;
                Ok(Some(Block { left, top, right, bottom, data }))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error.clone());
                self.buffer = Vec::new();
                self.done = 0;
                Err(error)
            }
        }
    }

    /// Moves behind the next message that is a block.
    fn advance(&mut self) -> Result<Option<Found>, StateError> {
        if self.base == 0 && self.done == 0 {
            check_header(&self.buffer)?;
            if self.buffer.len() < HEADER_BYTES {
                return Ok(None);
            }
            self.done = HEADER_BYTES;
        }
        loop {
            let at = self.position();
            let rest = self.buffer.get(self.done..).unwrap_or_default();
            let Some(body) = self.body_length(at, rest)? else {
                return Ok(None);
            };
            let start = self.done + MESSAGE_HEADER_BYTES;
            let Some(bytes) = self.buffer.get(start..start + body) else {
                return Ok(None);
            };
            let found = read_body(bytes).map_err(|what| StateError::Message { at, what })?;
            self.done = start + body;
            if let Some(found) = found {
                self.check_block(at, &found)?;
                let data = start + found.data.start..start + found.data.end;
                return Ok(Some(Found { data, ..found }));
            }
        }
    }

    /// The size of the body of the message that starts `rest`, once its head is there.
    fn body_length(&self, at: u64, rest: &[u8]) -> Result<Option<usize>, StateError> {
        let known = rest.len().min(MESSAGE_MARK.len());
        if rest[..known] != MESSAGE_MARK[..known] {
            return Err(StateError::Message { at, what: "a message has to start here" });
        }
        let (Some(version), Some(size), Some(format)) = (word(rest, 8), word(rest, 12), rest.get(16..20)) else {
            return Ok(None);
        };
        if version != MESSAGE_VERSION {
            return Err(StateError::Protocol { at, found: version });
        }
        if format != b"RAWS" {
            return Err(StateError::Message { at, what: "the message is not in raw format" });
        }
        let pixels = (u64::from(self.width) * u64::from(self.height)).min(u64::from(MAX_BLOCK_PIXELS)) as usize;
        let max = pixels * CHANNELS * 4 + ATTRIBUTE_BYTES;
        if size as usize > max {
            return Err(StateError::TooLarge { at, size, max });
        }
        Ok(Some(size as usize))
    }

    fn check_block(&self, at: u64, found: &Found) -> Result<(), StateError> {
        let [left, top, right, bottom] = found.corners;
        if right >= self.width || bottom >= self.height || left > right || top > bottom {
            return Err(StateError::Outside { at, width: self.width, height: self.height });
        }
        let area = u64::from(right - left + 1) * u64::from(bottom - top + 1);
        if found.data.len() as u64 != area * (CHANNELS as u64 * 4) {
            return Err(StateError::Message { at, what: "a block's pixels do not fill its rectangle" });
        }
        Ok(())
    }
}

/// A block within the bytes at hand.
struct Found {
    /// Left, top, right, bottom.
    corners: [u32; 4],
    data: std::ops::Range<usize>,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let (word, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
    Some(u32::from_be_bytes(*word))
}

fn check_header(start: &[u8]) -> Result<(), StateError> {
    let known = start.len().min(SIGNATURE.len());
    if start[..known] != SIGNATURE[..known] {
        return Err(StateError::Header("it does not start with POV-Ray's signature"));
    }
    let version = start.get(SIGNATURE.len()..).unwrap_or_default();
    let known = version.len().min(VERSION.len());
    if version[..known] != VERSION[..known] {
        return Err(StateError::Header("its version is not 0001"));
    }
    Ok(())
}

/// Reads one body; `None` for a message that is not a finished block.
fn read_body(body: &[u8]) -> Result<Option<Found>, &'static str> {
    if body.get(..4) != Some(b"OBJE") {
        return Err("the message is not an object");
    }
    let count = word(body, 4).ok_or("the message is cut short")?;
    let mut at = 8;
    let mut corners = [None; 4];
    let mut data = None;
    let mut pixel_size = 1;
    for _ in 0..count {
        let (Some(key), Some(kind), Some(length)) =
            (body.get(at..at + 4), body.get(at + 4..at + 8), word(body, at + 8))
        else {
            return Err("an attribute reaches beyond its message");
        };
        at += 12;
        let bytes = (length as usize).checked_mul(if kind == b"VFL4" || kind == b"VIN4" { 4 } else { 1 });
        let end = bytes.and_then(|bytes| at.checked_add(bytes)).filter(|&end| end <= body.len());
        let end = end.ok_or("an attribute reaches beyond its message")?;
        match (key, kind) {
            (b"Left", b"INT4") => corners[0] = word(body, at),
            (b"Top ", b"INT4") => corners[1] = word(body, at),
            (b"Righ", b"INT4") => corners[2] = word(body, at),
            (b"Bott", b"INT4") => corners[3] = word(body, at),
            (b"PiSi", b"INT4") => pixel_size = word(body, at).unwrap_or(0),
            (b"PBlo", b"VFL4") => data = Some(at..end),
            _ => {}
        }
        at = end;
    }
    if at != body.len() {
        return Err("the message is longer than its attributes");
    }
    let ([Some(left), Some(top), Some(right), Some(bottom)], Some(data), 1) = (corners, data, pixel_size) else {
        return Ok(None);
    };
    Ok(Some(Found { corners: [left, top, right, bottom], data }))
}

#[cfg(test)]
pub(super) mod tests;

//! Way (b): rows out of POV-Ray's own PNG while it comes through a pipe.
//!
//! Holds two rows and the chunks before the image data, whatever the size of the image. Chunks before IDAT are kept
//! byte for byte: their order and content go into the finished picture. The reader can be dropped after the last wanted
//! row; POV-Ray then gets a broken pipe and ends.

use std::io::Read;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use td_protocol::options::MAX_SIDE;
use td_protocol::pixel::{Depth, PixelFormat};

use super::unfilter::unfilter;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Bytes of all chunks before IDAT together that are accepted. POV-Ray writes some hundred.
pub const MAX_CHUNK_BYTES: usize = 1 << 20;
const BUFFER: usize = 16 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum PngError {
    #[error("POV-Ray's PNG could not be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("POV-Ray's PNG is damaged: {0}")]
    Damaged(&'static str),
    #[error("POV-Ray's PNG is of a kind that td does not know: {0}")]
    Unsupported(&'static str),
    #[error("the PNG is {width}x{height}; td knows 1x1 to {MAX_SIDE}x{MAX_SIDE}")]
    Size { width: u32, height: u32 },
}

/// One chunk, without length and CRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub kind: [u8; 4],
    pub data: Vec<u8>,
}

/// Rows of a PNG, from the top down.
pub struct PngRows<R> {
    input: ChunkReader<R>,
    chunks: Vec<Chunk>,
    width: u32,
    height: u32,
    format: PixelFormat,
    inflate: Decompress,
    /// The filter byte and bytes of a row.
    current: Vec<u8>,
    above: Vec<u8>,
    next: u32,
}

impl<R: Read> PngRows<R> {
    /// Reads up to the image data.
    ///
    /// # Errors
    /// The input ends, or is no PNG of the kinds that POV-Ray writes: 8 or 16 bit, grey or RGB, not interlaced.
    pub fn open(input: R) -> Result<Self, PngError> {
        let mut input = ChunkReader::new(input);
        let mut signature = [0; 8];
        input.fill(&mut signature)?;
        if signature != SIGNATURE {
            return Err(PngError::Damaged("it does not start with PNG's signature"));
        }
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut total = 0;
        loop {
            let kind = input.start_chunk()?;
            if kind == *b"IDAT" {
                break;
            }
            if kind == *b"IEND" {
                return Err(PngError::Damaged("it has no image data"));
            }
            total += input.left as usize + 12;
            if total > MAX_CHUNK_BYTES {
                return Err(PngError::Damaged("more than 1 MB comes before the image data"));
            }
            let mut data = vec![0; input.left as usize];
            input.fill_chunk(&mut data)?;
            input.end_chunk()?;
            chunks.push(Chunk { kind, data });
        }
        let header = chunks.first().filter(|chunk| chunk.kind == *b"IHDR");
        let header = header.ok_or(PngError::Damaged("it does not start with IHDR"))?;
        let (width, height, format) = read_header(&header.data)?;
        let row = 1 + format.row_bytes(width) as usize;
        Ok(Self {
            input,
            chunks,
            width,
            height,
            format,
            inflate: Decompress::new(true),
            current: vec![0; row],
            above: vec![0; row],
            next: 0,
        })
    }

    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// All chunks before IDAT in their order, IHDR first.
    #[must_use]
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The row (0-based) that [`next_row`](Self::next_row) gives next.
    #[must_use]
    pub const fn position(&self) -> u32 {
        self.next
    }

    /// The packed samples of the next row, or `None` after the last one.
    ///
    /// # Errors
    /// The input ends early or is damaged.
    pub fn next_row(&mut self) -> Result<Option<&[u8]>, PngError> {
        if self.next >= self.height {
            return Ok(None);
        }
        self.inflate_row()?;
        let pixel_bytes = self.format.bytes_per_pixel() as usize;
        let (Some((filter, row)), Some((_, above))) = (self.current.split_first_mut(), self.above.split_first()) else {
            return Ok(None);
        };
        // Rows outside the part are black, and filtered rows of them zeros that change nothing.
        let is_copy = *filter == 2 && row.iter().all(|&byte| byte == 0);
        if is_copy {
            row.copy_from_slice(above);
        } else {
            unfilter(*filter, row, above, pixel_bytes)
                .map_err(|_| PngError::Damaged("a row's filter is not one of PNG's five"))?;
        }
        std::mem::swap(&mut self.current, &mut self.above);
        self.next += 1;
        Ok(self.above.get(1..))
    }

    /// Passes over rows until `row` is the next one. Rows refer to those above them, so each is inflated all the same.
    ///
    /// # Errors
    /// The input ends early or is damaged.
    pub fn skip_to(&mut self, row: u32) -> Result<(), PngError> {
        while self.next < row {
            if self.next_row()?.is_none() {
                return Err(PngError::Damaged("the wanted rows lie beyond its last row"));
            }
        }
        Ok(())
    }

    fn inflate_row(&mut self) -> Result<(), PngError> {
        let mut filled = 0;
        while filled < self.current.len() {
            let input = self.input.data()?;
            let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(input, &mut self.current[filled..], FlushDecompress::None)
                .map_err(|_| PngError::Damaged("its image data cannot be inflated"))?;
            let taken = (self.inflate.total_in() - in_before) as usize;
            let made = (self.inflate.total_out() - out_before) as usize;
            filled += made;
            self.input.consume(taken);
            let stuck = taken == 0 && made == 0;
            if filled < self.current.len() && (status == Status::StreamEnd || stuck) {
                return Err(PngError::Damaged("its image data ends before its last row"));
            }
        }
        Ok(())
    }
}

fn read_header(data: &[u8]) -> Result<(u32, u32, PixelFormat), PngError> {
    let [w0, w1, w2, w3, h0, h1, h2, h3, depth, color, compression, filter, interlace] = *data else {
        return Err(PngError::Damaged("its IHDR has a wrong length"));
    };
    let (width, height) = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(PngError::Size { width, height });
    }
    let depth = match depth {
        8 => Depth::Eight,
        16 => Depth::Sixteen,
        _ => {
            return Err(PngError::Unsupported("its samples have neither 8 nor 16 bits"));
        }
    };
    let (grey, alpha) = match color {
        0 => (true, false),
        2 => (false, false),
        4 => (true, true),
        6 => (false, true),
        _ => return Err(PngError::Unsupported("it has a palette")),
    };
    if (compression, filter, interlace) != (0, 0, 0) {
        return Err(PngError::Unsupported("it is interlaced, or newer than PNG as POV-Ray writes it"));
    }
    Ok((width, height, PixelFormat { depth, grey, alpha }))
}

/// Reads chunks one after the other, with their CRCs checked.
struct ChunkReader<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of data left in the current chunk.
    left: u32,
    crc: Crc,
}

impl<R: Read> ChunkReader<R> {
    fn new(input: R) -> Self {
        Self { input, buffer: vec![0; BUFFER], start: 0, end: 0, left: 0, crc: Crc::new() }
    }

    /// What is buffered; reads when there is nothing.
    fn buffered(&mut self) -> Result<&[u8], PngError> {
        while self.start == self.end {
            match self.input.read(&mut self.buffer) {
                Ok(0) => return Err(PngError::Damaged("it ends early")),
                Ok(n) => (self.start, self.end) = (0, n.min(self.buffer.len())),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn fill(&mut self, mut out: &mut [u8]) -> Result<(), PngError> {
        while !out.is_empty() {
            let bytes = self.buffered()?;
            let count = bytes.len().min(out.len());
            let (now, later) = out.split_at_mut(count);
            now.copy_from_slice(&bytes[..count]);
            self.start += count;
            out = later;
        }
        Ok(())
    }

    fn word(&mut self) -> Result<[u8; 4], PngError> {
        let mut word = [0; 4];
        self.fill(&mut word)?;
        Ok(word)
    }

    fn start_chunk(&mut self) -> Result<[u8; 4], PngError> {
        self.left = u32::from_be_bytes(self.word()?);
        if self.left > i32::MAX.cast_unsigned() {
            return Err(PngError::Damaged("a chunk is longer than PNG allows"));
        }
        let kind = self.word()?;
        self.crc.reset();
        self.crc.update(&kind);
        Ok(kind)
    }

    fn fill_chunk(&mut self, out: &mut [u8]) -> Result<(), PngError> {
        self.fill(out)?;
        self.crc.update(out);
        self.left = 0;
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), PngError> {
        let sum = u32::from_be_bytes(self.word()?);
        if sum != self.crc.sum() {
            return Err(PngError::Damaged("a chunk's CRC does not fit"));
        }
        Ok(())
    }

    /// The image data that is at hand, going on to the next IDAT where one ends. Never empty.
    fn data(&mut self) -> Result<&[u8], PngError> {
        while self.left == 0 {
            self.end_chunk()?;
            if self.start_chunk()? != *b"IDAT" {
                return Err(PngError::Damaged("its image data ends before its last row"));
            }
        }
        let left = self.left as usize;
        let bytes = self.buffered()?;
        Ok(&bytes[..bytes.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        let end = (self.start + count).min(self.end);
        self.crc.update(&self.buffer[self.start..end]);
        self.left = self.left.saturating_sub((end - self.start) as u32);
        self.start = end;
    }
}

#[cfg(test)]
mod tests;

//! A PNG, down to its raw samples and its chunks.

use std::path::Path;

/// A chunk as it stands in the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    pub kind: String,
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.kind, String::from_utf8_lossy(&self.data))
    }
}

/// What a PNG holds.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub colour: png::ColorType,
    pub depth: png::BitDepth,
    /// The samples as they are in the file, row by row: no gamma, no conversion; 16-bit ones big-endian.
    pub samples: Vec<u8>,
    /// The chunks before the first IDAT, in order.
    pub head: Vec<Chunk>,
}

impl Picture {
    /// # Errors
    /// A sentence, when the file cannot be read or is no whole PNG.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::from_bytes(&bytes).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// # Errors
    /// A sentence, when the bytes are no whole PNG.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let head = head(bytes)?;
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
        let size = reader.output_buffer_size().ok_or("too large to decode")?;
        let mut samples = vec![0; size];
        let frame = reader.next_frame(&mut samples).map_err(|e| e.to_string())?;
        samples.truncate(frame.buffer_size());
        reader.finish().map_err(|e| e.to_string())?;
        Ok(Self {
            width: frame.width,
            height: frame.height,
            colour: frame.color_type,
            depth: frame.bit_depth,
            samples,
            head,
        })
    }

    /// Bytes of one sample.
    pub fn sample_bytes(&self) -> usize {
        if self.depth == png::BitDepth::Sixteen { 2 } else { 1 }
    }

    /// The samples as numbers.
    pub fn values(&self) -> impl Iterator<Item = u32> + '_ {
        self.samples.chunks_exact(self.sample_bytes()).map(|s| s.iter().fold(0, |value, &b| value << 8 | u32::from(b)))
    }

    /// Mean of all samples, from 0 to 1.
    pub fn mean(&self) -> f64 {
        let most = if self.sample_bytes() == 2 { 65535.0 } else { 255.0 };
        let (sum, count) = self.values().fold((0.0, 0.0), |(sum, count), v| (sum + f64::from(v), count + 1.0));
        sum / count / most
    }
}

/// The chunks before the first IDAT. Checks the signature, and that the file ends with IEND and nothing after it.
fn head(bytes: &[u8]) -> Result<Vec<Chunk>, String> {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n").ok_or("no PNG")?;
    let mut chunks = Vec::new();
    let mut data_seen = false;
    loop {
        let (length, after) = rest.split_first_chunk::<4>().ok_or("ends without IEND")?;
        let length = u32::from_be_bytes(*length) as usize;
        let (kind, after) = after.split_first_chunk::<4>().ok_or("ends within a chunk")?;
        let data = after.get(..length).ok_or("ends within a chunk")?;
        rest = after.get(length + 4..).ok_or("ends within a chunk")?;
        match kind {
            b"IDAT" => data_seen = true,
            b"IEND" if rest.is_empty() => return Ok(chunks),
            b"IEND" => return Err(format!("{} bytes after IEND", rest.len())),
            _ if data_seen => {}
            _ => chunks.push(Chunk { kind: String::from_utf8_lossy(kind).into_owned(), data: data.to_vec() }),
        }
    }
}

//! PNG chunks: length, kind, data, CRC-32 of kind and data.

use td_protocol::probe::HeaderChunk;

use super::Shape;

/// The first eight bytes of every PNG.
pub(super) const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// No chunk is longer (PNG, section 5.3).
const MAX_DATA: usize = 0x7fff_ffff;

/// A chunk before IDAT: one that tells about the pixels and without which they can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub kind: [u8; 4],
    pub data: Vec<u8>,
}

/// A chunk that may not be put before the pixels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?} is no PNG chunk that may stand before the pixels")]
pub struct BadChunk {
    pub kind: String,
}

impl TryFrom<&HeaderChunk> for Chunk {
    type Error = BadChunk;

    /// Only ancillary chunks (first letter lower case) are let in: IHDR, IDAT and IEND are td's to write.
    fn try_from(chunk: &HeaderChunk) -> Result<Self, BadChunk> {
        let bad = || BadChunk { kind: chunk.kind.clone() };
        let kind: [u8; 4] = chunk.kind.as_bytes().try_into().map_err(|_| bad())?;
        let letters = kind.iter().all(u8::is_ascii_alphabetic);
        if !letters || !kind[0].is_ascii_lowercase() || !kind[2].is_ascii_uppercase() {
            return Err(bad());
        }
        let data = hex::decode(&chunk.data).map_err(|_| bad())?;
        if data.len() > MAX_DATA {
            return Err(bad());
        }
        Ok(Self { kind, data })
    }
}

/// Reads the chunks between IHDR and the first IDAT of a PNG file; `None` if `png` is not one.
#[must_use]
pub fn chunks_before_idat(png: &[u8]) -> Option<Vec<Chunk>> {
    let mut rest = png.strip_prefix(&SIGNATURE)?;
    let mut chunks = Vec::new();
    loop {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let (data, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        let (crc, after) = after.split_first_chunk::<4>()?;
        if u32::from_be_bytes(*crc) != crc32(&[kind, data]) {
            return None;
        }
        match kind {
            b"IHDR" => {}
            b"IDAT" => return Some(chunks),
            _ => chunks.push(Chunk { kind: *kind, data: data.to_vec() }),
        }
        rest = after;
    }
}

/// What stands before a chunk's data. `len` is below 2^31.
pub(super) fn head(kind: [u8; 4], len: u32) -> [u8; 8] {
    let [l0, l1, l2, l3] = len.to_be_bytes();
    let [k0, k1, k2, k3] = kind;
    [l0, l1, l2, l3, k0, k1, k2, k3]
}

/// Appends a whole chunk.
pub(super) fn push(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend(head(kind, data.len() as u32));
    out.extend(data);
    out.extend(crc32(&[&kind, data]).to_be_bytes());
}

/// The data of IHDR: size, depth, colour type, deflate, the five filters, no interlace.
pub(super) fn ihdr(shape: Shape) -> [u8; 13] {
    let mut data = [0; 13];
    data[..4].copy_from_slice(&shape.width.to_be_bytes());
    data[4..8].copy_from_slice(&shape.height.to_be_bytes());
    data[8] = (shape.format.depth.bytes() * 8) as u8;
    data[9] = shape.format.png_color_type();
    data
}

/// CRC-32 as PNG has it, of several pieces one after the other.
pub(super) fn crc32(pieces: &[&[u8]]) -> u32 {
    let mut crc = flate2::Crc::new();
    for piece in pieces {
        crc.update(piece);
    }
    crc.sum()
}

//! The PNG from the spool's chunks.

use std::io::Write;
use std::time::SystemTime;

use td_protocol::segment::FINAL_BLOCK;

use super::chunk::{self, Chunk};
use super::date;
use super::error::ComposeError;
use super::spool::Spool;

/// RFC 1950: deflate with a window of 32 KiB, default compression, no dictionary; as zlib writes it.
const ZLIB_HEADER: [u8; 2] = [0x78, 0x9c];

/// Writes the image that `spool` holds as PNG. `chunks` come before the pixels, the date in them brought to `now`. Returns the
/// bytes written.
///
/// # Errors
/// [`ComposeError`] where rows are missing or `out` takes no more.
pub fn write_png<W: Write>(out: &mut W, chunks: &[Chunk], spool: &Spool, now: SystemTime) -> Result<u64, ComposeError> {
    let mut head = chunk::SIGNATURE.to_vec();
    chunk::push(&mut head, *b"IHDR", &chunk::ihdr(spool.shape()));
    for chunk in chunks {
        chunk::push(&mut head, chunk.kind, &date::with_date(chunk, now));
    }
    chunk::push(&mut head, *b"IDAT", &ZLIB_HEADER);
    out.write_all(&head).map_err(ComposeError::Write)?;

    let joined = spool.copy_chunks(out)?;

    let mut end = FINAL_BLOCK.to_vec();
    end.extend(joined.adler32.to_be_bytes());
    let mut tail = Vec::new();
    chunk::push(&mut tail, *b"IDAT", &end);
    chunk::push(&mut tail, *b"IEND", &[]);
    out.write_all(&tail).map_err(ComposeError::Write)?;
    Ok(head.len() as u64 + joined.bytes + tail.len() as u64)
}

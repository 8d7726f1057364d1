//! How far a picture is, from the spool of a master that may be at work on it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use td_protocol::rows::Rows;

use super::Shape;
use super::record::{self, FILE_HEADER_LEN, RECORD_HEADER_LEN, RecordHead};
use super::settled::Settled;
use super::spool::{CHUNK_FRAME_LEN, entry_of};

/// The rows that a spool lacks, by the heads of its records alone: quick, and for showing only. Whether the rows are good
/// is found by [`Spool::reopen`](super::Spool::reopen).
///
/// # Errors
/// When there is no spool of an image of this shape.
pub fn missing_rows_in(path: &Path, shape: Shape) -> io::Result<Vec<Rows>> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut head = [0; FILE_HEADER_LEN];
    file.read_exact_at(&mut head, 0)?;
    if head != record::file_header(shape) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "another image's rows"));
    }
    let mut settled = Settled::default();
    let mut at = FILE_HEADER_LEN as u64;
    let mut header = [0; RECORD_HEADER_LEN];
    while len.saturating_sub(at) >= RECORD_HEADER_LEN as u64 {
        file.read_exact_at(&mut header, at)?;
        let Some(head) = record::read_record_header(&header) else { break };
        let offset = at + RECORD_HEADER_LEN as u64;
        let (meta, maker) = match head {
            RecordHead::Rows(meta, maker) => (meta, maker),
            RecordHead::Refused(maker) => {
                settled.remove(maker);
                at = offset;
                continue;
            }
        };
        let end = meta.len.checked_add(CHUNK_FRAME_LEN).and_then(|chunk| offset.checked_add(chunk));
        let Some(end) = end.filter(|end| *end <= len) else { break };
        if shape.rows().contains(meta.rows) {
            settled.insert(entry_of(&meta, maker, offset));
        }
        at = end;
    }
    Ok(settled.missing_in(shape.rows()))
}

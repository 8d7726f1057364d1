//! The spool file's layout. It describes itself, so that the index can be made again from it after a crash.
//!
//! A file header, then records, each a record header and the segment as a complete IDAT chunk (length, `IDAT`, data,
//! CRC-32), which is copied into the PNG as it is; or a record header alone, which takes rows back. All numbers are big-endian. Both headers end in the CRC-32 of the
//! bytes before it; a record that was not written to its end is found by that, or by the chunk's own CRC.

use td_protocol::hash::ContentHash;
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;
use td_protocol::segment::SegmentMeta;

use super::maker::Maker;
use super::{Shape, chunk};

/// Version 2 of the layout: rows tell who made them, and can be taken back.
const FILE_MAGIC: [u8; 8] = *b"tdspool2";
const ROWS_MAGIC: [u8; 4] = *b"rows";
const REFUSED_MAGIC: [u8; 4] = *b"gone";

/// Magic, width, height, bytes per sample, grey, alpha, a zero, CRC.
pub(super) const FILE_HEADER_LEN: usize = 24;
/// Magic, maker, first row, row after the last, length, raw length, Adler-32, SHA-256, CRC.
pub(super) const RECORD_HEADER_LEN: usize = 76;

/// What a record's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordHead {
    /// A segment follows as an IDAT chunk.
    Rows(SegmentMeta, Maker),
    /// Nothing follows: all rows of this maker in the records before are wrong.
    Refused(Maker),
}

pub(super) fn file_header(shape: Shape) -> [u8; FILE_HEADER_LEN] {
    let PixelFormat { depth, grey, alpha } = shape.format;
    let depth = match depth {
        Depth::Eight => 1,
        Depth::Sixteen => 2,
    };
    let mut header = Fields::new();
    header.put(&FILE_MAGIC);
    header.put(&shape.width.to_be_bytes());
    header.put(&shape.height.to_be_bytes());
    header.put(&[depth, u8::from(grey), u8::from(alpha), 0]);
    header.close()
}

pub(super) fn record_header(head: &RecordHead) -> [u8; RECORD_HEADER_LEN] {
    let mut header = Fields::new();
    match head {
        RecordHead::Rows(meta, maker) => {
            header.put(&ROWS_MAGIC);
            header.put(&maker.0.to_be_bytes());
            header.put(&meta.rows.start.to_be_bytes());
            header.put(&meta.rows.end.to_be_bytes());
            header.put(&meta.len.to_be_bytes());
            header.put(&meta.raw_len.to_be_bytes());
            header.put(&meta.adler32.to_be_bytes());
            header.put(&meta.sha256.0);
        }
        RecordHead::Refused(maker) => {
            header.put(&REFUSED_MAGIC);
            header.put(&maker.0.to_be_bytes());
            header.put(&[0; RECORD_HEADER_LEN - 16]);
        }
    }
    header.close()
}

/// `None` for what is not a whole record header.
pub(super) fn read_record_header(bytes: &[u8; RECORD_HEADER_LEN]) -> Option<RecordHead> {
    let (fields, crc) = bytes.split_last_chunk::<4>()?;
    if chunk::crc32(&[fields]) != u32::from_be_bytes(*crc) {
        return None;
    }
    let (magic, fields) = fields.split_first_chunk::<4>()?;
    let (maker, fields) = fields.split_first_chunk::<8>()?;
    let maker = Maker(u64::from_be_bytes(*maker));
    if *magic == REFUSED_MAGIC {
        return Some(RecordHead::Refused(maker));
    }
    let (start, fields) = fields.split_first_chunk::<4>()?;
    let (end, fields) = fields.split_first_chunk::<4>()?;
    let (len, fields) = fields.split_first_chunk::<8>()?;
    let (raw_len, fields) = fields.split_first_chunk::<8>()?;
    let (adler32, fields) = fields.split_first_chunk::<4>()?;
    let sha256 = fields.first_chunk::<32>()?;
    let meta = SegmentMeta {
        rows: Rows::new(u32::from_be_bytes(*start), u32::from_be_bytes(*end)),
        len: u64::from_be_bytes(*len),
        raw_len: u64::from_be_bytes(*raw_len),
        adler32: u32::from_be_bytes(*adler32),
        sha256: ContentHash(*sha256),
    };
    (*magic == ROWS_MAGIC).then_some(RecordHead::Rows(meta, maker))
}

/// A header of `N` bytes that is filled from the front.
struct Fields<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Fields<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    fn put(&mut self, field: &[u8]) {
        self.bytes[self.len..self.len + field.len()].copy_from_slice(field);
        self.len += field.len();
    }

    /// Puts the CRC over all fields last.
    fn close(mut self) -> [u8; N] {
        let crc = chunk::crc32(&[&self.bytes[..self.len]]);
        self.put(&crc.to_be_bytes());
        self.bytes
    }
}

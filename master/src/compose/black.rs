//! Rows that nobody asked for (outside `+SR` and `+ER`) are black in POV-Ray's file: opaque black, with `+UA` too.

use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;

use super::encode::SegmentEncoder;
use super::{Segment, Shape};

const SUB: u8 = 1;
const UP: u8 = 2;

/// So many inflated bytes make one segment of black, at least a row.
const SEGMENT_RAW_LEN: u64 = 4 << 20;

/// Black `rows` as one segment.
#[must_use]
pub fn black_segment(rows: Rows, width: u32, format: PixelFormat) -> Segment {
    let mut encoder = SegmentEncoder::new();
    let row = black_row(width, format);
    for at in 0..rows.len() {
        encoder.push(if at == 0 { &row.first } else { &row.next });
    }
    encoder.finish(rows)
}

/// The segments that make up black `rows`. All but the last have the same bytes, so there is little to compute.
pub(super) fn black_segments(rows: Rows, shape: Shape) -> impl Iterator<Item = Segment> {
    let row_len = 1 + shape.format.row_bytes(shape.width);
    let step = u32::try_from(SEGMENT_RAW_LEN / row_len).unwrap_or(u32::MAX).max(1);
    let mut last: Option<Segment> = None;
    let mut at = rows.start;
    std::iter::from_fn(move || {
        if at >= rows.end {
            return None;
        }
        let piece = Rows::new(at, at.saturating_add(step).min(rows.end));
        at = piece.end;
        let mut segment = last
            .take()
            .filter(|last| last.meta.rows.len() == piece.len())
            .unwrap_or_else(|| black_segment(piece, shape.width, shape.format));
        segment.meta.rows = piece;
        last = Some(segment.clone());
        Some(segment)
    })
}

struct BlackRow {
    first: Vec<u8>,
    next: Vec<u8>,
}

/// Filtered so that nearly all is zero: the first pixel, then no difference to the left; then none to the row above.
fn black_row(width: u32, format: PixelFormat) -> BlackRow {
    let len = 1 + width as usize * format.bytes_per_pixel() as usize;
    let mut first = vec![0; len];
    first[0] = SUB;
    if format.alpha && width > 0 {
        let pixel = format.bytes_per_pixel() as usize;
        let sample = format.depth.bytes() as usize;
        first[1 + pixel - sample..=pixel].fill(0xff);
    }
    let mut next = vec![0; len];
    next[0] = UP;
    BlackRow { first, next }
}

//! A segment of which some rows are settled already: the others are taken out of it.
//!
//! This is rare (a strip that was given up and cut elsewhere), so it may cost a decode and an encode. Only the first row
//! of each part needs another filter, because it may not look at the row above it; the rest keep their bytes.

use td_protocol::rows::Rows;
use td_protocol::segment::SegmentError;

use super::encode::SegmentEncoder;
use super::unfilter::{SUB, each_row};
use super::{Segment, Shape};

/// New segments of the rows `keep` (top down, within the segment's rows).
pub(super) fn keep_rows(segment: &Segment, shape: Shape, keep: &[Rows]) -> Result<Vec<Segment>, SegmentError> {
    let pixel = shape.format.bytes_per_pixel() as usize;
    let mut parts = keep.iter().copied().peekable();
    let mut encoder = SegmentEncoder::new();
    let mut kept = Vec::new();
    each_row(&segment.meta, &segment.data, shape, |at, filtered, plain| {
        let Some(part) = parts.peek().copied().filter(|part| part.start <= at) else { return };
        if at == part.start {
            encoder.push(&with_sub_filter(plain, pixel));
        } else {
            encoder.push(filtered);
        }
        if at + 1 == part.end {
            kept.push(std::mem::replace(&mut encoder, SegmentEncoder::new()).finish(part));
            parts.next();
        }
    })?;
    Ok(kept)
}

fn with_sub_filter(plain: &[u8], pixel: usize) -> Vec<u8> {
    let differences =
        plain.iter().enumerate().map(|(at, byte)| byte.wrapping_sub(if at < pixel { 0 } else { plain[at - pixel] }));
    std::iter::once(SUB).chain(differences).collect()
}

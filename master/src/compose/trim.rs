//! A segment of which some rows are settled already: the others are taken out of it.
//!
//! This is rare (a strip that was given up and cut elsewhere), so it may cost a decode and an encode. Only the first row
//! of each part needs another filter, because it may not look at the row above it; the rest keep their bytes.

use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentError, check_segment_with};

use super::encode::SegmentEncoder;
use super::{Segment, Shape};

const NONE: u8 = 0;
const SUB: u8 = 1;
const UP: u8 = 2;
const AVERAGE: u8 = 3;
const PAETH: u8 = 4;

/// New segments of the rows `keep` (top down, within the segment's rows).
pub(super) fn keep_rows(segment: &Segment, shape: Shape, keep: &[Rows]) -> Result<Vec<Segment>, SegmentError> {
    let rows = segment.meta.rows;
    let pixel = shape.format.bytes_per_pixel() as usize;
    let row_len = shape.width as usize * pixel;
    let mut above = vec![0; row_len];
    let mut current = Vec::with_capacity(1 + row_len);
    let mut at = rows.start;
    let mut parts = keep.iter().copied().peekable();
    let mut encoder = SegmentEncoder::new();
    let mut kept = Vec::new();
    check_segment_with(&segment.meta, &segment.data, shape.width, shape.format, rows, |mut bytes| {
        while !bytes.is_empty() {
            let (more, rest) = bytes.split_at(bytes.len().min(1 + row_len - current.len()));
            current.extend_from_slice(more);
            bytes = rest;
            if current.len() <= row_len {
                return;
            }
            let filtered = std::mem::replace(&mut current, Vec::with_capacity(1 + row_len));
            let plain = without_filter(&filtered, &above, pixel);
            if let Some(part) = parts.peek().copied()
                && part.start <= at
            {
                if at == part.start {
                    encoder.push(&with_sub_filter(&plain, pixel));
                } else {
                    encoder.push(&filtered);
                }
                if at + 1 == part.end {
                    kept.push(std::mem::replace(&mut encoder, SegmentEncoder::new()).finish(part));
                    parts.next();
                }
            }
            above = plain;
            at += 1;
        }
    })?;
    Ok(kept)
}

/// The samples of a row (PNG, section 9.2). `filtered` starts with the filter's byte.
pub(super) fn without_filter(filtered: &[u8], above: &[u8], pixel: usize) -> Vec<u8> {
    let Some((&filter, bytes)) = filtered.split_first() else {
        return Vec::new();
    };
    let mut plain = bytes.to_vec();
    if filter == NONE {
        return plain;
    }
    for at in 0..plain.len() {
        let left = if at < pixel { 0 } else { plain[at - pixel] };
        let up = above[at];
        let up_left = if at < pixel { 0 } else { above[at - pixel] };
        let predicted = match filter {
            SUB => left,
            UP => up,
            AVERAGE => u8::midpoint(left, up),
            PAETH => paeth(left, up, up_left),
            _ => 0,
        };
        plain[at] = plain[at].wrapping_add(predicted);
    }
    plain
}

fn with_sub_filter(plain: &[u8], pixel: usize) -> Vec<u8> {
    let differences =
        plain.iter().enumerate().map(|(at, byte)| byte.wrapping_sub(if at < pixel { 0 } else { plain[at - pixel] }));
    std::iter::once(SUB).chain(differences).collect()
}

/// Whichever of the three is nearest to left + up - up-left (PNG, section 9.4).
fn paeth(left: u8, up: u8, up_left: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(up_left);
    let distance = |value: u8| (estimate - i16::from(value)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(up_left) {
        left
    } else if distance(up) <= distance(up_left) {
        up
    } else {
        up_left
    }
}

//! A segment's rows without PNG's filters.

use td_protocol::segment::{SegmentError, SegmentMeta, check_segment_with};

use super::Shape;

const NONE: u8 = 0;
pub(super) const SUB: u8 = 1;
const UP: u8 = 2;
const AVERAGE: u8 = 3;
const PAETH: u8 = 4;

/// Checks a segment and calls `row` with each of its rows, top down: its number in the picture, its bytes as they are in the
/// segment (the filter's byte first), and its samples without the filter.
///
/// # Errors
/// [`SegmentError`] for what is no segment of these rows.
pub(super) fn each_row(
    meta: &SegmentMeta,
    data: &[u8],
    shape: Shape,
    mut row: impl FnMut(u32, &[u8], &[u8]),
) -> Result<(), SegmentError> {
    let pixel = shape.format.bytes_per_pixel() as usize;
    let row_len = shape.format.row_bytes(shape.width) as usize;
    let mut above = vec![0; row_len];
    let mut current = Vec::with_capacity(1 + row_len);
    let mut at = meta.rows.start;
    check_segment_with(meta, data, shape.width, shape.format, meta.rows, |mut bytes| {
        while !bytes.is_empty() {
            let (more, rest) = bytes.split_at(bytes.len().min(1 + row_len - current.len()));
            current.extend_from_slice(more);
            bytes = rest;
            if current.len() <= row_len {
                return;
            }
            let plain = without_filter(&current, &above, pixel);
            row(at, &current, &plain);
            above = plain;
            current.clear();
            at += 1;
        }
    })
}

/// The samples of a row (PNG, section 9.2). `filtered` starts with the filter's byte.
fn without_filter(filtered: &[u8], above: &[u8], pixel: usize) -> Vec<u8> {
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

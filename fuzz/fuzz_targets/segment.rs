//! What an agent sends as a segment: refused or inflating to exactly its rows; never a panic, never more memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use td_protocol::hash::ContentHash;
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentMeta, check_segment, check_segment_with, raw_len};

fuzz_target!(|data: &[u8]| {
    let Some((head, data)) = data.split_first_chunk::<12>() else { return };
    let [width, start, rows, shape, adler @ .., lies, wrong] = *head;
    let [a, b, c, d, _, _] = adler;
    let width = u32::from(width) + 1;
    let rows = Rows::new(u32::from(start), u32::from(start) + u32::from(rows % 64));
    let depth = if shape & 1 == 0 { Depth::Eight } else { Depth::Sixteen };
    let format = PixelFormat { depth, grey: shape & 2 != 0, alpha: shape & 4 != 0 };
    let raw = raw_len(rows, width, format).unwrap_or(0);
    let mut meta = SegmentMeta::describe(rows, data, raw, u32::from_be_bytes([a, b, c, d]));
    // An honest hash and honest lengths most of the time, or nothing would come as far as the inflater.
    match lies % 16 {
        1 => meta.raw_len = meta.raw_len.wrapping_add(u64::from(wrong)),
        2 => meta.len = meta.len.wrapping_sub(u64::from(wrong)),
        3 => meta.rows.end = meta.rows.end.wrapping_sub(u32::from(wrong)),
        4 => meta.sha256 = ContentHash::of(&[wrong]),
        5 => meta.raw_len = u64::MAX,
        _ => {}
    }
    let mut seen: u64 = 0;
    let checked = check_segment_with(&meta, data, width, format, rows, |pixels| seen += pixels.len() as u64);
    assert_eq!(checked, check_segment(&meta, data, width, format, rows));
    // The byte that shows that there is one too many is not handed over.
    assert!(seen <= raw, "{seen} bytes were shown of {raw}");
    if checked.is_ok() {
        assert_eq!(seen, raw);
    }
});

//! The segment checker: each fault has its own error, nothing panics, and its verdict on where a segment ends is that
//! of a second, naive inflater that follows RFC 1951 bit by bit.

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use td_protocol::hash::ContentHash;
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;
use td_protocol::segment::{
    FINAL_BLOCK, SegmentError, SegmentMeta, adler32, adler32_combine, check_segment, check_segment_with,
};

#[path = "support/naive_inflate.rs"]
mod naive_inflate;

const GREY8: PixelFormat = PixelFormat { depth: Depth::Eight, grey: true, alpha: false };

/// Raw deflate with a sync flush at the end, as agents make it.
fn deflate(raw: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = Compress::new(Compression::new(level), false);
    let mut data = Vec::with_capacity(raw.len() * 2 + 1024);
    encoder.compress_vec(raw, &mut data, FlushCompress::Sync).unwrap();
    assert_eq!(encoder.total_in(), raw.len() as u64);
    data
}

fn describe(rows: Rows, data: &[u8], raw: &[u8]) -> SegmentMeta {
    SegmentMeta::describe(rows, data, raw.len() as u64, adler32(raw))
}

/// `count` rows of a grey picture, with filters that a segment may have.
fn picture(width: u32, count: u32) -> Vec<u8> {
    let mut raw = Vec::new();
    for row in 0..count {
        raw.push(if row == 0 { 1 } else { (row % 5) as u8 });
        raw.extend((0..width).map(|x| ((x * row) >> 3) as u8));
    }
    raw
}

fn sample() -> (Rows, Vec<u8>, Vec<u8>) {
    let raw = picture(200, 32);
    let data = deflate(&raw, 6);
    (Rows::new(64, 96), raw, data)
}

fn verdict(meta: &SegmentMeta, data: &[u8]) -> Result<(), SegmentError> {
    check_segment(meta, data, 200, GREY8, Rows::new(64, 96))
}

#[test]
fn a_whole_segment_is_taken_and_its_pixels_are_handed_on() {
    let (rows, raw, data) = sample();
    let mut seen = Vec::new();
    check_segment_with(&describe(rows, &data, &raw), &data, 200, GREY8, rows, |bytes| seen.extend_from_slice(bytes))
        .unwrap();
    assert_eq!(seen, raw);
}

#[test]
fn every_level_and_length_around_the_buffer_size_is_taken() {
    // One row, so that the raw length is the width and the filter byte.
    for raw_len in [2, 3, 65_534, 65_535, 65_536, 65_537, 65_538, 131_071, 131_072, 131_073, 200_000] {
        for level in [0, 1, 6, 9] {
            let mut raw: Vec<u8> = (0..raw_len).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
            raw[0] = 0;
            let data = deflate(&raw, level);
            let rows = Rows::new(0, 1);
            check_segment(&describe(rows, &data, &raw), &data, raw_len - 1, GREY8, rows)
                .unwrap_or_else(|error| panic!("{raw_len} bytes at level {level}: {error}"));
        }
    }
}

#[test]
fn garbage() {
    let (rows, raw, _) = sample();
    let data = b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec();
    let error = verdict(&describe(rows, &data, &raw), &data).unwrap_err();
    assert!(matches!(error, SegmentError::Garbage { .. }), "{error:?}");
    assert!(error.to_string().starts_with("rows 65 to 96: the segment is not deflate data: "), "{error}");
}

#[test]
fn half_a_segment_that_says_it_is_whole() {
    let (rows, raw, data) = sample();
    let meta = describe(rows, &data, &raw);
    let error = verdict(&meta, &data[..data.len() / 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("rows 65 to 96: half a segment: {} bytes came of {}", data.len() / 2, data.len())
    );
}

#[test]
fn any_cut_of_a_segment_is_refused_even_with_a_true_hash() {
    let (rows, raw, data) = sample();
    for cut in 0..data.len() {
        let data = &data[..cut];
        let error = verdict(&describe(rows, data, &raw), data).unwrap_err();
        assert!(
            matches!(
                error,
                SegmentError::OpenBlock { .. } | SegmentError::TooShort { .. } | SegmentError::Unaligned { .. }
            ),
            "cut at {cut}: {error:?}"
        );
    }
}

#[test]
fn a_segment_with_bytes_behind_it() {
    let (rows, raw, mut data) = sample();
    let meta = describe(rows, &data, &raw);
    data.push(0);
    assert!(matches!(verdict(&meta, &data), Err(SegmentError::Excess { .. })));
}

#[test]
fn too_many_pixels() {
    let (rows, raw, _) = sample();
    let mut longer = raw.clone();
    longer.push(0);
    let data = deflate(&longer, 6);
    let error = verdict(&describe(rows, &data, &raw), &data).unwrap_err();
    assert_eq!(error, SegmentError::TooLong { rows, needed: raw.len() as u64 });
}

#[test]
fn a_zip_bomb_is_stopped_at_the_length_that_is_due() {
    let (rows, raw, _) = sample();
    let data = deflate(&vec![0; 8 << 20], 9);
    let meta = describe(rows, &data, &raw);
    let mut seen = 0;
    let error = check_segment_with(&meta, &data, 200, GREY8, rows, |bytes| seen += bytes.len()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rows 65 to 96: the segment inflates to more than the 6432 bytes of these rows; inflating was stopped there"
    );
    assert!(seen <= raw.len());
}

#[test]
fn a_bomb_of_empty_blocks_is_refused_unread() {
    let (rows, raw, _) = sample();
    let data = [0, 0, 0, 0xff, 0xff].repeat(100_000);
    let error = verdict(&describe(rows, &data, &raw), &data).unwrap_err();
    assert!(matches!(error, SegmentError::TooLarge { .. }), "{error:?}");
}

#[test]
fn too_few_pixels() {
    let (rows, raw, _) = sample();
    let data = deflate(&raw[..raw.len() - 1], 6);
    let error = verdict(&describe(rows, &data, &raw), &data).unwrap_err();
    assert_eq!(error, SegmentError::TooShort { rows, got: raw.len() as u64 - 1, needed: raw.len() as u64 });
}

#[test]
fn wrong_rows() {
    let (_, raw, data) = sample();
    let meta = describe(Rows::new(0, 32), &data, &raw);
    let error = verdict(&meta, &data).unwrap_err();
    assert_eq!(error.to_string(), "a segment of rows 1 to 32 came where rows 65 to 96 were due");
    let none = Rows::new(5, 5);
    assert!(matches!(
        check_segment(&describe(none, &[], &[]), &[], 200, GREY8, none),
        Err(SegmentError::WrongRows { .. })
    ));
}

#[test]
fn wrong_raw_length_and_rows_that_no_number_holds() {
    let (rows, raw, data) = sample();
    let mut meta = describe(rows, &data, &raw);
    meta.raw_len += 1;
    assert!(matches!(verdict(&meta, &data), Err(SegmentError::WrongRawLength { .. })));
    let all = Rows::new(0, u32::MAX);
    meta.rows = all;
    let wide = PixelFormat { depth: Depth::Sixteen, grey: false, alpha: true };
    assert!(matches!(
        check_segment(&meta, &data, u32::MAX, wide, all),
        Err(SegmentError::WrongRawLength { needed: u64::MAX, .. })
    ));
}

#[test]
fn wrong_hash() {
    let (rows, raw, data) = sample();
    let mut meta = describe(rows, &data, &raw);
    meta.sha256 = ContentHash::of(b"another");
    assert!(matches!(verdict(&meta, &data), Err(SegmentError::WrongHash { .. })));
}

#[test]
fn wrong_adler() {
    let (rows, raw, data) = sample();
    let mut meta = describe(rows, &data, &raw);
    meta.adler32 ^= 1;
    assert!(matches!(verdict(&meta, &data), Err(SegmentError::WrongAdler { .. })));
}

#[test]
fn wrong_filters() {
    let (rows, mut raw, _) = sample();
    raw[201 * 7] = 5;
    let data = deflate(&raw, 6);
    let error = verdict(&describe(rows, &data, &raw), &data).unwrap_err();
    assert_eq!(error, SegmentError::UnknownFilter { rows, row: 72, filter: 5 });
    raw[201 * 7] = 4;
    for filter in 2..=4 {
        raw[0] = filter;
        let data = deflate(&raw, 6);
        let error = verdict(&describe(rows, &data, &raw), &data).unwrap_err();
        assert_eq!(error, SegmentError::DependentFirstRow { rows, filter });
    }
}

#[test]
fn a_final_block_is_refused_wherever_it_is() {
    let (rows, raw, data) = sample();
    let mut closed = data.clone();
    closed.extend(FINAL_BLOCK);
    assert_eq!(verdict(&describe(rows, &closed, &raw), &closed), Err(SegmentError::FinalBlock { rows }));
    closed.extend(data);
    assert_eq!(verdict(&describe(rows, &closed, &raw), &closed), Err(SegmentError::FinalBlock { rows }));
}

#[test]
fn a_segment_that_looks_back_beyond_its_start_is_refused() {
    let (rows, raw, _) = sample();
    let mut encoder = Compress::new(Compression::new(6), false);
    let mut before = Vec::with_capacity(1 << 16);
    encoder.compress_vec(&raw, &mut before, FlushCompress::Sync).unwrap();
    let mut data = Vec::with_capacity(1 << 16);
    encoder.compress_vec(&raw, &mut data, FlushCompress::Sync).unwrap();
    let error = verdict(&describe(rows, &data, &raw), &data).unwrap_err();
    assert!(matches!(error, SegmentError::Garbage { .. }), "{error:?}");
}

/// A block of fixed codes, not final, without the padding to a byte: the bits, least significant first.
fn fixed_block_bits(bytes: &[u8]) -> Vec<bool> {
    let mut bits = vec![false, true, false];
    let mut code = |value: u32, len: u32| bits.extend((0..len).rev().map(|bit| value >> bit & 1 == 1));
    for &byte in bytes {
        if byte < 144 { code(0x30 + u32::from(byte), 8) } else { code(0x190 + u32::from(byte) - 144, 9) }
    }
    code(0, 7);
    bits
}

fn pack(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(i, &bit)| u8::from(bit) << i).sum()).collect()
}

#[test]
fn every_way_to_end_inside_a_byte_is_refused() {
    let rows = Rows::new(0, 1);
    for nine_bit_codes in 0..8 {
        let mut raw = vec![0; 20];
        raw[1..=nine_bit_codes].fill(200);
        let bits = fixed_block_bits(&raw);
        let unused = (8 - bits.len() % 8) % 8;
        for pattern in 0..1_u32 << unused {
            let mut bits = bits.clone();
            bits.extend((0..unused).map(|bit| pattern >> bit & 1 == 1));
            let data = pack(&bits);
            let verdict = check_segment(&describe(rows, &data, &raw), &data, 19, GREY8, rows);
            if unused == 0 {
                verdict.unwrap();
            } else {
                assert_eq!(verdict, Err(SegmentError::Unaligned { rows }), "{unused} bits, {pattern:b}");
            }
        }
    }
}

#[test]
fn a_final_block_left_open_at_its_end_code_is_refused() {
    // One final block with codes of its own: byte 0 is `0`, byte 1 is `10`, end of block is `11`. Cut right before the
    // end code and followed by the master's 03 00, whose first bits are 1 1, this would close the stream early.
    // Tables: HLIT 257, HDIST 1, HCLEN 18; lengths of the code lengths: 1, 2 -> 2 bits, 18 -> 1 bit, 0 -> none but by 18.
    let mut bits = Vec::new();
    let mut put = |value: u32, len: u32| bits.extend((0..len).map(|bit| value >> bit & 1 == 1));
    put(1, 1);
    put(2, 2);
    put(0, 5);
    put(0, 5);
    put(18 - 4, 4);
    // Order: 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1.
    for len in [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2] {
        put(len, 3);
    }
    // Codes: 18 -> `0`, 1 -> `10`, 2 -> `11` (first bit first).
    let one = |put: &mut dyn FnMut(u32, u32)| put(0b01, 2);
    let two = |put: &mut dyn FnMut(u32, u32)| put(0b11, 2);
    one(&mut put);
    two(&mut put);
    put(0, 1);
    put(138 - 11, 7);
    put(0, 1);
    put(116 - 11, 7);
    two(&mut put);
    one(&mut put); // the only distance code
    let header = bits.clone();
    let mut refused = 0;
    for zeros in 0..16 {
        let mut bits = header.clone();
        bits.extend(std::iter::repeat_n(false, zeros));
        if bits.len() % 8 != 0 {
            continue;
        }
        let raw = vec![0; zeros];
        if zeros < 2 {
            continue;
        }
        let data = pack(&bits);
        // The trap is real: with the two bytes the stream does end here.
        let mut joined = data.clone();
        joined.extend(FINAL_BLOCK);
        let mut out = vec![0; 64];
        let mut inflate = flate2::Decompress::new(false);
        let status = inflate.decompress(&joined, &mut out, flate2::FlushDecompress::None).unwrap();
        assert_eq!((status, inflate.total_out()), (flate2::Status::StreamEnd, zeros as u64));

        let rows = Rows::new(0, 1);
        let verdict = check_segment(&describe(rows, &data, &raw), &data, zeros as u32 - 1, GREY8, rows);
        assert!(matches!(verdict, Err(SegmentError::OpenBlock { .. })), "{verdict:?}");
        refused += 1;
    }
    assert!(refused > 0);
}

/// What the naive inflater makes of `data` as a segment of one row.
fn naive_verdict(data: &[u8], raw_len: usize) -> Option<Vec<u8>> {
    let end = naive_inflate::blocks(data, raw_len)?;
    (end.bits == data.len() * 8 && !end.closed && end.output.len() == raw_len && end.output[0] <= 1)
        .then_some(end.output)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..400), width in 0..70_000_u32) {
        let rows = Rows::new(0, 3);
        let raw_len = 3 * (1 + u64::from(width));
        let meta = SegmentMeta::describe(rows, &data, raw_len, 1);
        let _ = check_segment(&meta, &data, width, GREY8, rows);
    }

    #[test]
    fn changed_segments_get_the_verdict_of_a_naive_inflater(
        raw in prop::collection::vec(0..4_u8, 1..300),
        level in 0..10_u32,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        wanted in prop::option::of(1..300_usize),
    ) {
        let mut data = deflate(&raw, level);
        for (at, bit) in changes {
            let at = at.index(data.len());
            data[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            data.truncate(cut.index(data.len() + 1));
        }
        let raw_len = wanted.unwrap_or(raw.len()).max(1);
        let rows = Rows::new(0, 1);
        let naive = naive_verdict(&data, raw_len);
        let sum = naive.as_deref().map_or(1, adler32);
        let meta = SegmentMeta::describe(rows, &data, raw_len as u64, sum);
        let verdict = check_segment(&meta, &data, raw_len as u32 - 1, GREY8, rows);
        prop_assert_eq!(verdict.is_ok(), naive.is_some(), "{:?} {:02x?}", verdict, data);
    }

    #[test]
    fn combined_sums_are_the_sum_of_the_whole(
        first in prop::collection::vec(any::<u8>(), 0..70_000),
        second in prop::collection::vec(200..=255_u8, 0..70_000),
    ) {
        let whole: Vec<u8> = first.iter().chain(&second).copied().collect();
        prop_assert_eq!(adler32_combine(adler32(&first), adler32(&second), second.len() as u64), adler32(&whole));
    }
}

#[test]
fn sums_of_nothing_change_nothing() {
    let sum = adler32(b"rows");
    assert_eq!(adler32_combine(sum, 1, 0), sum);
    assert_eq!(adler32_combine(1, sum, 4), sum);
}

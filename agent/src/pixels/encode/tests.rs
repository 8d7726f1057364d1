use flate2::{Decompress, FlushDecompress};
use proptest::prelude::*;
use td_protocol::pixel::{Depth, PixelFormat};

use super::super::unfilter::unfilter;
use super::*;

fn format(number: u8) -> PixelFormat {
    PixelFormat {
        depth: if number & 1 == 0 { Depth::Eight } else { Depth::Sixteen },
        grey: number & 2 != 0,
        alpha: number & 4 != 0,
    }
}

fn inflate(data: &[u8], raw_len: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw_len as usize + 64);
    let mut inflate = Decompress::new(false);
    inflate.decompress_vec(data, &mut out, FlushDecompress::Sync).unwrap();
    assert_eq!(inflate.total_in(), data.len() as u64);
    out
}

/// Samples that compress: a wandering value with some noise.
fn samples(row_bytes: usize, rows: usize, noise: u8, seed: u32) -> Vec<Vec<u8>> {
    let mut state = seed | 1;
    let mut value = 100_u8;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        value = value.wrapping_add(if noise == 0 { 0 } else { (state >> 24) as u8 % noise });
        value
    };
    (0..rows).map(|_| (0..row_bytes).map(|_| next()).collect()).collect()
}

proptest! {
    #[test]
    fn joined_segments_inflate_to_the_rows(
        number in 0..8_u8, width in 1..70_u32, cuts in proptest::collection::vec(1..9_usize, 1..5), noise in 0..40_u8, seed in any::<u32>(),
    ) {
        let format = format(number);
        let row_bytes = format.row_bytes(width) as usize;
        let rows = samples(row_bytes, cuts.iter().sum(), noise, seed);
        let mut encoder = SegmentEncoder::new(format, width);
        let mut joined = Vec::new();
        let mut raw_len = 0;
        let mut first = 0;
        for count in cuts {
            for row in &rows[first..first + count] {
                encoder.row(row).unwrap();
            }
            let (meta, data) = encoder.finish(first as u32).unwrap();
            prop_assert_eq!(meta.rows, Rows::new(first as u32, (first + count) as u32));
            prop_assert_eq!(meta.len, data.len() as u64);
            prop_assert_eq!(meta.raw_len, (count * (1 + row_bytes)) as u64);
            prop_assert_eq!(meta.sha256, ContentHash::of(&data));
            prop_assert_eq!(&data[data.len() - 4..], &[0, 0, 0xFF, 0xFF]);
            let alone = inflate(&data, meta.raw_len);
            prop_assert_eq!(alone.len() as u64, meta.raw_len);
            prop_assert_eq!(meta.adler32, simd_adler32::adler32(&alone.as_slice()));
            prop_assert!(alone[0] <= 1);
            raw_len += meta.raw_len;
            joined.extend_from_slice(&data);
            first += count;
        }
        let raw = inflate(&joined, raw_len);
        let mut above = vec![0; row_bytes];
        for (filtered, row) in raw.chunks_exact(1 + row_bytes).zip(&rows) {
            let mut found = filtered[1..].to_vec();
            unfilter(filtered[0], &mut found, &above, format.bytes_per_pixel() as usize).unwrap();
            prop_assert_eq!(&found, row);
            above = found;
        }
    }
}

#[test]
fn wrong_use_is_an_error() {
    let mut encoder = SegmentEncoder::new(PixelFormat::RGB8, 4);
    assert_eq!(encoder.finish(0).unwrap_err(), EncodeError::Empty);
    assert_eq!(encoder.row(&[0; 11]).unwrap_err(), EncodeError::RowLength { found: 11, expected: 12 });
    encoder.row(&[0; 12]).unwrap();
    assert!(matches!(encoder.finish(u32::MAX), Err(EncodeError::TooManyRows { .. })));
}

#[test]
fn equal_rows_give_equal_segments() {
    let rows = samples(300, 40, 9, 7);
    let mut encoder = SegmentEncoder::new(PixelFormat::RGB8, 100);
    let mut twice = || {
        rows.iter().for_each(|row| encoder.row(row).unwrap());
        encoder.finish(5).unwrap()
    };
    assert_eq!(twice(), twice());
}

//! What an agent's own work on a row takes: a node spends it beside POV-Ray, and as much on a cheap row as on a dear one.

use td_protocol::pixel::{Depth, PixelFormat};

use crate::pixels::encode::SegmentEncoder;
use crate::pixels::row_assembly::Pixel;
use crate::povray::process;

/// Rows that are tried, in runs: as in a segment each is encoded beside its neighbours.
const RUNS: usize = 4;
const ROWS_OF_A_RUN: usize = 8;

/// CPU seconds of the calling thread to pack and encode one of the rows of `width` pixels that `pixels` holds. None where it holds
/// none.
#[must_use]
pub fn seconds_per_row(pixels: &[Pixel], width: u32, format: PixelFormat) -> Option<f64> {
    let rows: Vec<&[Pixel]> = pixels.chunks_exact(usize::try_from(width.max(1)).ok()?).collect();
    let mut packed = Vec::new();
    let mut tried = 0_u32;
    let begun = process::own_thread_cpu();
    let mut encoder = SegmentEncoder::new(format, width);
    for run in 0..RUNS {
        for row in rows.iter().skip(rows.len() * run / RUNS).take(ROWS_OF_A_RUN) {
            pack(row, format, &mut packed);
            encoder.row(&packed).ok()?;
            tried += 1;
        }
    }
    encoder.finish(0).ok()?;
    Some((process::own_thread_cpu() - begun) / f64::from(tried))
}

/// Samples that are as hard to encode as the picture's, about: the picture's gamma need not be known yet.
fn pack(row: &[Pixel], format: PixelFormat, packed: &mut Vec<u8>) {
    packed.clear();
    for pixel in row {
        let colours = if format.grey { &[pixel.green][..] } else { &[pixel.red, pixel.green, pixel.blue][..] };
        let alpha = format.alpha.then_some(1.0 - pixel.transmit);
        for sample in colours.iter().copied().chain(alpha) {
            match format.depth {
                Depth::Eight => packed.push((sample * 255.0) as u8),
                Depth::Sixteen => packed.extend_from_slice(&((sample * 65535.0) as u16).to_be_bytes()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_all_formats_take_time_and_no_rows_tell_nothing() {
        let pixels = vec![Pixel { red: 0.5, green: f32::NAN, blue: 7.0, transmit: -1.0 }; 64 * 11];
        for depth in [Depth::Eight, Depth::Sixteen] {
            for (grey, alpha) in [(false, false), (false, true), (true, false), (true, true)] {
                let format = PixelFormat { depth, grey, alpha };
                assert!(seconds_per_row(&pixels, 64, format).unwrap() > 0.0);
                assert_eq!(seconds_per_row(&pixels[..63], 64, format), None);
            }
        }
        let format = PixelFormat { depth: Depth::Eight, grey: false, alpha: false };
        assert_eq!(seconds_per_row(&[], 0, format), None);
    }
}

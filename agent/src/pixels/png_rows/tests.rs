use proptest::prelude::*;
use td_protocol::pixel::PixelFormat;

use super::*;

fn png(width: u32, height: u32, format: PixelFormat, filter: png::Filter, samples: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(match (format.grey, format.alpha) {
        (true, false) => png::ColorType::Grayscale,
        (false, false) => png::ColorType::Rgb,
        (true, true) => png::ColorType::GrayscaleAlpha,
        (false, true) => png::ColorType::Rgba,
    });
    encoder.set_depth(if format.depth == Depth::Eight { png::BitDepth::Eight } else { png::BitDepth::Sixteen });
    encoder.set_filter(filter);
    encoder.add_text_chunk("Software".to_owned(), "a test".to_owned()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    out
}

/// Gives its bytes in pieces of one size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(out.len()).min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

proptest! {
    #[test]
    fn rows_come_out_as_they_went_in(
        (width, height) in (1..40_u32, 1..30_u32), number in 0..8_u8, filter in 0..6_usize, piece in 1..300_usize,
        seed in proptest::collection::vec(any::<u8>(), 64), skip in 0..30_u32,
    ) {
        let format = PixelFormat {
            depth: if number & 1 == 0 { Depth::Eight } else { Depth::Sixteen }, grey: number & 2 != 0, alpha: number & 4 != 0,
        };
        let filters = [png::Filter::NoFilter, png::Filter::Sub, png::Filter::Up, png::Filter::Avg, png::Filter::Paeth, png::Filter::Adaptive];
        let row_bytes = format.row_bytes(width) as usize;
        let samples: Vec<u8> = seed.iter().copied().cycle().take(row_bytes * height as usize).collect();
        let file = png(width, height, format, filters[filter], &samples);
        let mut rows = PngRows::open(Pieces(&file, piece)).unwrap();
        prop_assert_eq!((rows.width(), rows.height(), rows.format()), (width, height, format));
        prop_assert_eq!(rows.chunks().iter().map(|chunk| &chunk.kind).collect::<Vec<_>>(), [b"IHDR", b"tEXt"]);
        prop_assert_eq!(&rows.chunks()[1].data, b"Software\0a test");
        let skip = skip.min(height - 1);
        rows.skip_to(skip).unwrap();
        for expected in samples.chunks_exact(row_bytes).skip(skip as usize) {
            prop_assert_eq!(rows.next_row().unwrap().unwrap(), expected);
        }
        prop_assert!(rows.next_row().unwrap().is_none());
        prop_assert!(rows.skip_to(height + 1).is_err());
    }

    #[test]
    fn damage_never_panics(at in any::<u16>(), bits in 1..=255_u8, cut in any::<Option<u16>>()) {
        let format = PixelFormat::RGB8;
        let samples: Vec<u8> = (0..30 * 20 * 3).map(|n| (n * n / 7) as u8).collect();
        let mut file = png(30, 20, format, png::Filter::Paeth, &samples);
        let at = usize::from(at) % file.len();
        file[at] ^= bits;
        if let Some(cut) = cut {
            file.truncate(usize::from(cut) % file.len());
        }
        if let Ok(mut rows) = PngRows::open(file.as_slice()) {
            while let Ok(Some(_)) = rows.next_row() {}
        }
    }
}

#[test]
fn other_kinds_are_refused() {
    assert!(matches!(PngRows::open(b"P6 1 1 255".as_slice()), Err(PngError::Damaged(_))));
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 2, 2);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette([0, 0, 0].as_slice());
    encoder.write_header().unwrap().write_image_data(&[0; 4]).unwrap();
    assert!(matches!(PngRows::open(out.as_slice()), Err(PngError::Unsupported(_))));
}

//! Pictures, segments of them as agents make them, and readers that are not ours.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::Path;
use std::process::Command;

use flate2::{Compress, Compression, FlushCompress};
use td::compose::{Segment, Shape, Spool};
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentMeta, adler32};

pub const ALL_FORMATS: [PixelFormat; 8] = {
    const fn of(depth: Depth, grey: bool, alpha: bool) -> PixelFormat {
        PixelFormat { depth, grey, alpha }
    }
    [
        of(Depth::Eight, false, false),
        of(Depth::Eight, false, true),
        of(Depth::Eight, true, false),
        of(Depth::Eight, true, true),
        of(Depth::Sixteen, false, false),
        of(Depth::Sixteen, false, true),
        of(Depth::Sixteen, true, false),
        of(Depth::Sixteen, true, true),
    ]
};

/// Samples row by row, as PNG orders them.
#[derive(Debug, Clone)]
pub struct Picture {
    pub shape: Shape,
    pub samples: Vec<u8>,
}

impl Picture {
    /// Smooth with some noise, different for each seed.
    pub fn new(width: u32, height: u32, format: PixelFormat, seed: u32) -> Self {
        let shape = Shape { width, height, format };
        let row = format.row_bytes(width) as u32;
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let samples = (0..row * height)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((at % row) / 3 + at / row * 2 + (state >> 29)) as u8
            })
            .collect();
        Self { shape, samples }
    }

    pub fn row(&self, row: u32) -> &[u8] {
        let len = self.shape.format.row_bytes(self.shape.width) as usize;
        &self.samples[row as usize * len..][..len]
    }

    /// The rows with PNG's filters; `choose` gives each row's, the first one's modulo 2.
    pub fn filtered(&self, rows: Rows, choose: impl Fn(u32) -> u8) -> Vec<u8> {
        let pixel = self.shape.format.bytes_per_pixel() as usize;
        let mut raw = Vec::new();
        for row in rows.start..rows.end {
            let filter = if row == rows.start { choose(row) % 2 } else { choose(row) % 5 };
            let current = self.row(row);
            // The first row's filter does not look at it.
            let above = if row == 0 { current } else { self.row(row - 1) };
            raw.push(filter);
            for at in 0..current.len() {
                let left = if at < pixel { 0 } else { current[at - pixel] };
                let up_left = if at < pixel { 0 } else { above[at - pixel] };
                let predicted = match filter {
                    0 => 0,
                    1 => left,
                    2 => above[at],
                    3 => ((u16::from(left) + u16::from(above[at])) / 2) as u8,
                    _ => paeth(left, above[at], up_left),
                };
                raw.push(current[at].wrapping_sub(predicted));
            }
        }
        raw
    }

    pub fn segment(&self, rows: Rows) -> Segment {
        self.segment_with(rows, |row| (row * 7 % 5) as u8, 6)
    }

    pub fn segment_with(&self, rows: Rows, choose: impl Fn(u32) -> u8, level: u32) -> Segment {
        deflated(rows, &self.filtered(rows, choose), level)
    }
}

/// `raw` as an agent's segment.
pub fn deflated(rows: Rows, raw: &[u8], level: u32) -> Segment {
    let mut encoder = Compress::new(Compression::new(level), false);
    let mut data = Vec::with_capacity(raw.len() + raw.len() / 8 + 1024);
    encoder.compress_vec(raw, &mut data, FlushCompress::Sync).unwrap();
    assert_eq!(encoder.total_in(), raw.len() as u64);
    let meta = SegmentMeta::describe(rows, &data, raw.len() as u64, adler32(raw));
    Segment { meta, data }
}

pub fn add(spool: &Spool, segment: &Segment) -> Vec<Rows> {
    spool.check_and_add(segment.meta.rows, &segment.meta, &segment.data).unwrap().settled
}

/// A spool in `folder` that holds the whole picture in bands of `step` rows.
pub fn spool_of(picture: &Picture, folder: &Path, step: u32) -> Spool {
    let spool = Spool::create(&folder.join("spool"), picture.shape).unwrap();
    let height = picture.shape.height;
    for start in (0..height).step_by(step as usize) {
        add(&spool, &picture.segment(Rows::new(start, (start + step).min(height))));
    }
    assert!(spool.is_complete());
    spool
}

/// Samples as the `png` crate reads them, as they are in the file.
pub fn read_png(bytes: &[u8]) -> (png::Info<'static>, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut samples).unwrap();
    reader.finish().unwrap();
    (reader.info().clone(), samples)
}

/// Runs a program that a test needs; says what to install when it is not there.
#[track_caller]
pub fn run(program: &str, package: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; install it: apt-get install {package}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{program} {args:?}: {}\n{errors}\n{said:.500}", output.status);
    output.stdout
}

fn paeth(left: u8, up: u8, up_left: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(up_left);
    [left, up, up_left].into_iter().min_by_key(|&value| (estimate - i16::from(value)).abs()).unwrap()
}

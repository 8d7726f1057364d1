//! Segments in, picture out: every row once, in order, whatever came how often and when.

mod compose_support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use compose_support::{ALL_FORMATS, Picture, add, deflated, read_png, run, spool_of};
use proptest::prelude::*;
use td::compose::{
    Chunk, ComposeError, Segment, Shape, Spool, SpoolError, black_segment, chunks_before_idat, write_png,
};
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::probe::HeaderChunk;
use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentError, check_segment};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_365_181)
}

fn png_of(spool: &Spool, chunks: &[Chunk]) -> Vec<u8> {
    let mut out = Vec::new();
    let written = write_png(&mut out, chunks, spool, now()).unwrap();
    assert_eq!(written, out.len() as u64);
    out
}

/// What POV-Ray writes before the pixels, for RGB with 8 bits.
fn povray_chunks() -> Vec<Chunk> {
    [
        (b"gAMA", &[0, 0, 0xb1, 0x8f][..]),
        (b"sRGB", &[0]),
        (b"oFFs", &[0; 9]),
        (b"tIME", &[0x07, 0xd0, 1, 2, 3, 4, 5]),
        (b"tEXt", b"Software\0POV-Ray 3.7.0.10.unofficial"),
        (b"tEXt", b"Comment\0Render Date: 2000-01-02 03:04:05Z\nPlatform: x86_64-pc-linux-gnu\nCompiler: g++\n"),
    ]
    .map(|(kind, data)| Chunk { kind: *kind, data: data.to_vec() })
    .to_vec()
}

#[test]
fn three_readers_see_the_same_pixels_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for format in ALL_FORMATS {
        let picture = Picture::new(67, 101, format, 5);
        let place = tempfile::tempdir_in(&folder).unwrap();
        let spool = spool_of(&picture, place.path(), 32);
        let png = png_of(&spool, &povray_chunks());
        let (info, samples) = read_png(&png);
        assert_eq!((info.width, info.height), (67, 101));
        assert_eq!(samples, picture.samples, "{format:?}: the png crate");

        let file = place.path().join("x.png");
        std::fs::write(&file, &png).unwrap();
        let file = file.to_str().unwrap();
        run("pngcheck", "pngcheck", &["-q", file]);
        assert_eq!(libpng_samples(file, &picture), picture.samples, "{format:?}: libpng");
        pillow_agrees(file, &picture);
    }
}

/// What libpng reads, by way of netpbm: colours and alpha come out as two pictures.
fn libpng_samples(file: &str, picture: &Picture) -> Vec<u8> {
    let format = picture.shape.format;
    let body = |pnm: Vec<u8>| {
        let lines = pnm.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        let after_header = lines.take(3).last().unwrap() + 1;
        pnm[after_header..].to_vec()
    };
    let colours = body(run("pngtopnm", "netpbm", &["-quiet", file]));
    if !format.alpha {
        return colours;
    }
    let alphas = body(run("pngtopnm", "netpbm", &["-quiet", "-alpha", file]));
    let sample = format.depth.bytes() as usize;
    let colour_bytes = sample * if format.grey { 1 } else { 3 };
    colours
        .chunks(colour_bytes)
        .zip(alphas.chunks(sample))
        .flat_map(|(colour, alpha)| colour.iter().chain(alpha))
        .copied()
        .collect()
}

/// Pillow has no form for 16 bits in colour: there it reads the upper bytes, or some of it; the shape is compared only.
fn pillow_agrees(file: &str, picture: &Picture) {
    let script = "import sys; from PIL import Image; im = Image.open(sys.argv[1]); im.load(); \
                  sys.stdout.buffer.write((im.mode + ' %dx%d\\n' % im.size).encode() + im.tobytes())";
    // Debian's own, which python3-pil belongs to; another may come first in PATH.
    let python = std::env::var("TD_TEST_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned());
    let has_pillow = std::process::Command::new(&python).args(["-c", "import PIL"]).output();
    assert!(
        has_pillow.is_ok_and(|output| output.status.success()),
        "{python} has no Pillow: apt-get install python3-pil, or set TD_TEST_PYTHON"
    );
    let read = run(&python, "python3-pil", &["-c", script, file]);
    let line = read.iter().position(|byte| *byte == b'\n').unwrap();
    let (head, samples) = (std::str::from_utf8(&read[..line]).unwrap(), &read[line + 1..]);
    assert!(head.ends_with(" 67x101"), "{head}");
    if picture.shape.format.depth == Depth::Eight {
        assert_eq!(samples, picture.samples, "{head}: Pillow");
    }
}

#[test]
fn chunks_are_povrays_but_for_the_moment() {
    let folder = tempfile::tempdir().unwrap();
    let picture = Picture::new(20, 10, PixelFormat::RGB8, 1);
    let png = png_of(&spool_of(&picture, folder.path(), 10), &povray_chunks());
    let mut expected = povray_chunks();
    expected[3].data = vec![0x07, 0xea, 11, 22, 16, 33, 1];
    expected[5].data =
        b"Comment\0Render Date: 2026-11-22 16:33:01Z\nPlatform: x86_64-pc-linux-gnu\nCompiler: g++\n".to_vec();
    assert_eq!(chunks_before_idat(&png).unwrap(), expected);
    assert!(chunks_before_idat(b"GIF89a").is_none());
    assert!(chunks_before_idat(&png[..60]).is_none());
}

#[test]
fn only_harmless_chunks_come_in_from_a_probe() {
    let from = |kind: &str, data: &str| Chunk::try_from(&HeaderChunk { kind: kind.to_owned(), data: data.to_owned() });
    assert_eq!(from("gAMA", "0000b18f").unwrap(), Chunk { kind: *b"gAMA", data: vec![0, 0, 0xb1, 0x8f] });
    for (kind, data) in
        [("IHDR", ""), ("IDAT", ""), ("IEND", ""), ("gAM", ""), ("gAMAA", ""), ("g MA", ""), ("gAMA", "0")]
    {
        let error = from(kind, data).unwrap_err();
        assert_eq!(error.to_string(), format!("{kind:?} is no PNG chunk that may stand before the pixels"));
    }
}

#[test]
fn rows_that_nobody_asked_for_are_opaque_black() {
    for format in ALL_FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let picture = Picture::new(31, 50, format, 9);
        let spool = Spool::create(&folder.path().join("spool"), picture.shape).unwrap();
        spool.add_black(Rows::new(0, 10)).unwrap();
        spool.add_black(Rows::new(20, 50)).unwrap();
        assert_eq!(spool.missing(), [Rows::new(10, 20)]);
        add(&spool, &picture.segment(Rows::new(10, 20)));
        let (_, samples) = read_png(&png_of(&spool, &[]));
        let pixel = format.bytes_per_pixel() as usize;
        let opaque = if format.alpha { format.depth.bytes() as usize } else { 0 };
        let mut black = vec![0; pixel];
        black[pixel - opaque..].fill(0xff);
        let row = format.row_bytes(31) as usize;
        for (at, pixel) in samples.chunks(pixel).enumerate() {
            let y = at / 31;
            if (10..20).contains(&y) {
                continue;
            }
            assert_eq!(pixel, black, "{format:?} row {y}");
        }
        assert_eq!(samples[10 * row..20 * row], picture.samples[10 * row..20 * row]);
    }
}

#[test]
fn black_is_small_and_passes_the_check() {
    let rows = Rows::new(7, 7 + 64);
    for format in ALL_FORMATS {
        let black = black_segment(rows, 12_800, format);
        check_segment(&black.meta, &black.data, 12_800, format, rows).unwrap();
        assert!((black.data.len() as u64) < black.meta.raw_len / 900 + 200, "{format:?}: {}", black.data.len());
    }
    // Many segments where one would be large; a settled row stays what it is.
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape { width: 12_800, height: 500, format: PixelFormat::RGB8 };
    let spool = Spool::create(&folder.path().join("spool"), shape).unwrap();
    let black = black_segment(Rows::new(100, 101), shape.width, shape.format);
    add(&spool, &black);
    spool.add_black(Rows::new(0, 9999)).unwrap();
    assert!(spool.is_complete());
    let (_, samples) = read_png(&png_of(&spool, &[]));
    assert!(samples.iter().all(|byte| *byte == 0));
}

#[test]
fn a_bad_segment_settles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let picture = Picture::new(40, 64, PixelFormat::RGB8, 3);
    let spool = Spool::create(&folder.path().join("spool"), picture.shape).unwrap();
    let good = picture.segment(Rows::new(0, 32));
    let refused = |expected: Rows, segment: &Segment| match spool.check_and_add(expected, &segment.meta, &segment.data)
    {
        Err(SpoolError::Segment(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(Rows::new(32, 64), &good), SegmentError::WrongRows { .. }));
    let mut half = good.clone();
    half.data.truncate(half.data.len() / 2);
    assert!(matches!(refused(good.meta.rows, &half), SegmentError::Half { .. }));
    let beyond = deflated(Rows::new(60, 65), &picture.filtered(Rows::new(0, 5), |_| 0), 6);
    assert!(matches!(refused(beyond.meta.rows, &beyond), SegmentError::WrongRows { .. }));
    // Unchecked ones are refused too where they would spoil the file.
    assert!(spool.add(&half.meta, &half.data).is_err());
    assert!(spool.add(&beyond.meta, &beyond.data).is_err());
    assert_eq!(spool.missing(), [Rows::new(0, 64)]);
    assert_eq!(add(&spool, &good), [Rows::new(0, 32)]);
    let error = write_png(&mut Vec::new(), &[], &spool, now()).unwrap_err();
    assert!(matches!(error, ComposeError::Incomplete { .. }));
    assert_eq!(error.to_string(), "rows are missing: rows 33 to 64");
}

#[test]
fn the_first_copy_of_a_row_settles_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Picture::new(40, 64, PixelFormat::RGB8, 3);
    let second = Picture::new(40, 64, PixelFormat::RGB8, 4);
    let spool = Spool::create(&folder.path().join("spool"), first.shape).unwrap();
    assert_eq!(add(&spool, &first.segment(Rows::new(16, 32))), [Rows::new(16, 32)]);
    assert_eq!(add(&spool, &second.segment(Rows::new(16, 32))), []);
    assert_eq!(add(&spool, &second.segment(Rows::new(0, 64))), [Rows::new(0, 16), Rows::new(32, 64)]);
    assert_eq!(add(&spool, &first.segment(Rows::new(5, 60))), []);
    let (_, samples) = read_png(&png_of(&spool, &[]));
    let row = first.row(0).len();
    assert_eq!(samples[16 * row..32 * row], first.samples[16 * row..32 * row]);
    assert_eq!(samples[..16 * row], second.samples[..16 * row]);
    assert_eq!(samples[32 * row..], second.samples[32 * row..]);
}

#[test]
fn threads_may_add_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let picture = Picture::new(50, 300, PixelFormat::RGB8, 8);
    let spool = Spool::create(&folder.path().join("spool"), picture.shape).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..6_u32 {
            let (spool, picture) = (&spool, &picture);
            scope.spawn(move || {
                for at in 0..60 {
                    let start = (at * 37 + thread * 11) % 290;
                    add(spool, &picture.segment(Rows::new(start, start + 10)));
                }
                for start in (0..300).step_by(20) {
                    add(spool, &picture.segment(Rows::new(start, start + 20)));
                }
            });
        }
    });
    assert!(spool.is_complete());
    assert_eq!(read_png(&png_of(&spool, &[])).1, picture.samples);
}

/// Runs of rows that cover `0..height` when put together, and any others besides, in any order.
fn arrivals(height: u32) -> impl Strategy<Value = Vec<Rows>> {
    let cuts = prop::collection::vec(1..height, 0..8);
    let others = prop::collection::vec((0..height, 1..height), 0..6);
    (cuts, others, any::<prop::sample::Index>())
        .prop_map(move |(mut cuts, others, repeated)| {
            cuts.extend([0, height]);
            cuts.sort_unstable();
            cuts.dedup();
            let mut all: Vec<Rows> = cuts.windows(2).map(|pair| Rows::new(pair[0], pair[1])).collect();
            all.push(all[repeated.index(all.len())]);
            all.extend(others.into_iter().map(|(start, len)| Rows::new(start, (start + len).min(height))));
            all
        })
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_split_in_any_order_with_any_overlaps_gives_every_row_once(
        (height, arrivals) in (2..90_u32).prop_flat_map(|height| (Just(height), arrivals(height))),
        width in 1..40_u32,
        format in prop::sample::select(&ALL_FORMATS[..]),
        filters in any::<u32>(),
        level in 0..10_u32,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let picture = Picture::new(width, height, format, 7);
        let path = folder.path().join("spool");
        let spool = Spool::create(&path, picture.shape).unwrap();
        let mut settled = vec![0; height as usize];
        for (at, rows) in arrivals.into_iter().enumerate() {
            let choose = |row: u32| ((row + at as u32).wrapping_mul(filters | 1) >> 13) as u8;
            for rows in add(&spool, &picture.segment_with(rows, choose, level)) {
                settled[rows.start as usize..rows.end as usize].iter_mut().for_each(|count| *count += 1);
            }
        }
        prop_assert!(settled.iter().all(|count| *count == 1), "{settled:?}");
        prop_assert!(spool.is_complete());
        prop_assert_eq!(spool.missing(), []);
        let png = png_of(&spool, &[]);
        prop_assert_eq!(&read_png(&png).1, &picture.samples);

        // A master that comes back finds the same.
        drop(spool);
        let spool = Spool::reopen(&path, picture.shape).unwrap();
        prop_assert_eq!(png_of(&spool, &[]), png);
    }
}

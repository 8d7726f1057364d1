//! The parts of `benches/compose.sh`; each is a process of its own, so that its memory can be told.
//!
//! - `join strips PICTURE.png FOLDER COUNT [FACTOR]` cuts a picture into COUNT strips `s1.png`... as POV-Ray would have
//!   written them, each pixel repeated FACTOR times both ways.
//! - `join spool FOLDER COUNT ROWS` encodes the strips as the agent does, ROWS rows to a segment, and adds the segments to
//!   a fresh `FOLDER/spool`, in an order that no cluster would choose; prints what the checks cost.
//! - `join compose FOLDER OUT RUNS` opens that spool again and writes OUT some times; prints, on one line,
//!   the median milliseconds of writing the joined file, those with fsync and rename too, the peak memory in MB, and the
//!   bytes.
//! - `join run COMMAND...` runs a command; prints its wall time and peak memory.
//! - `join same A.png B.png` compares two PNGs row by row.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use td::compose::{Chunk, OutputPlan, Segment, Shape, Spool, chunks_before_idat, compose, write_png};
use td_agent::pixels::encode;
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::segment::check_segment;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type PngReader = png::Reader<BufReader<File>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["strips", picture, folder, count] => strips(picture, Path::new(folder), count.parse()?, 1),
        ["strips", picture, folder, count, factor] => {
            strips(picture, Path::new(folder), count.parse()?, factor.parse()?)
        }
        ["spool", folder, count, rows] => spool(Path::new(folder), count.parse()?, rows.parse()?),
        ["compose", folder, out, runs] => compose_spool(Path::new(folder), out, runs.parse()?),
        ["run", program, ref arguments @ ..] => run(program, arguments),
        ["same", first, second] => same(first, second),
        _ => Err("see the text at the head of benches/src/bin/join.rs".into()),
    }
}

fn open(path: impl AsRef<Path>) -> Result<PngReader> {
    let file = BufReader::new(File::open(path)?);
    let mut decoder = png::Decoder::new_with_limits(file, png::Limits { bytes: usize::MAX });
    decoder.set_transformations(png::Transformations::IDENTITY);
    Ok(decoder.read_info()?)
}

fn shape_of(reader: &PngReader) -> Result<Shape> {
    let info = reader.info();
    let depth = if info.bit_depth == png::BitDepth::Sixteen { Depth::Sixteen } else { Depth::Eight };
    let (grey, alpha) = match info.color_type {
        png::ColorType::Grayscale => (true, false),
        png::ColorType::Rgb => (false, false),
        png::ColorType::GrayscaleAlpha => (true, true),
        png::ColorType::Rgba => (false, true),
        png::ColorType::Indexed => return Err("POV-Ray writes no palettes".into()),
    };
    Ok(Shape { width: info.width, height: info.height, format: PixelFormat { depth, grey, alpha } })
}

fn strip(folder: &Path, at: u32) -> PathBuf {
    folder.join(format!("s{}.png", at + 1))
}

fn strips(picture: &str, folder: &Path, count: u32, factor: u32) -> Result<()> {
    let mut reader = open(picture)?;
    let shape = shape_of(&reader)?;
    let pixel = shape.format.bytes_per_pixel() as usize;
    let height = shape.height * factor;
    let mut done = 0;
    let mut row: Vec<u8> = Vec::new();
    for at in 0..count {
        let end = height * (at + 1) / count;
        let mut encoder =
            png::Encoder::new(BufWriter::new(File::create(strip(folder, at))?), shape.width * factor, end - done);
        encoder.set_color(reader.info().color_type);
        encoder.set_depth(reader.info().bit_depth);
        let mut header = encoder.write_header()?;
        let mut writer = header.stream_writer()?;
        for y in done..end {
            if y % factor == 0 {
                let source = reader.next_row()?.ok_or("the picture ends early")?;
                row = source.data().chunks(pixel).flat_map(|pixel| pixel.repeat(factor as usize)).collect();
            }
            std::io::Write::write_all(&mut writer, &row)?;
        }
        writer.finish()?;
        done = end;
    }
    let kept = chunks_before_idat(&std::fs::read(picture)?).ok_or("the picture is no PNG")?;
    let lines =
        kept.iter().map(|chunk| format!("{} {}\n", String::from_utf8_lossy(&chunk.kind), hex::encode(&chunk.data)));
    std::fs::write(folder.join("chunks"), lines.collect::<String>())?;
    Ok(())
}

fn spool(folder: &Path, count: u32, rows: u32) -> Result<()> {
    let heights: Vec<u32> = (0..count).map(|at| Ok(open(strip(folder, at))?.info().height)).collect::<Result<_>>()?;
    let shape = Shape { height: heights.iter().sum(), ..shape_of(&open(strip(folder, 0))?)? };
    let path = folder.join("spool");
    let _ = std::fs::remove_file(&path);
    let spool = Spool::create(&path, shape)?;
    std::fs::write(folder.join("shape"), format!("{} {}", shape.width, shape.height))?;
    let mut first = 0;
    let mut checks = 0.0;
    let mut raw = 0;
    let mut segments = 0;
    for (at, &height) in heights.iter().enumerate() {
        let mut reader = open(strip(folder, at as u32))?;
        let mut encoder = encode::SegmentEncoder::new(shape.format, shape.width);
        let mut made: Vec<Segment> = Vec::new();
        for y in 0..height {
            let row = reader.next_row()?.ok_or("a strip ends early")?;
            encoder.row(row.data())?;
            if encoder.rows() == rows || y + 1 == height {
                let (meta, data) = encoder.finish(first + y + 1 - encoder.rows())?;
                made.push(Segment { meta, data });
            }
        }
        for segment in made.iter().rev() {
            let start = Instant::now();
            check_segment(&segment.meta, &segment.data, shape.width, shape.format, segment.meta.rows)?;
            checks += start.elapsed().as_secs_f64();
            raw += segment.meta.raw_len;
            segments += 1;
            let _ = spool.add(&segment.meta, &segment.data)?;
        }
        first += height;
    }
    let megabytes = raw as f64 / 1e6;
    println!(
        "checked {segments} segments, {megabytes:.1} MB raw: {:.2} ms per MB (at most 4); peak {:.1} MB",
        checks * 1000.0 / megabytes,
        peak_megabytes()?
    );
    Ok(())
}

fn compose_spool(folder: &Path, out: &str, runs: usize) -> Result<()> {
    let (mut reader, mut chunks) = (open(strip(folder, 0))?, Vec::new());
    let (width, height) = {
        let text = std::fs::read_to_string(folder.join("shape"))?;
        let (width, height) = text.split_once(' ').ok_or("shape")?;
        (width.parse()?, height.parse()?)
    };
    let shape = Shape { width, height, ..shape_of(&reader)? };
    let _ = reader.next_row()?;
    drop(reader);
    for line in std::fs::read_to_string(folder.join("chunks"))?.lines() {
        let (kind, data) = line.split_once(' ').ok_or("chunks")?;
        chunks.push(Chunk { kind: kind.as_bytes().try_into()?, data: hex::decode(data)? });
    }
    let spool = Spool::reopen(&folder.join("spool"), shape)?;
    let plan = OutputPlan::check(Path::new(out), &[])?;
    let (mut joining, mut whole) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..runs {
        let start = Instant::now();
        let mut file = tempfile::tempfile_in(folder)?;
        write_png(&mut file, &chunks, &spool, SystemTime::now())?;
        joining.push(start.elapsed().as_secs_f64() * 1000.0);

        let start = Instant::now();
        bytes = compose(&spool, &chunks, &plan, SystemTime::now())?;
        whole.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    println!("{:.3} {:.3} {:.1} {bytes}", median(&mut joining), median(&mut whole), peak_megabytes()?);
    Ok(())
}

/// The most memory this process ever had, from the kernel.
fn peak_megabytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kilobytes / 1024.0)
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let start = Instant::now();
    let child = std::process::Command::new(program).args(arguments).spawn()?;
    let mut status = 0;
    // SAFETY: `rusage` is plain numbers, for which all zeros are valid; both pointers are to locals that outlive the call.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(child.id() as i32, &raw mut status, 0, &raw mut usage), usage)
    };
    let seconds = start.elapsed().as_secs_f64();
    if waited < 0 || status != 0 {
        return Err(format!("{program} failed: status {status}").into());
    }
    println!("{:.3} ms {:.1} MB", seconds * 1000.0, usage.ru_maxrss as f64 / 1024.0);
    Ok(())
}

fn same(first: &str, second: &str) -> Result<()> {
    let (mut first, mut second) = (open(first)?, open(second)?);
    let mut rows = 0;
    loop {
        let (one, two) = (first.next_row()?, second.next_row()?);
        let (one, two) = (one.map(|row| row.data().to_vec()), two.map(|row| row.data().to_vec()));
        if one != two {
            return Err(format!("row {} differs", rows + 1).into());
        }
        if one.is_none() {
            println!("the same {rows} rows");
            return Ok(());
        }
        rows += 1;
    }
}

//! From a real state file to a segment: what a strip does with each block that POV-Ray finishes.
//!
//! Two stored state files of one scene of 16 x 12 pixels (`+A0.0 +AM2 +R9 +BS8`, assumed_gamma 2.2), by Debian's POV-Ray
//! 3.7.0.10 for i386 and for amd64, each with the samples of the PNG that the same POV-Ray wrote.

use td_protocol::options::FileGamma;
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;
use td_protocol::segment::{check_segment, check_segment_with};

use super::Finding;
use crate::pixels::conversion::{Conversion, Converter};
use crate::pixels::encode::SegmentEncoder;
use crate::pixels::gamma::{Arithmetic, WorkingGamma};
use crate::pixels::row_assembly::RowAssembler;
use crate::pixels::state_file::StateReader;

const WIDTH: u32 = 16;
const HEIGHT: u32 = 12;
const FORMAT: PixelFormat = PixelFormat { depth: Depth::Eight, grey: false, alpha: false };

pub(super) fn check_32() -> Finding {
    check(include_bytes!("pov32.state"), include_bytes!("pov32.rgb"))
}

pub(super) fn check_64() -> Finding {
    check(include_bytes!("pov64.state"), include_bytes!("pov64.rgb"))
}

fn check(state: &[u8], wanted: &[u8]) -> Finding {
    let samples = samples(state)?;
    if samples != wanted {
        let differing = samples.iter().zip(wanted).filter(|(ours, theirs)| ours != theirs).count();
        return Err(format!("{differing} of {} samples are not POV-Ray's", wanted.len()));
    }
    check_segments(&samples)?;
    Ok(format!("{} samples are POV-Ray's, and the segment holds them", wanted.len()))
}

fn samples(state: &[u8]) -> Result<Vec<u8>, String> {
    let rows = Rows::new(0, HEIGHT);
    let mut reader = StateReader::new(WIDTH, HEIGHT);
    let mut assembler = RowAssembler::new(WIDTH, rows, Rows::new(0, WIDTH)).map_err(|error| error.to_string())?;
    let mut conversion = Conversion::new(WorkingGamma::Power(2.2), FileGamma::Srgb, FORMAT);
    // As the POV-Rays that wrote the files computed, whatever this machine does.
    conversion.arithmetic = Arithmetic::Separate;
    let converter = Converter::new(&conversion).map_err(|error| error.to_string())?;
    let (mut all, mut some) = (Vec::new(), Vec::new());
    // In pieces of an odd length, as they may arrive.
    for piece in state.chunks(777) {
        reader.push(piece);
        while let Some(block) = reader.next_block().map_err(|error| error.to_string())? {
            assembler.add(&block).map_err(|error| error.to_string())?;
            while let Some(run) = assembler.next_run() {
                converter.convert(run.pixels(), &mut some);
                all.extend_from_slice(&some);
            }
        }
    }
    Ok(all)
}

fn check_segments(samples: &[u8]) -> Result<(), String> {
    let mut encoder = SegmentEncoder::new(FORMAT, WIDTH);
    for row in samples.chunks(FORMAT.row_bytes(WIDTH) as usize) {
        encoder.row(row).map_err(|error| error.to_string())?;
    }
    let (meta, mut data) = encoder.finish(0).map_err(|error| error.to_string())?;
    let rows = Rows::new(0, HEIGHT);
    let mut filtered = Vec::new();
    check_segment_with(&meta, &data, WIDTH, FORMAT, rows, |bytes| filtered.extend_from_slice(bytes))
        .map_err(|error| error.to_string())?;
    if unfiltered(&filtered) != samples {
        return Err("the segment does not hold the rows that went into it".to_owned());
    }
    // A check that takes anything checks nothing.
    if let Some(byte) = data.get_mut(20) {
        *byte ^= 1;
    }
    match check_segment(&meta, &data, WIDTH, FORMAT, rows) {
        Err(_) => Ok(()),
        Ok(()) => Err("a damaged segment was not noticed".to_owned()),
    }
}

/// PNG's filters undone, as the PNG specification defines them (section 9): written apart from the encoder, by the book.
fn unfiltered(filtered: &[u8]) -> Vec<u8> {
    let row_bytes = FORMAT.row_bytes(WIDTH) as usize;
    let step = FORMAT.bytes_per_pixel() as usize;
    let mut rows: Vec<u8> = Vec::new();
    let mut above = vec![0_u8; row_bytes];
    for row in filtered.chunks(row_bytes + 1) {
        let Some((&kind, bytes)) = row.split_first() else { break };
        let mut now = vec![0_u8; row_bytes];
        for (at, &byte) in bytes.iter().enumerate() {
            let left = if at >= step { now[at - step] } else { 0 };
            let (up, corner) = (above[at], if at >= step { above[at - step] } else { 0 });
            let predicted = match kind {
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => 0,
            };
            now[at] = byte.wrapping_add(predicted);
        }
        rows.extend_from_slice(&now);
        above = now;
    }
    rows
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, up, corner].map(i32::from);
    let estimate = a + b - c;
    let [to_left, to_up, to_corner] = [a, b, c].map(|value| (estimate - value).abs());
    if to_left <= to_up && to_left <= to_corner {
        left
    } else if to_up <= to_corner {
        up
    } else {
        corner
    }
}

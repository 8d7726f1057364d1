//! CPU time of the steps from a state file to segments, on one POV-Ray strip kept in a file.
//!
//! ```text
//! cargo run --release -p td-agent --example pixels_speed -- out.pov-state WIDTH HEIGHT FIRST_ROW END_ROW
//! ```

use std::error::Error;
use std::time::Instant;

use td_agent::pixels::conversion::{Conversion, Converter};
use td_agent::pixels::encode::SegmentEncoder;
use td_agent::pixels::gamma::WorkingGamma;
use td_agent::pixels::row_assembly::RowAssembler;
use td_agent::pixels::state_file::StateReader;
use td_protocol::options::FileGamma;
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let state = std::fs::read(args.next().ok_or("which state file?")?)?;
    let numbers = args.map(|arg| arg.parse()).collect::<Result<Vec<u32>, _>>()?;
    let [width, height, first, end] = *numbers.as_slice() else {
        return Err("width, height, first row and end row are needed".into());
    };
    let start = Instant::now();
    let mut reader = StateReader::new(width, height);
    let mut assembler = RowAssembler::new(width, Rows::new(first, end), Rows::new(0, width))?;
    let mut pixels = Vec::new();
    for piece in state.chunks(64 * 1024) {
        reader.push(piece);
        while let Some(block) = reader.next_block()? {
            assembler.add(&block)?;
            while let Some(run) = assembler.next_run() {
                pixels.extend_from_slice(run.pixels());
            }
        }
    }
    println!("read and assemble {:>27.1} ms, {} pixels", start.elapsed().as_secs_f64() * 1e3, pixels.len());
    for depth in [Depth::Eight, Depth::Sixteen] {
        let format = PixelFormat { depth, ..PixelFormat::RGB8 };
        let conversion = Conversion::new(WorkingGamma::Power(2.2), FileGamma::Srgb, format);
        let start = Instant::now();
        let table = Converter::new(&conversion)?;
        println!("{depth:?}: build the table {:>20.1} ms", start.elapsed().as_secs_f64() * 1e3);
        let mut samples = Vec::new();
        for (name, converter) in [("formula", Converter::by_formula(&conversion)?), ("table", table)] {
            let start = Instant::now();
            converter.convert(&pixels, &mut samples);
            println!("{depth:?}: convert by {name:<10} {:>14.1} ms", start.elapsed().as_secs_f64() * 1e3);
        }
        let row_bytes = usize::try_from(format.row_bytes(width))?;
        let start = Instant::now();
        let mut encoder = SegmentEncoder::new(format, width);
        let mut size = 0;
        for band in samples.chunks(row_bytes * 32) {
            for row in band.chunks(row_bytes) {
                encoder.row(row)?;
            }
            size += encoder.finish(0)?.1.len();
        }
        println!("{depth:?}: filter and deflate {:>17.1} ms, {size} bytes", start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

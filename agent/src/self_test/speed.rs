//! `td-agent self-test --speed`: what the agent's own work on one band costs this processor.
//!
//! A band is 32 rows of 6400 pixels: POV-Ray's block height, the paper's width. Conversion once by the table of thresholds
//! and once by POV-Ray's formula (two `powf` for each colour of each pixel), then filters and deflate. The times are those
//! of the thread's own clock. On an emulator that counts instructions, such as `qemu-system-arm -icount shift=1`, they are
//! numbers of instructions (of 2 ns each, for that one).

use td_protocol::options::FileGamma;
use td_protocol::pixel::PixelFormat;

use crate::pixels::conversion::{Conversion, Converter};
use crate::pixels::encode::SegmentEncoder;
use crate::pixels::gamma::WorkingGamma;
use crate::pixels::row_assembly::Pixel;
use crate::povray::process::own_thread_cpu;

const WIDTH: u32 = 6400;
const ROWS: u32 = 32;

/// Prints a line for each step.
///
/// # Errors
/// When a step cannot be done at all.
pub fn run() -> anyhow::Result<()> {
    let pixels = picture();
    let format = PixelFormat::RGB8;
    let conversion = Conversion::new(WorkingGamma::Power(2.2), FileGamma::Srgb, format);
    println!("one band of {WIDTH} columns and {ROWS} rows, 8 bit, assumed_gamma 2.2:");
    let (formula, _) = timed("making the formula", || Converter::by_formula(&conversion))?;
    let (table, _) = timed("making the table", || Converter::new(&conversion))?;
    let mut samples = Vec::new();
    let ((), by_formula) = timed("converting by powf", || {
        formula.convert(&pixels, &mut samples);
        anyhow::Ok(())
    })?;
    let reference = samples.clone();
    let ((), by_table) = timed("converting by table", || {
        table.convert(&pixels, &mut samples);
        anyhow::Ok(())
    })?;
    anyhow::ensure!(samples == reference, "table and formula give different samples");
    let row_bytes = usize::try_from(format.row_bytes(WIDTH))?;
    let (size, encoding) = timed("filters and deflate", || {
        let mut encoder = SegmentEncoder::new(format, WIDTH);
        for row in samples.chunks(row_bytes) {
            encoder.row(row)?;
        }
        anyhow::Ok(encoder.finish(0)?.1.len())
    })?;
    println!("the segment has {size} bytes");
    println!("with the formula {:.6} s, with the table {:.6} s", by_formula + encoding, by_table + encoding);
    Ok(())
}

/// Runs a step and prints its CPU time in seconds.
fn timed<T, E: Into<anyhow::Error>>(name: &str, step: impl FnOnce() -> Result<T, E>) -> anyhow::Result<(T, f64)> {
    let begun = own_thread_cpu();
    let result = step().map_err(Into::into)?;
    let cpu = own_thread_cpu() - begun;
    println!("  {name:<20} {cpu:.6} s");
    Ok((result, cpu))
}

/// Slow gradients with a little grain, as a lit surface has them: no two pixels alike, all in [0, 1].
fn picture() -> Vec<Pixel> {
    let mut state = 1_u32;
    let mut grain = move || {
        // Numerical Recipes' generator; the high bits are the good ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as f32 / 65_536.0 / 256.0
    };
    let mut pixels = Vec::with_capacity((WIDTH * ROWS) as usize);
    for row in 0..ROWS {
        for column in 0..WIDTH {
            let (x, y) = (column as f32 / WIDTH as f32, row as f32 / ROWS as f32);
            let level = 0.9 * x + 0.05 * y;
            pixels.push(Pixel {
                red: level + grain(),
                green: 0.95 - level + grain(),
                blue: 0.5 * level + 0.2 + grain(),
                transmit: 0.0,
            });
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    #[test]
    fn table_and_formula_agree_on_its_picture() {
        super::run().unwrap();
        let pixels = super::picture();
        assert!(
            pixels.iter().all(|pixel| [pixel.red, pixel.green, pixel.blue].iter().all(|x| (0.0..=1.0).contains(x)))
        );
    }
}

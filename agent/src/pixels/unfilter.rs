//! PNG's row filters taken back (PNG specification, section 9).

use super::filter::{average, paeth};

/// A filter byte above 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFilter(pub u8);

/// Turns the filtered bytes in `row` into samples. `above` is the row above, or zeros for the first row of an image; it
/// has to be as long as `row`.
pub fn unfilter(filter: u8, row: &mut [u8], above: &[u8], pixel_bytes: usize) -> Result<(), UnknownFilter> {
    let length = row.len().min(above.len());
    let (row, above) = (&mut row[..length], &above[..length]);
    let start = pixel_bytes.min(length);
    match filter {
        0 => {}
        1 => {
            for at in start..length {
                row[at] = row[at].wrapping_add(row[at - pixel_bytes]);
            }
        }
        2 => {
            for (byte, above) in row.iter_mut().zip(above) {
                *byte = byte.wrapping_add(*above);
            }
        }
        3 => {
            for at in 0..start {
                row[at] = row[at].wrapping_add(above[at] / 2);
            }
            for at in start..length {
                row[at] = row[at].wrapping_add(average(row[at - pixel_bytes], above[at]));
            }
        }
        4 => {
            for at in 0..start {
                row[at] = row[at].wrapping_add(above[at]);
            }
            for at in start..length {
                let predicted = paeth(row[at - pixel_bytes], above[at], above[at - pixel_bytes]);
                row[at] = row[at].wrapping_add(predicted);
            }
        }
        other => return Err(UnknownFilter(other)),
    }
    Ok(())
}

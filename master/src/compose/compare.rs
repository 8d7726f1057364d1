//! Two renderings of the same rows, pixel by pixel.

use std::fmt;

use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentError, SegmentMeta};

use super::Shape;
use super::unfilter::each_row;

/// The samples of a segment, row by row as PNG orders them, without filters. Segments of equal pixels may differ in their bytes.
///
/// # Errors
/// [`SegmentError`] for what is no segment of these rows.
pub fn plain_rows(meta: &SegmentMeta, data: &[u8], shape: Shape) -> Result<Vec<u8>, SegmentError> {
    let mut plain = Vec::new();
    each_row(meta, data, shape, |_, _, row| plain.extend_from_slice(row))?;
    Ok(plain)
}

/// The first pixel in which two renderings differ, and how many do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Both counted from 0.
    pub column: u32,
    pub row: u32,
    /// The samples of that pixel in the first rendering and in the second.
    pub samples: (Vec<u8>, Vec<u8>),
    /// Pixels that differ, and pixels in all.
    pub count: u64,
    pub of: u64,
}

/// Compares the samples of `rows` in two renderings; `None` where they are equal.
#[must_use]
pub fn difference(rows: Rows, shape: Shape, one: &[u8], other: &[u8]) -> Option<Difference> {
    let pixel = (shape.format.bytes_per_pixel() as usize).max(1);
    let width = shape.width.max(1) as usize;
    let mut first = None;
    let mut count = 0;
    let mut of = 0;
    for (at, (one, other)) in one.chunks(pixel).zip(other.chunks(pixel)).enumerate() {
        of += 1;
        if one != other {
            count += 1;
            first.get_or_insert_with(|| (at, one.to_vec(), other.to_vec()));
        }
    }
    let (at, one, other) = first?;
    let row = rows.start.saturating_add(u32::try_from(at / width).unwrap_or(u32::MAX));
    Some(Difference { column: (at % width) as u32, row, samples: (one, other), count, of })
}

impl fmt::Display for Difference {
    /// Rows and columns as POV-Ray counts them, from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |samples: &[u8]| samples.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (column, row) = (u64::from(self.column) + 1, u64::from(self.row) + 1);
        let (one, other) = (hex(&self.samples.0), hex(&self.samples.1));
        write!(
            f,
            "column {column} of row {row} is #{one} and not #{other}, {} of {} pixels differ",
            self.count, self.of
        )
    }
}

#[cfg(test)]
mod tests {
    use td_protocol::pixel::PixelFormat;

    use super::*;

    #[test]
    fn the_first_pixel_is_told_as_povray_counts() {
        let shape = Shape { width: 3, height: 40, format: PixelFormat::RGB8 };
        let rows = Rows::new(32, 34);
        let one = vec![7; 18];
        let mut other = one.clone();
        assert_eq!(difference(rows, shape, &one, &other), None);
        other[13] = 8;
        other[17] = 9;
        let difference = difference(rows, shape, &one, &other).unwrap();
        assert_eq!(difference.to_string(), "column 2 of row 34 is #070707 and not #070807, 2 of 6 pixels differ");
    }
}

//! POV-Ray's buffer for the whole picture.
//!
//! POV-Ray makes room for the whole picture, five floats a pixel, however few rows it is to trace. In memory (up to 128 MB) all
//! of it is filled with zeros before the trace: at 1600x1200 half of a start. In a file (`+MI1`) that costs nothing, but each row of
//! each block writes the buffer's block that it lies in and reads the next. That costs a pixel about thirteen times what the zeros of a
//! pixel cost on a PC; a Raspberry Pi 1 copies memory more slowly.

use crate::rows::Rows;

/// A strip is small that is at most this part of the picture.
const SMALL: u32 = 32;

/// Whether a strip of `rows` had better have the buffer in a file, in a picture of `height` rows.
#[must_use]
pub const fn is_better_in_a_file(rows: Rows, height: u32) -> bool {
    rows.len() <= height / SMALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_strips_of_a_high_picture() {
        assert!(is_better_in_a_file(Rows::new(100, 137), 1200));
        assert!(!is_better_in_a_file(Rows::new(100, 138), 1200));
        assert!(!is_better_in_a_file(Rows::new(0, 1), 31));
    }
}

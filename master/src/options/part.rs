//! `+SR +ER +SC +EC`: which part of the picture is rendered, by POV-Ray's rule.
//!
//! POV-Ray's rule, as its binary has it: a start from 0 up to, but without, 1 and an end from 0 up to and with 1 are
//! fractions of the whole; others count from 1, and what is behind their point is dropped. The number is rounded to 32
//! bits first, the product is cut, not rounded. So `+SR0.25 +ER0.5` and `+SR0.5 +ER0.75` tile, `+ER1` is 100 %, and
//! `+ER1.5` is how to say "up to row 1".

use td_protocol::rows::Rows;

/// Why there is no such part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartError {
    /// The start lies outside.
    Start,
    /// The end lies outside.
    End,
    /// The end is a fraction so small that not even one row is left, which POV-Ray refuses, too.
    EndTooSmall,
}

/// Rows or columns, 0-based, end excluded. Empty, when the end lies before the start: POV-Ray then renders nothing.
///
/// # Errors
/// When POV-Ray would refuse it.
pub fn part(start: Option<f64>, end: Option<f64>, size: u32) -> Result<Rows, PartError> {
    let first = start.map(rounded).map_or(0, |start| if start < 1.0 { of_whole(start, size) } else { counted(start) });
    let last = end
        .map(rounded)
        .map_or(i64::from(size) - 1, |end| if end <= 1.0 { of_whole(end, size) - 1 } else { counted(end) });
    let inside = |index: i64| u32::try_from(index).ok().filter(|&index| index < size);
    let first = inside(first).ok_or(PartError::Start)?;
    if last < 0 {
        return Err(PartError::EndTooSmall);
    }
    let last = inside(last).ok_or(PartError::End)?;
    Ok(if last < first { Rows::new(first, first) } else { Rows::new(first, last + 1) })
}

#[expect(clippy::cast_possible_truncation, reason = "POV-Ray keeps 32 bits; the result must be the same")]
fn rounded(value: f64) -> f64 {
    f64::from(value as f32)
}

#[expect(clippy::cast_possible_truncation, reason = "POV-Ray cuts, too")]
fn of_whole(fraction: f64, size: u32) -> i64 {
    (f64::from(size) * fraction) as i64
}

#[expect(clippy::cast_possible_truncation, reason = "POV-Ray cuts, too")]
fn counted(value: f64) -> i64 {
    (value - 1.0) as i64
}

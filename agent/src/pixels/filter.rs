//! PNG's row filters (PNG specification, section 9), chosen per row as libpng does by default.
//!
//! All five are computed and the one with the smallest sum of absolute differences wins (bytes from 128 on count as
//! `256 - byte`); on a tie the one that comes first. The first row of a segment may only use None or Sub, because the row
//! above it belongs to another segment that may be made elsewhere, later, or never.

/// PNG's filter types; the number is the filter byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    None = 0,
    Sub = 1,
    Up = 2,
    Average = 3,
    Paeth = 4,
}

/// Filters rows; keeps its memory from row to row.
#[derive(Debug)]
pub struct RowFilter {
    pixel_bytes: usize,
    best: Vec<u8>,
    trial: Vec<u8>,
}

impl RowFilter {
    /// `pixel_bytes`: bytes per pixel, 1 to 8.
    #[must_use]
    pub const fn new(pixel_bytes: usize) -> Self {
        Self { pixel_bytes, best: Vec::new(), trial: Vec::new() }
    }

    /// The filter byte and the filtered bytes of `row`. `above` is the row above it, or `None` for the first row of a
    /// segment; it has to be as long as `row`.
    pub fn filter(&mut self, row: &[u8], above: Option<&[u8]>) -> &[u8] {
        self.best.clear();
        self.best.push(Filter::None as u8);
        self.best.extend_from_slice(row);
        let mut least = cost(row);
        let above = above.filter(|above| above.len() == row.len());
        let filters: &[Filter] =
            if above.is_some() { &[Filter::Sub, Filter::Up, Filter::Average, Filter::Paeth] } else { &[Filter::Sub] };
        for &filter in filters {
            if least == 0 {
                break;
            }
            self.trial.clear();
            self.trial.push(filter as u8);
            apply(filter, row, above.unwrap_or_default(), self.pixel_bytes, &mut self.trial);
            let sum = cost(self.trial.get(1..).unwrap_or_default());
            if sum < least {
                least = sum;
                std::mem::swap(&mut self.best, &mut self.trial);
            }
        }
        &self.best
    }
}

/// Sum of absolute differences: each byte as a signed number, without its sign.
fn cost(bytes: &[u8]) -> u64 {
    // Pieces whose sum fits 32 bits, so that a 32-bit processor adds in one register.
    bytes
        .chunks(1 << 16)
        .map(|piece| u64::from(piece.iter().map(|&b| u32::from(b.cast_signed().unsigned_abs())).sum::<u32>()))
        .sum()
}

/// Appends the filtered bytes of `row` to `out`.
fn apply(filter: Filter, row: &[u8], above: &[u8], pixel_bytes: usize, out: &mut Vec<u8>) {
    let (head, _) = row.split_at(pixel_bytes.min(row.len()));
    let (above_head, _) = above.split_at(pixel_bytes.min(above.len()));
    let here = || row.iter().skip(pixel_bytes);
    match filter {
        Filter::None => out.extend_from_slice(row),
        Filter::Sub => {
            out.extend_from_slice(head);
            out.extend(here().zip(row).map(|(x, a)| x.wrapping_sub(*a)));
        }
        Filter::Up => out.extend(row.iter().zip(above).map(|(x, b)| x.wrapping_sub(*b))),
        Filter::Average => {
            out.extend(head.iter().zip(above_head).map(|(x, b)| x.wrapping_sub(b / 2)));
            let beside = row.iter().zip(above.iter().skip(pixel_bytes));
            out.extend(here().zip(beside).map(|(x, (a, b))| x.wrapping_sub(average(*a, *b))));
        }
        Filter::Paeth => {
            out.extend(head.iter().zip(above_head).map(|(x, b)| x.wrapping_sub(*b)));
            let beside = row.iter().zip(above.iter().skip(pixel_bytes)).zip(above);
            out.extend(here().zip(beside).map(|(x, ((a, b), c))| x.wrapping_sub(paeth(*a, *b, *c))));
        }
    }
}

/// PNG's average of left and above, rounded down.
#[inline]
pub(super) fn average(left: u8, above: u8) -> u8 {
    ((u16::from(left) + u16::from(above)) / 2) as u8
}

/// PNG's Paeth predictor: of left, above and above left the one nearest to `left + above - above_left`.
#[inline]
pub(super) fn paeth(left: u8, above: u8, above_left: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(above), i16::from(above_left));
    let (to_left, to_above) = ((b - c).abs(), (a - c).abs());
    let to_above_left = (a + b - 2 * c).abs();
    if to_left <= to_above && to_left <= to_above_left {
        left
    } else if to_above <= to_above_left {
        above
    } else {
        above_left
    }
}

#[cfg(test)]
mod tests;

//! From finished blocks to whole rows.
//!
//! The assembler keeps only the blocks of rows that are not complete yet: with `+WT1` one row of blocks, 16 bytes per
//! pixel (12800 columns by 32 rows: 6.6 MB). It does not rely on their order, but on the grid: blocks whose rows
//! overlap have the same first and last row, as all of POV-Ray's have. Blocks may come twice.
//!
//! # Outside the part
//! Where `+SR`, `+ER`, `+SC` and `+EC` leave pixels out, POV-Ray writes black, and opaque where there is an alpha
//! channel: (0, 0, 0, 255) or (0, 0, 0, 65535), seen with `+UA`, at 8 and 16 bit and grey. That is what [`Pixel::OUTSIDE`]
//! becomes in every format. A `background` in the scene changes nothing there.

use std::collections::VecDeque;

use td_protocol::rows::Rows;

use super::state_file::Block;

/// One pixel as POV-Ray computed it: linear light in the scene's working gamma, colours multiplied by opacity.
/// POV-Ray's fifth float, filter, has no part in any file it writes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pixel {
    pub red: f32,
    pub green: f32,
    pub blue: f32,
    /// 0 is opaque, 1 transparent.
    pub transmit: f32,
}

impl Pixel {
    /// What POV-Ray has where it did not trace.
    pub const OUTSIDE: Self = Self { red: 0.0, green: 0.0, blue: 0.0, transmit: 0.0 };
}

/// Rows of blocks of a strip that may wait at once for their missing blocks.
pub const MAX_WAITING: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    #[error("POV-Ray's blocks do not lie in one grid: {block} overlap {waiting} in part")]
    Grid { block: Rows, waiting: Rows },
    #[error("POV-Ray's blocks come too far out of order: {waiting} rows of blocks wait for their missing blocks")]
    Scattered { waiting: usize },
    #[error("columns {} to {} do not lie in an image {width} wide", columns.start + 1, columns.end)]
    Columns { columns: Rows, width: u32 },
    #[error("a block of POV-Ray's has columns {} to {}, which do not lie in the part", columns.start + 1, columns.end)]
    OutsidePart { columns: Rows },
}

/// Whole rows of floats, each as wide as the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloatRows<'a> {
    pub rows: Rows,
    width: usize,
    pixels: &'a [Pixel],
}

impl<'a> FloatRows<'a> {
    /// The rows from the top down; each has the image's width.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [Pixel]> + use<'a> {
        self.pixels.chunks_exact(self.width)
    }

    /// All pixels, row by row.
    #[must_use]
    pub const fn pixels(&self) -> &'a [Pixel] {
        self.pixels
    }
}

/// Puts blocks together and gives out runs of rows from the top down, without a gap.
#[derive(Debug)]
pub struct RowAssembler {
    width: u32,
    columns: Rows,
    /// First row that was not given out yet, and the end of the strip.
    wanted: Rows,
    /// Sorted by row.
    waiting: VecDeque<BlockRow>,
    most_waiting: usize,
    /// The run that was given out last; its memory is used again.
    given: Option<BlockRow>,
}

impl RowAssembler {
    /// For the rows of one strip of an image `width` columns wide, of which only `columns` are traced.
    ///
    /// # Errors
    /// `columns` is empty or does not lie in the image.
    pub fn new(width: u32, rows: Rows, columns: Rows) -> Result<Self, AssemblyError> {
        if columns.is_empty() || columns.end > width {
            return Err(AssemblyError::Columns { columns, width });
        }
        Ok(Self { width, columns, wanted: rows, waiting: VecDeque::new(), most_waiting: MAX_WAITING, given: None })
    }

    /// As many rows of blocks may wait as there are: for a small view, which several threads may trace.
    #[must_use]
    pub fn of_any_order(self) -> Self {
        Self { most_waiting: usize::MAX, ..self }
    }

    /// Rows that were not given out yet.
    #[must_use]
    pub const fn wanted(&self) -> Rows {
        self.wanted
    }

    /// Ends the strip earlier: rows from `end` on are no longer wanted.
    pub fn shrink(&mut self, end: u32) {
        self.wanted.end = self.wanted.end.min(end).max(self.wanted.start);
    }

    /// Takes one block. Blocks outside the wanted rows, and parts of blocks, are dropped.
    ///
    /// # Errors
    /// The block does not fit to those before it; the strip has to be rendered in the other way.
    pub fn add(&mut self, block: &Block<'_>) -> Result<(), AssemblyError> {
        let rows = Rows::new(block.rows().start.max(self.wanted.start), block.rows().end.min(self.wanted.end));
        if rows.is_empty() {
            return Ok(());
        }
        if !self.columns.contains(block.columns()) {
            return Err(AssemblyError::OutsidePart { columns: block.columns() });
        }
        let index = self.waiting.partition_point(|waiting| waiting.rows.start < rows.start);
        let neighbours = index.saturating_sub(1)..(index + 1).min(self.waiting.len());
        let clash = self.waiting.range(neighbours).find(|w| w.rows.overlaps(rows) && w.rows.start != rows.start);
        if let Some(waiting) = clash {
            return Err(AssemblyError::Grid { block: rows, waiting: waiting.rows });
        }
        if self.waiting.get(index).is_none_or(|waiting| waiting.rows.start != rows.start) {
            if self.waiting.len() >= self.most_waiting {
                return Err(AssemblyError::Scattered { waiting: self.waiting.len() });
            }
            let memory = self.given.take().map(|given| given.pixels).unwrap_or_default();
            self.waiting.insert(index, BlockRow::new(rows, self.width, self.columns, memory));
        }
        let Some(waiting) = self.waiting.get_mut(index) else {
            return Ok(());
        };
        if waiting.rows.end.min(self.wanted.end) != rows.end {
            return Err(AssemblyError::Grid { block: rows, waiting: waiting.rows });
        }
        waiting.take(block, self.width);
        Ok(())
    }

    /// The next complete rows, or `None` while blocks are missing. One row of blocks at a time.
    pub fn next_run(&mut self) -> Option<FloatRows<'_>> {
        let first = self.waiting.front()?;
        if first.rows.start != self.wanted.start || !first.is_complete() {
            return None;
        }
        let given = self.given.insert(self.waiting.pop_front()?);
        // The strip may have been shrunk while these rows waited.
        let rows = Rows::new(given.rows.start, given.rows.end.min(self.wanted.end));
        if rows.is_empty() {
            return None;
        }
        self.wanted.start = rows.end;
        let width = self.width as usize;
        Some(FloatRows { rows, width, pixels: given.pixels.get(..rows.len() as usize * width).unwrap_or_default() })
    }
}

/// One row of blocks.
#[derive(Debug)]
struct BlockRow {
    rows: Rows,
    pixels: Vec<Pixel>,
    /// One bit per column that has come.
    come: Vec<u64>,
    /// Columns that have not.
    missing: u32,
}

impl BlockRow {
    fn new(rows: Rows, width: u32, columns: Rows, mut memory: Vec<Pixel>) -> Self {
        // Memory of an earlier run is black outside `columns`, and will be written over inside.
        memory.resize(rows.len() as usize * width as usize, Pixel::OUTSIDE);
        Self { rows, pixels: memory, come: vec![0; (width as usize).div_ceil(64)], missing: columns.len() }
    }

    const fn is_complete(&self) -> bool {
        self.missing == 0
    }

    fn take(&mut self, block: &Block<'_>, width: u32) {
        let left = block.left as usize;
        for row in self.rows.start..self.rows.end {
            let start = (row - self.rows.start) as usize * width as usize + left;
            let Some(pixels) = self.pixels.get_mut(start..) else {
                return;
            };
            for (pixel, [red, green, blue, _, transmit]) in pixels.iter_mut().zip(block.row(row)) {
                *pixel = Pixel { red, green, blue, transmit };
            }
        }
        for column in block.left..=block.right {
            let Some(word) = self.come.get_mut(column as usize / 64) else {
                return;
            };
            let bit = 1 << (column % 64);
            if *word & bit == 0 {
                *word |= bit;
                self.missing = self.missing.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests;

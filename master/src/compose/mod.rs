//! From segments to the picture's file.
//!
//! While strips render, each segment that arrives is checked and put into the [`Spool`]: a file of ready-made IDAT
//! chunks, and in memory an index of which rows lie where. When no row is missing, [`compose`] writes the PNG by
//! copying those chunks in row order; no pixel is looked at again, so it takes milliseconds and a few megabytes
//! whatever the image's size. All that costs time is done on arrival, beside the rendering.
//!
//! [`OutputPlan`] settles before rendering whether the output can be written at all; the file appears under its
//! name only when it is whole. Formats other than PNG are made from the composed PNG ([`OutputFormat`]).

mod black;
mod chunk;
mod compare;
mod convert;
mod date;
mod encode;
mod error;
mod format;
mod join;
mod maker;
mod output;
mod partial;
mod peek;
mod pnm;
mod record;
mod settled;
mod spool;
mod trim;
mod unfilter;

use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;
use td_protocol::segment::SegmentMeta;

pub use black::black_segment;
pub use chunk::{BadChunk, Chunk, chunks_before_idat};
pub use compare::{Difference, difference, plain_rows};
pub use error::{ComposeError, OutputError, SpoolError};
pub use format::{FormatError, OutputFormat};
pub use join::write_png;
pub use maker::Maker;
pub use output::{OutputPlan, OutputTarget};
pub use partial::{NewPicture, remove_partial_picture};
pub use peek::missing_rows_in;
pub use spool::{Added, Spool};

/// Puts the PNG `file` to where `plan` says, by copying it. Returns the bytes written.
///
/// # Errors
/// [`ComposeError`]; nothing is left behind then, and a file that was there before is as it was.
pub fn place(plan: &OutputPlan, file: &Path) -> Result<u64, ComposeError> {
    let fill = |out: &mut File| {
        let mut from = File::open(file).map_err(ComposeError::Write)?;
        std::io::copy(&mut from, out).map_err(ComposeError::Write)
    };
    plan.write(fill, &mut |_| {})
}

/// Size and pixels of the image that is composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub width: u32,
    pub height: u32,
    pub format: PixelFormat,
}

impl Shape {
    /// All rows of the image.
    #[must_use]
    pub const fn rows(self) -> Rows {
        Rows::new(0, self.height)
    }
}

/// A segment with its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub meta: SegmentMeta,
    pub data: Vec<u8>,
}

/// Writes the image that `spool` holds to where `plan` says, in the plan's format. `chunks` are POV-Ray's own, put before the
/// pixels with the date brought to `now`. Returns the bytes written.
///
/// # Errors
/// [`ComposeError`]; nothing is left behind then, and a file that was there before is as it was.
pub fn compose(spool: &Spool, chunks: &[Chunk], plan: &OutputPlan, now: SystemTime) -> Result<u64, ComposeError> {
    compose_announced(spool, chunks, plan, now, &mut |_| {})
}

/// [`compose`]; `announce` hears which file gets the picture's name, just before it does.
///
/// # Errors
/// As [`compose`].
pub fn compose_announced(
    spool: &Spool,
    chunks: &[Chunk],
    plan: &OutputPlan,
    now: SystemTime,
    announce: &mut dyn FnMut(&NewPicture),
) -> Result<u64, ComposeError> {
    let missing = spool.missing();
    if !missing.is_empty() {
        return Err(ComposeError::Incomplete { missing });
    }
    let fill = |out: &mut std::fs::File| match plan.format() {
        OutputFormat::Png => write_png(out, chunks, spool, now),
        other => convert::write_converted(out, other, chunks, spool, now),
    };
    plan.write(fill, announce)
}

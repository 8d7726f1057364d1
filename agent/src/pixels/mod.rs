//! From POV-Ray's floats, or from its own PNG, to segments. Bytes go in, values come out: nothing here opens a file,
//! starts a process or looks at a clock.
//!
//! Way (a), from the state file that POV-Ray writes while it traces:
//!
//! ```text
//! bytes of <out>.pov-state
//!   -> state_file::StateReader      finished blocks
//!   -> row_assembly::RowAssembler   runs of whole rows of floats, from the top down
//!   -> conversion::Converter        samples, as POV-Ray's own PNG writer computes them
//!   -> encode::SegmentEncoder       a segment
//! ```
//!
//! Way (b), from POV-Ray's own PNG through a pipe:
//!
//! ```text
//! bytes of <out>.png -> png_rows::PngRows   samples   -> encode::SegmentEncoder
//! ```
//!
//! Both ways hand the same packed bytes to the encoder: the samples of one row in PNG's order, 16-bit samples with the
//! high byte first, no filter byte.
//!
//! Which conversion a scene needs depends on its `assumed_gamma`, which no option tells. [`candidates`] finds it by
//! trying: a probe's floats against POV-Ray's own samples of the same render. Way (a) is taken only where that says
//! [`candidates::Decision::Exact`].

pub mod candidates;
pub mod conversion;
pub mod encode;
pub mod filter;
pub mod gamma;
pub mod png_rows;
pub mod row_assembly;
pub mod state_file;
pub mod thresholds;
mod unfilter;
mod wire;

pub use row_assembly::Pixel;

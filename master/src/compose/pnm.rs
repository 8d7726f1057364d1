//! PPM and PGM, row by row: memory does not depend on the image's height.

use std::io::{self, BufRead, Seek, Write};

use td_protocol::pixel::PixelFormat;

use super::Shape;

/// Copies a PNG without alpha as P6 (colour) or P5 (grey). Both formats have 16-bit samples in the same byte order.
pub(super) fn write_pnm(out: &mut impl Write, png: impl BufRead + Seek, shape: Shape) -> io::Result<()> {
    let PixelFormat { depth, grey, .. } = shape.format;
    let magic = if grey { "P5" } else { "P6" };
    write!(out, "{magic}\n{} {}\n{}\n", shape.width, shape.height, depth.max())?;
    let mut decoder = png::Decoder::new_with_limits(png, png::Limits { bytes: usize::MAX });
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(io::Error::from)?;
    while let Some(row) = reader.next_row().map_err(io::Error::from)? {
        out.write_all(row.data())?;
    }
    Ok(())
}

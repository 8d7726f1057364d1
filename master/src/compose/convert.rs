//! Formats other than PNG, from the composed PNG.
//!
//! PPM and PGM are written row by row. The `image` crate's encoders for the others want the whole image in memory: width x
//! height x bytes per pixel.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::Path;
use std::time::SystemTime;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngDecoder;
use image::{ColorType, DynamicImage, ImageError, ImageFormat, Limits};

use super::chunk::Chunk;
use super::error::ComposeError;
use super::format::OutputFormat;
use super::join::write_png;
use super::pnm::write_pnm;
use super::spool::Spool;

/// Of 100. The encoder's own default, 75, shows blocks on smooth shades.
const JPEG_QUALITY: u8 = 95;

/// Writes the image that `spool` holds in `format`, by way of a PNG beside the spool that has no name. Returns the
/// bytes written.
pub(super) fn write_converted(
    out: &mut File,
    format: OutputFormat,
    chunks: &[Chunk],
    spool: &Spool,
    now: SystemTime,
) -> Result<u64, ComposeError> {
    format.check_shape(spool.shape())?;
    let folder = spool.path().parent().unwrap_or(Path::new("."));
    let at_folder = |error: ComposeError| error.at(Some(folder));
    let mut png = tempfile::tempfile_in(folder).map_err(ComposeError::Write).map_err(at_folder)?;
    write_png(&mut png, chunks, spool, now).map_err(at_folder)?;
    png.rewind().map_err(ComposeError::Write).map_err(at_folder)?;

    let mut counted = Counted { out, bytes: 0 };
    let mut buffered = BufWriter::with_capacity(256 * 1024, &mut counted);
    encode(&mut buffered, format, BufReader::with_capacity(256 * 1024, png), spool)?;
    buffered.flush().map_err(ComposeError::Write)?;
    drop(buffered);
    Ok(counted.bytes)
}

fn encode<W: Write>(
    out: &mut W,
    format: OutputFormat,
    png: BufReader<File>,
    spool: &Spool,
) -> Result<(), ComposeError> {
    let failed = |error| match error {
        ImageError::IoError(error) => ComposeError::Write(error),
        other => ComposeError::Encode { format: format.name(), reason: other.to_string() },
    };
    if matches!(format, OutputFormat::Ppm | OutputFormat::Pgm) {
        return write_pnm(out, png, spool.shape()).map_err(ComposeError::Write);
    }
    let decoder = PngDecoder::with_limits(png, Limits::no_limits()).map_err(failed)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    if !format.keeps_sixteen_bits() {
        picture = in_eight_bits(picture);
    }
    // Some encoders have no form for grey with alpha.
    if matches!(format, OutputFormat::Bmp | OutputFormat::Tiff) {
        picture = match picture.color() {
            ColorType::La8 => DynamicImage::ImageRgba8(picture.into_rgba8()),
            ColorType::La16 => DynamicImage::ImageRgba16(picture.into_rgba16()),
            _ => picture,
        };
    }
    let target = match format {
        OutputFormat::Jpeg => {
            return picture.write_with_encoder(JpegEncoder::new_with_quality(out, JPEG_QUALITY)).map_err(failed);
        }
        OutputFormat::Bmp => ImageFormat::Bmp,
        OutputFormat::Tga => ImageFormat::Tga,
        OutputFormat::Tiff => ImageFormat::Tiff,
        OutputFormat::WebP => ImageFormat::WebP,
        OutputFormat::Png | OutputFormat::Ppm | OutputFormat::Pgm => ImageFormat::Png,
    };
    // TIFF and others seek in what they write; in memory, so that standard output will do too.
    let mut whole = io::Cursor::new(Vec::new());
    picture.write_to(&mut whole, target).map_err(failed)?;
    out.write_all(whole.get_ref()).map_err(ComposeError::Write)
}

fn in_eight_bits(picture: DynamicImage) -> DynamicImage {
    match picture.color() {
        ColorType::L16 => DynamicImage::ImageLuma8(picture.into_luma8()),
        ColorType::La16 => DynamicImage::ImageLumaA8(picture.into_luma_alpha8()),
        ColorType::Rgb16 => DynamicImage::ImageRgb8(picture.into_rgb8()),
        ColorType::Rgba16 => DynamicImage::ImageRgba8(picture.into_rgba8()),
        _ => picture,
    }
}

/// Counts what is written.
struct Counted<'a> {
    out: &'a mut File,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

//! Two pictures that should be the same: how do they differ?
//!
//! Same means: equal raw samples, and the same chunks before IDAT in kind, order and content. Two renders of one
//! POV-Ray differ in the moment they were made, so `tIME` and the render date in the `tEXt` comment may differ.

use crate::picture::{Chunk, Picture};

/// # Errors
/// A sentence that says where and by how much they differ.
pub fn same(wanted: &Picture, got: &Picture) -> Result<(), String> {
    same_head(wanted, got)?;
    same_samples(wanted, got)
}

/// # Errors
/// A sentence that names the first chunk that differs.
pub fn same_head(wanted: &Picture, got: &Picture) -> Result<(), String> {
    let (wanted, got) = (undated(&wanted.head), undated(&got.head));
    if wanted == got {
        return Ok(());
    }
    let kinds = |chunks: &[Chunk]| chunks.iter().map(|c| c.kind.clone()).collect::<Vec<_>>().join(" ");
    let (wanted_kinds, got_kinds) = (kinds(&wanted), kinds(&got));
    if wanted_kinds != got_kinds {
        return Err(format!("chunks before IDAT: wanted {wanted_kinds}, got {got_kinds}"));
    }
    let (w, g) = wanted.iter().zip(&got).find(|(w, g)| w != g).expect("one differs");
    Err(format!("chunk {}: wanted {w:?}, got {g:?}", w.kind))
}

/// # Errors
/// A sentence that says how many samples differ, by how much, and where the first one is.
pub fn same_samples(wanted: &Picture, got: &Picture) -> Result<(), String> {
    let shape = |p: &Picture| format!("{}x{} {:?} {:?}", p.width, p.height, p.colour, p.depth);
    if shape(wanted) != shape(got) {
        return Err(format!("wanted {}, got {}", shape(wanted), shape(got)));
    }
    if wanted.samples == got.samples {
        return Ok(());
    }
    let pairs = || wanted.values().zip(got.values());
    let count = pairs().filter(|(w, g)| w != g).count();
    let most = pairs().map(|(w, g)| w.abs_diff(g)).max().unwrap_or(0);
    let first = pairs().position(|(w, g)| w != g).unwrap_or(0);
    let per_row = wanted.colour.samples() * wanted.width as usize;
    let (row, column) = (first / per_row, first % per_row / wanted.colour.samples());
    let total = pairs().count();
    Err(format!("{count} of {total} samples differ, up to {most}; the first at row {}, column {}", row + 1, column + 1))
}

/// The chunks without what depends on the moment.
fn undated(chunks: &[Chunk]) -> Vec<Chunk> {
    chunks.iter().map(undate).collect()
}

fn undate(chunk: &Chunk) -> Chunk {
    let mut chunk = chunk.clone();
    match chunk.kind.as_str() {
        "tIME" => chunk.data.fill(0),
        "tEXt" if chunk.data.starts_with(b"Comment\0") => {
            let lines = chunk.data.split(|&b| b == b'\n');
            let undated = lines.map(|line| match find(line, b"Render Date:") {
                Some(at) => &line[..at + b"Render Date:".len()],
                None => line,
            });
            chunk.data = undated.collect::<Vec<_>>().join(&b'\n');
        }
        _ => {}
    }
    chunk
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(date: &str, platform: &str, samples: &[u8]) -> Picture {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
        encoder.set_color(png::ColorType::Rgb);
        encoder.add_text_chunk("Comment".into(), format!("Render Date: {date}\nPlatform: {platform}\n")).unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(samples).unwrap();
        drop(writer);
        Picture::from_bytes(&bytes).unwrap()
    }

    #[test]
    fn only_the_date_may_differ() {
        let one = picture("2026-01-01", "x86_64", &[7; 12]);
        assert_eq!(same(&one, &picture("2027-12-31", "x86_64", &[7; 12])), Ok(()));
        let error = same(&one, &picture("2026-01-01", "armv6l", &[7; 12])).unwrap_err();
        assert!(error.starts_with("chunk tEXt"), "{error}");
    }

    #[test]
    fn a_sample_that_differs_is_named() {
        let mut samples = [7; 12];
        samples[10] = 9;
        let error = same(&picture("", "", &[7; 12]), &picture("", "", &samples)).unwrap_err();
        assert_eq!(error, "1 of 12 samples differ, up to 2; the first at row 2, column 2");
    }

    #[test]
    fn what_follows_the_end_is_refused() {
        let mut bytes = Vec::new();
        let mut writer = png::Encoder::new(&mut bytes, 1, 1).write_header().unwrap();
        writer.write_image_data(&[1]).unwrap();
        drop(writer);
        assert!(Picture::from_bytes(&bytes).is_ok());
        assert!(Picture::from_bytes(&bytes[..bytes.len() - 12]).is_err());
        bytes.push(0);
        assert!(Picture::from_bytes(&bytes).is_err());
    }
}

//! Which conversion a scene needs, found by trying.
//!
//! A scene's `assumed_gamma` can come from an include, a macro or an expression, so its text alone does not tell. A probe
//! gives POV-Ray's floats and POV-Ray's own samples of the same render; the candidates are what the text named and the
//! gammas in common use. POV-Ray also has ways to use another curve than the scene says (a picture in the scene whose
//! gamma lies within 1 % of the scene's may replace it), so what the text says is never believed unseen.

use td_protocol::options::FileGamma;
use td_protocol::pixel::{Depth, PixelFormat};

use super::conversion::{Conversion, Converter};
use super::gamma::{Arithmetic, Curve, WorkingGamma};
use super::row_assembly::Pixel;

/// Gammas in common use, tried after those that the scene's text names.
pub const USUAL: [WorkingGamma; 14] = [
    WorkingGamma::LINEAR,
    WorkingGamma::Off,
    WorkingGamma::Power(2.2),
    WorkingGamma::Power(1.8),
    WorkingGamma::Srgb,
    WorkingGamma::Power(1.2),
    WorkingGamma::Power(1.3),
    WorkingGamma::Power(1.4),
    WorkingGamma::Power(1.5),
    WorkingGamma::Power(1.6),
    WorkingGamma::Power(1.7),
    WorkingGamma::Power(2.0),
    WorkingGamma::Power(2.4),
    WorkingGamma::Power(2.5),
];

/// Different samples, neither black nor full, that a probe must show before a gamma is believed that the scene's text
/// names.
pub const ENOUGH_FOR_NAMED: u32 = 8;

/// The same for a gamma that is only one of [`USUAL`]: others, that nobody tried, must be ruled out too.
pub const ENOUGH_FOR_USUAL: u32 = 24;

/// A probe: POV-Ray's floats of some pixels and the samples that POV-Ray wrote for them, packed as in [`super`].
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    pub pixels: &'a [Pixel],
    pub samples: &'a [u8],
    pub format: PixelFormat,
    pub file_gamma: FileGamma,
}

/// What a probe tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// This conversion gives POV-Ray's samples, and nothing else that is likely does.
    Exact(Conversion),
    /// Some do, but the probe shows too little (`shades` different samples) to tell them apart.
    Ambiguous { matching: Vec<Conversion>, shades: u32 },
    /// None does; the best leaves `differing` of `of` samples different.
    NotExact { differing: u64, of: u64 },
}

/// Tries the gammas that the scene's text names, then the usual ones, on a probe.
///
/// A candidate counts as matching when all samples are equal. Candidates that lead to the same curve count as one.
/// - One matches, and there are enough shades: [`Decision::Exact`].
/// - Several match (their curves differ by less than the probe shows): the one that the text names, if the text names
///   exactly one of them and there are enough shades.
/// - Else [`Decision::Ambiguous`], and rows have to leave in way (b).
#[must_use]
pub fn decide(probe: &Probe<'_>, named: &[WorkingGamma]) -> Decision {
    let mut best = u64::MAX;
    let mut matching: Vec<(Curve, Conversion, bool)> = Vec::new();
    let mut tried: Vec<Curve> = Vec::new();
    let candidates = named.iter().map(|&gamma| (gamma, true)).chain(USUAL.map(|gamma| (gamma, false)));
    for (working, is_named) in candidates {
        for arithmetic in [Arithmetic::Separate, Arithmetic::Fused] {
            let conversion = Conversion { working, file_gamma: probe.file_gamma, format: probe.format, arithmetic };
            let Ok(curve) = conversion.curve() else {
                continue;
            };
            if tried.contains(&curve) {
                continue;
            }
            tried.push(curve);
            let Ok(converter) = Converter::by_formula(&conversion) else {
                continue;
            };
            let differing = count_differing(probe, &converter, best.max(1));
            best = best.min(differing);
            if differing == 0 {
                matching.push((curve, conversion, is_named));
            }
        }
    }
    let of = probe.samples.len() as u64 / u64::from(probe.format.depth.bytes());
    prefer_native(&mut matching);
    let shades = count_shades(probe);
    let named: Vec<_> = matching.iter().filter(|(_, _, is_named)| *is_named).collect();
    match (matching.as_slice(), named.as_slice()) {
        ([], _) => Decision::NotExact { differing: best.min(of), of },
        (_, [(_, conversion, _)]) if shades >= ENOUGH_FOR_NAMED => Decision::Exact(*conversion),
        ([(_, conversion, _)], []) if shades >= ENOUGH_FOR_USUAL => Decision::Exact(*conversion),
        (all, _) => {
            Decision::Ambiguous { matching: all.iter().map(|(_, conversion, _)| *conversion).collect(), shades }
        }
    }
}

/// Where a curve matches in both kinds of arithmetic, the one of this agent's architecture is meant: it is not the
/// scene that tells them apart.
fn prefer_native(matching: &mut Vec<(Curve, Conversion, bool)>) {
    let all = std::mem::take(matching);
    for &(curve, conversion, is_named) in &all {
        let native = Conversion { arithmetic: Arithmetic::NATIVE, ..conversion };
        let has_native = native.curve().is_ok_and(|native| all.iter().any(|(other, _, _)| *other == native));
        if conversion.arithmetic == Arithmetic::NATIVE || !has_native {
            matching.push((curve, conversion, is_named));
        }
    }
}

/// Counts samples that differ, in pieces, and gives up once there are `enough`.
fn count_differing(probe: &Probe<'_>, converter: &Converter, enough: u64) -> u64 {
    let pixel_bytes = probe.format.bytes_per_pixel() as usize;
    let sample_bytes = probe.format.depth.bytes() as usize;
    if probe.samples.len() != probe.pixels.len() * pixel_bytes {
        return u64::MAX;
    }
    let mut out = Vec::new();
    let mut differing = 0;
    for (pixels, samples) in probe.pixels.chunks(256).zip(probe.samples.chunks(256 * pixel_bytes)) {
        converter.convert(pixels, &mut out);
        if out != samples {
            let pairs = out.chunks_exact(sample_bytes).zip(samples.chunks_exact(sample_bytes));
            differing += pairs.filter(|(ours, theirs)| ours != theirs).count() as u64;
        }
        if differing >= enough {
            break;
        }
    }
    differing
}

/// Different colour samples in the middle of the range, where curves differ. Alpha, which has no curve, is left out.
fn count_shades(probe: &Probe<'_>) -> u32 {
    let mut seen = vec![false; probe.format.depth.max() as usize + 1];
    let colours = probe.format.samples() as usize - usize::from(probe.format.alpha);
    let mut mark = |at: usize| {
        if let Some(seen) = seen.get_mut(at) {
            *seen = true;
        }
    };
    for pixel in probe.samples.chunks_exact(probe.format.bytes_per_pixel() as usize) {
        match probe.format.depth {
            Depth::Eight => pixel.iter().take(colours).for_each(|&byte| mark(usize::from(byte))),
            Depth::Sixteen => {
                let words = pixel.as_chunks::<2>().0.iter().take(colours);
                words.for_each(|&word| mark(usize::from(u16::from_be_bytes(word))));
            }
        }
    }
    let edge = seen.len() / 16;
    let middle = seen.get(edge..seen.len() - edge).unwrap_or_default();
    middle.iter().filter(|&&seen| seen).count() as u32
}

#[cfg(test)]
mod tests;

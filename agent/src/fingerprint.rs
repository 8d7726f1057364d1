//! What this node's POV-Ray draws like: told once, kept until POV-Ray or td changes.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use td_protocol::bundle::{Bundle, BundleFile};
use td_protocol::hash::ContentHash;
use td_protocol::hello::Fingerprint;
use td_protocol::options::{FileGamma, RenderOptions};
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;
use td_protocol::version;

use crate::pixels::candidates::{self, Decision};
use crate::pixels::gamma::WorkingGamma;
use crate::pixels::png_rows::PngRows;
use crate::povray::command::Drawing;
use crate::povray::locate::{Povray, binary_identity};
use crate::scratch::Scratch;
use crate::store::blobs::Blobs;
use crate::view::{self, Patience, View};

/// The scene of noise and trigonometry. Changing it changes every node's fingerprint.
const SCENE: &str = include_str!("fingerprint.pov");
const SIDE: u32 = 64;
/// Raised when the kept form changes.
const FORM: u32 = 1;
/// The scene takes a second or two of a Pi 1.
const STALL: Duration = Duration::from_secs(300);

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub fingerprint: Fingerprint,
    /// Whether rows from the state file equalled POV-Ray's own file.
    pub state_file_proven: bool,
    /// Fingerprint scenes per CPU second.
    pub speed: f64,
}

/// A POV-Ray that cannot draw the scene.
#[derive(Debug, thiserror::Error)]
#[error("POV-Ray at {path} does not render td's test scene: {reason}")]
pub struct Unfit {
    path: String,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    form: u32,
    td: String,
    povray: String,
    found: Found,
}

/// The version of the POV-Ray at `path`, if its fingerprint is kept.
#[must_use]
pub fn kept_version(cache: &Path, path: &Path) -> Option<String> {
    kept(cache, &binary_identity(path)).map(|found| found.fingerprint.povray)
}

/// What was found of the POV-Ray of this identity by this td.
fn kept(cache: &Path, identity: &str) -> Option<Found> {
    let bytes = std::fs::read(cache.join("fingerprint.json")).ok()?;
    let kept = serde_json::from_slice::<Kept>(&bytes).ok()?;
    ((kept.form, kept.td.as_str(), kept.povray.as_str()) == (FORM, version::TD, identity)).then_some(kept.found)
}

/// The fingerprint of `povray`: the kept one where neither POV-Ray nor td changed, else found by rendering, which ends
/// when `stop` is true.
///
/// # Errors
/// [`Unfit`] when the scene does not render.
pub fn of(
    povray: &Povray,
    cache: &Path,
    blobs: &Blobs,
    scratch: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<Found, Unfit> {
    let identity = binary_identity(&povray.path);
    if let Some(found) = kept(cache, &identity) {
        return Ok(found);
    }
    let file = cache.join("fingerprint.json");
    let unfit = |reason: String| Unfit { path: povray.path.display().to_string(), reason };
    // A POV-Ray that was killed, as when memory is short, gets a second try.
    let find = || find(povray, blobs, scratch, stop);
    let found = find().or_else(|_| find()).map_err(unfit)?;
    let kept = Kept { form: FORM, td: version::TD.to_owned(), povray: identity, found };
    let written = serde_json::to_vec(&kept).map_err(std::io::Error::other).and_then(|text| std::fs::write(&file, text));
    if let Err(error) = written {
        tracing::warn!("the fingerprint is not kept in {}: {error}", file.display());
    }
    Ok(kept.found)
}

fn find(povray: &Povray, blobs: &Blobs, scratch: &Path, stop: &dyn Fn() -> bool) -> Result<Found, String> {
    let options = options(SIDE, SIDE);
    let (view, samples) = draw(povray, blobs, scratch, &options, stop)?;
    let probe = candidates::Probe {
        pixels: &view.pixels,
        samples: &samples,
        format: options.format,
        file_gamma: options.file_gamma,
    };
    let decision = candidates::decide(&probe, &[WorkingGamma::Power(2.2)]);
    let state_file_proven =
        matches!(decision, Decision::Exact(conversion) if conversion.working == WorkingGamma::Power(2.2));
    if !state_file_proven {
        tracing::warn!("rows are not taken from the state file here: {decision:?}");
    }
    let picture = ContentHash::of(&samples);
    let fingerprint = Fingerprint { povray: povray.version.clone(), word_size: povray.word_size, picture };
    let speed = 1.0 / (view.cpu - view.start_cpu).max(0.01);
    Ok(Found { fingerprint, state_file_proven, speed })
}

/// The scene's samples at another size, for a comparison with what is known of it.
///
/// # Errors
/// A sentence, with the end of POV-Ray's messages.
pub fn samples(povray: &Povray, blobs: &Blobs, scratch: &Path, width: u32, height: u32) -> Result<Vec<u8>, String> {
    draw(povray, blobs, scratch, &options(width, height), &|| false).map(|(_, samples)| samples)
}

fn options(width: u32, height: u32) -> RenderOptions {
    RenderOptions {
        width,
        height,
        rows: Rows::new(0, height),
        columns: Rows::new(0, width),
        format: PixelFormat { depth: Depth::Sixteen, grey: false, alpha: false },
        file_gamma: FileGamma::Srgb,
        dither: false,
        antialias_method: 2,
        switches: vec!["+A0.0".to_owned(), "+AM2".to_owned(), "+R3".to_owned(), "-J".to_owned()],
    }
}

/// Renders the scene: what was seen of the state file, and the samples of POV-Ray's own file.
fn draw(
    povray: &Povray,
    blobs: &Blobs,
    scratch: &Path,
    options: &RenderOptions,
    stop: &dyn Fn() -> bool,
) -> Result<(View, Vec<u8>), String> {
    // No folder is made that an ending agent would leave behind.
    if stop() {
        return Err("the agent ends".to_owned());
    }
    let hash = ContentHash::of(SCENE.as_bytes());
    let mut incoming = blobs.begin().map_err(|error| error.to_string())?;
    incoming.write(SCENE.as_bytes()).map_err(|error| error.to_string())?;
    incoming.finish(hash).map_err(|error| error.to_string())?;
    let scene = "fingerprint.pov".to_owned();
    let bundle = Bundle {
        run_dir: String::new(),
        scene: scene.clone(),
        library_paths: Vec::new(),
        files: vec![BundleFile { path: scene, hash, size: SCENE.len() as u64 }],
    };
    let scratch = Scratch::create(scratch, &bundle, blobs).map_err(|error| error.to_string())?;
    let drawing = Drawing::of_view(options, options.width, options.height);
    let mut patience = Patience { stall: STALL, stop: &mut |_| stop() };
    let view = view::render(povray, &scratch, &bundle, &drawing, &mut patience)
        .map_err(|ending| format!("{}\n{}", ending.message, last_lines(&ending.povray)))?;
    let samples = read_samples(&scratch)?;
    Ok((view, samples))
}

/// The end of POV-Ray's messages, where its errors are.
fn last_lines(messages: &str) -> String {
    let lines: Vec<&str> = messages.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("\n")
}

fn read_samples(scratch: &Scratch) -> Result<Vec<u8>, String> {
    let file = File::open(scratch.output()).map_err(|error| error.to_string())?;
    let mut rows = PngRows::open(BufReader::new(file)).map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    while let Some(row) = rows.next_row().map_err(|error| error.to_string())? {
        samples.extend_from_slice(row);
    }
    Ok(samples)
}

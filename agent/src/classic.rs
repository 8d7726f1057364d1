//! A strip in the paper's way: POV-Ray writes a PNG of the whole image in which only the strip is drawn, ImageMagick's
//! `convert` crops it, and the part is sent when all of that is done.
//!
//! The baseline that td's own way is measured against, so nothing is taken from that: no state file is followed, no row
//! leaves early, nothing is kept for later.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use td_protocol::classic::ClassicEvent;
use td_protocol::rows::Rows;
use td_protocol::strip::Failure;
use tokio::sync::mpsc::Sender;

use crate::povray::command::{self, Drawing};
use crate::povray::ending::{self, Ending};
use crate::povray::process::Process;
use crate::scratch::Scratch;
use crate::slots::Slots;
use crate::strip::events::Events;
use crate::strip::starting::scratch_failed;
use crate::view::Site;

/// ImageMagick's program, in the folders of [`command::environment`]'s `PATH`.
const CONVERT: &str = "convert";
const CONVERT_FOLDERS: [&str; 2] = ["/usr/bin", "/bin"];
/// Pause between two looks at whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Bytes of the part that are sent at once.
const PIECE: usize = 1 << 20;

/// Renders and crops the rows and sends the part, to the last frame.
pub fn run(site: &Site, slots: &Arc<Slots>, rows: Rows, sender: Sender<Bytes>) {
    let no_stop = || site.job.is_closed();
    let mut events = Events::new(sender, &no_stop);
    let last = match render(site, slots, rows, &mut events) {
        Ok((cpu, crop_cpu)) => ClassicEvent::Done { cpu, crop_cpu },
        Err(ending) => {
            ClassicEvent::Failed { failure: ending.failure, message: ending.message, printed: ending.povray }
        }
    };
    // A master that is gone by now needs no last word.
    let _ = events.send(&last, &[]);
}

/// CPU seconds of POV-Ray and of the cropping.
fn render(site: &Site, slots: &Arc<Slots>, rows: Rows, events: &mut Events<'_>) -> Result<(f64, f64), Ending> {
    let job = &site.job.spec;
    let mut goes_on = || !site.job.is_closed() && events.keep_alive(&ClassicEvent::Alive).is_ok();
    let _slot = slots.wait(&job.id, None, &mut goes_on).ok_or_else(Ending::cancelled)?;
    // Before anything is rendered: hours of POV-Ray are not thrown away for a program that is not there.
    let convert = find_convert()?;
    let scratch = Scratch::create(&site.scratch, &job.bundle, &site.blobs).map_err(scratch_failed)?;
    let drawing = Drawing::of_rows(&job.options, rows);
    let arguments = command::arguments(&site.povray, &scratch, &job.bundle.scene, &job.bundle.library_paths, &drawing);
    let cpu = to_its_end(site, &scratch, &site.povray.path, &arguments, events)?;
    let part = scratch.output().with_file_name("part.png");
    let crop = crop_arguments(&scratch.output(), &part, job.options.width, rows);
    let crop_cpu = to_its_end(site, &scratch, &convert, &crop, events)?;
    send(&part, events)?;
    Ok((cpu, crop_cpu))
}

fn find_convert() -> Result<PathBuf, Ending> {
    let candidates = CONVERT_FOLDERS.map(|folder| Path::new(folder).join(CONVERT));
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Ending::node("the classic method crops with ImageMagick's `convert`, which is not here: install imagemagick")
    })
}

/// `convert IN -crop WxH+0+Y +repage OUT`, as the paper's script has it.
fn crop_arguments(from: &Path, to: &Path, width: u32, rows: Rows) -> [OsString; 5] {
    let geometry = format!("{width}x{}+0+{}", rows.len(), rows.start);
    [from.into(), "-crop".into(), geometry.into(), "+repage".into(), to.into()]
}

/// Runs a program until it ends by itself; its CPU seconds.
fn to_its_end(
    site: &Site,
    scratch: &Scratch,
    program: &Path,
    arguments: &[OsString],
    events: &mut Events<'_>,
) -> Result<f64, Ending> {
    let job = &site.job.spec;
    // Without help for pictures that a 32-bit POV-Ray cannot hold: this is the paper's way, with the paper's limits.
    let environment = command::environment(scratch);
    let mut looked = Instant::now();
    let mut before = 0;
    let mut process = Process::start(program, arguments, &environment, &scratch.run_dir(&job.bundle))
        .map_err(|error| Ending::node(format!("cannot start {}: {error}", program.display())))?;
    let limit = Duration::try_from_secs_f64(job.stall_timeout).unwrap_or(Duration::MAX);
    loop {
        if let Some(status) = process.poll().map_err(|error| Ending::node(error.to_string()))? {
            if status.success() {
                return Ok(process.cpu_seconds());
            }
            let messages = process.messages();
            if program == site.povray.path {
                return Err(ending::of(status, false, messages, &scratch.temp()));
            }
            let (failure, message) = (Failure::Node, format!("{} failed ({status})", program.display()));
            return Err(Ending { failure, message, povray: messages });
        }
        if events.keep_alive(&ClassicEvent::Alive).is_err() || site.job.is_closed() {
            return Err(Ending::cancelled());
        }
        if looked.elapsed() > limit {
            // Never a limit on the whole: blocks that are finished go to the state file.
            let length = length_of(&scratch.state_file()) + length_of(&scratch.output());
            if length == before {
                process.kill();
                return Err(Ending::stalled(job.stall_timeout, process.messages()));
            }
            before = length;
            looked = Instant::now();
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// In bytes; 0 where there is no such file yet.
fn length_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

fn send(part: &Path, events: &mut Events<'_>) -> Result<(), Ending> {
    let failed = |error: std::io::Error| Ending::node(format!("cannot read the cropped part: {error}"));
    let mut file = File::open(part).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        events.send(&ClassicEvent::Piece, &piece[..read]).map_err(|_| Ending::cancelled())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crop_is_the_strip() {
        let arguments = crop_arguments(Path::new("s.png"), Path::new("part.png"), 800, Rows::new(75, 150));
        assert_eq!(arguments, ["s.png", "-crop", "800x75+0+75", "+repage", "part.png"].map(OsString::from));
    }
}

//! The first pass of two: saves radiosity samples for all strips.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use td_protocol::probe::{FirstPassEvent, StartFirstPass};
use tokio::sync::mpsc::Sender;

use crate::povray::command::{Drawing, Radiosity};
use crate::povray::ending::Ending;
use crate::scratch::Scratch;
use crate::slots::Slots;
use crate::strip::events::Events;
use crate::strip::starting::scratch_failed;
use crate::view::{self, Patience, Site};

/// Bytes of the file that are sent at once.
const PIECE: usize = 1 << 20;

/// Renders the view and sends the file, to the last frame.
pub fn run(site: &Site, slots: &Arc<Slots>, start: &StartFirstPass, sender: Sender<Bytes>) {
    let closed = || site.job.is_closed();
    let mut events = Events::new(sender, &closed);
    let last = match render(site, slots, start, &mut events) {
        Ok(cpu) => FirstPassEvent::Done { cpu },
        Err(ending) => {
            FirstPassEvent::Failed { failure: ending.failure, message: ending.message, povray: ending.povray }
        }
    };
    // A master that is gone by now needs no last word.
    let _ = events.send(&last, &[]);
}

fn render(site: &Site, slots: &Arc<Slots>, start: &StartFirstPass, events: &mut Events<'_>) -> Result<f64, Ending> {
    let job = &site.job.spec;
    let mut goes_on = || !site.job.is_closed() && events.keep_alive(&FirstPassEvent::Alive).is_ok();
    let _slot = slots.wait(&job.id, None, &mut goes_on).ok_or_else(Ending::cancelled)?;
    let scratch = Scratch::create(&site.scratch, &job.bundle, &site.blobs).map_err(scratch_failed)?;
    let mut options = job.options.clone();
    // Samples are taken where surfaces are; more rays per pixel would only cost.
    options.switches.retain(|switch| !switch.starts_with("+A"));
    options.switches.push("-A".to_owned());
    let mut drawing = Drawing::of_view(&options, start.width, start.height);
    drawing.radiosity = Radiosity::Save;
    if let Some(line) = drawing.radiosity.scene_line() {
        scratch.append_to_scene(&job.bundle, line).map_err(scratch_failed)?;
    }
    let mut stop = |_: view::Stage<'_>| events.keep_alive(&FirstPassEvent::Alive).is_err() || site.job.is_closed();
    let stall = Duration::try_from_secs_f64(job.stall_timeout).unwrap_or(Duration::MAX);
    let mut patience = Patience { stall, stop: &mut stop };
    let view = view::render(&site.povray, &scratch, &job.bundle, &drawing, &mut patience)?;
    let failed = |error: std::io::Error| Ending::node(format!("POV-Ray saved no radiosity file: {error}"));
    let mut file = std::fs::File::open(scratch.radiosity()).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).map_err(failed)?;
        if read == 0 {
            return Ok(view.cpu);
        }
        events.send(&FirstPassEvent::Piece, &piece[..read]).map_err(|_| Ending::cancelled())?;
    }
}

//! A small view of the whole picture, rendered to its end: for the fingerprint, the probe and the first pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use td_protocol::bundle::Bundle;
use td_protocol::probe::ViewProgress;

use crate::jobs::Job;
use crate::looks::{Costs, Looks};
use crate::pixels::row_assembly::{Pixel, RowAssembler};
use crate::povray::command::{self, Drawing, Radiosity};
use crate::povray::ending::{self, Ending};
use crate::povray::follow::Follower;
use crate::povray::locate::Povray;
use crate::povray::process::{self, Process};
use crate::povray::steady_cpu::SteadyCpu;
use crate::povray::watch::Watch;
use crate::scratch::Scratch;
use crate::store::blobs::Blobs;
use crate::strip::pacing::{self, Look, Pacing};

/// Pause between looks that are to be close to one another, as a share of the trace's time until then.
const CLOSE: f64 = 1.0 / 128.0;

/// What renders of a job need.
#[derive(Debug, Clone)]
pub struct Site {
    pub povray: Arc<Povray>,
    pub blobs: Blobs,
    /// The folder in which scratch folders are made.
    pub scratch: std::path::PathBuf,
    pub job: Arc<Job>,
}

/// A view that was rendered to its end.
#[derive(Debug)]
pub struct View {
    /// The floats of all rows, as far as the state file was seen: empty when the trace was too quick for that.
    pub pixels: Vec<Pixel>,
    /// Wall seconds from POV-Ray's start until it traced.
    pub start_seconds: f64,
    /// CPU seconds until it traced.
    pub start_cpu: f64,
    /// Wall seconds from there to the last block, and what the blocks cost.
    pub trace_seconds: f64,
    pub costs: Costs,
    /// CPU seconds in all.
    pub cpu: f64,
    pub messages: String,
}

/// How long a view may take, and who is told while it renders.
pub struct Patience<'a> {
    /// Seconds without progress, parsing included.
    pub stall: Duration,
    /// Called between looks; `true` stops the render.
    pub stop: &'a mut dyn FnMut(Stage<'_>) -> bool,
}

/// How far a view is.
#[derive(Debug, Clone, Copy)]
pub enum Stage<'a> {
    /// It parses, as long as there is no progress, or traces.
    Tracing(Option<ViewProgress>),
    /// All is traced; said once. The numbers are those of [`View`].
    Traced(Traced<'a>),
    Writing,
}

/// A trace that is over, while POV-Ray still writes.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'a> {
    pub costs: &'a Costs,
    pub start_cpu: f64,
    pub pixels: &'a [Pixel],
}

/// Renders `drawing` to its end. POV-Ray's picture is then the scratch's output.
///
/// # Errors
/// [`Ending`] when POV-Ray did not finish it.
pub fn render(
    povray: &Povray,
    scratch: &Scratch,
    bundle: &Bundle,
    drawing: &Drawing<'_>,
    patience: &mut Patience<'_>,
) -> Result<View, Ending> {
    let arguments = command::arguments(povray, scratch, &bundle.scene, &bundle.library_paths, drawing);
    let environment = command::povray_environment(povray, scratch, (drawing.width, drawing.height))
        .map_err(|error| Ending::node(format!("cannot make ready for POV-Ray: {error}")))?;
    // Before POV-Ray is there: nothing is missed.
    let watch = Watch::on(&scratch.output_folder());
    let begun = Instant::now();
    let mut process = Process::start(&povray.path, &arguments, &environment, &scratch.run_dir(bundle))
        .map_err(|error| Ending::node(format!("cannot start {}: {error}", povray.path.display())))?;
    let mut collected = Collected::new(drawing).map_err(Ending::node)?;
    let mut follower = Follower::new(scratch.state_file(), drawing.width, drawing.height);
    let mut start = None;
    let mut progress = Instant::now();
    let mut paced = Pacing::new(if drawing.threads > 1 { pacing::VIEW_OF_THREADS } else { pacing::VIEW });
    let mut looked = process::own_thread_cpu();
    let mut was_whole = false;
    let mut steady = SteadyCpu::begin(0.0, 0.0);
    loop {
        let status = process.poll().map_err(|error| Ending::node(error.to_string()))?;
        let cpu = process.cpu_seconds();
        let now = begun.elapsed().as_secs_f64();
        match follower.poll(u64::MAX, |block| collected.take(block)) {
            Ok(true) => progress = Instant::now(),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!("the state file of a view is not used: {error}");
                collected.broken = true;
            }
        }
        if start.is_none() && follower.is_open() {
            start = Some((now, cpu));
            steady = SteadyCpu::begin(now, cpu);
            paced.begin_tracing(now);
        }
        let blocks = collected.looks.fresh();
        if let Some((seconds, start_cpu)) = start {
            if blocks > 0 {
                collected.seconds = now - seconds;
            }
            let spent = if drawing.threads > 1 { cpu } else { steady.at(now, cpu) };
            collected.looks.end_look(spent - start_cpu);
        }
        if let Some(status) = status {
            let messages = process.messages();
            if !status.success() {
                return Err(ending::of(status, start.is_some(), messages, &scratch.temp()));
            }
            let cpu = process.cpu_seconds();
            let (start_seconds, start_cpu) = start.unwrap_or((begun.elapsed().as_secs_f64(), cpu));
            let (trace_seconds, costs) = (collected.seconds, collected.looks.costs(collected.is_whole()));
            let pixels = collected.whole();
            return Ok(View { pixels, start_seconds, start_cpu, trace_seconds, costs, cpu, messages });
        }
        if follower.is_removed() {
            // Writing the picture makes no blocks, and is progress all the same.
            progress = Instant::now();
        }
        let costs;
        let stage = match (collected.is_whole(), was_whole) {
            (false, _) => Stage::Tracing(start.map(|(since, _)| collected.progress(now - since))),
            (true, false) => {
                costs = collected.looks.costs(true);
                let start_cpu = start.map_or(0.0, |(_, cpu)| cpu);
                Stage::Traced(Traced { costs: &costs, start_cpu, pixels: &collected.pixels })
            }
            (true, true) => Stage::Writing,
        };
        was_whole = !matches!(stage, Stage::Tracing(_));
        if (patience.stop)(stage) {
            return Err(Ending::cancelled());
        }
        if progress.elapsed() > patience.stall {
            process.kill();
            return Err(Ending::stalled(patience.stall.as_secs_f64(), process.messages()));
        }
        let spent = process::own_thread_cpu();
        let look = Look {
            now: begun.elapsed().as_secs_f64(),
            povray_cpu: cpu,
            own_cpu: spent - looked,
            blocks,
            blocks_left: 0,
        };
        looked = spent;
        let mut pause = paced.next(look);
        if let Some((begun_tracing, _)) = start.filter(|_| collected.looks.is_late()) {
            let close = Duration::from_secs_f64(CLOSE * (now - begun_tracing).max(0.0));
            pause = pause.min(close.max(pacing::VIEW.shortest));
        }
        watch.wait(None, pause);
    }
}

struct Collected {
    assembler: RowAssembler,
    pixels: Vec<Pixel>,
    expected: usize,
    looks: Looks,
    /// Wall seconds of the trace up to the last block.
    seconds: f64,
    broken: bool,
}

impl Collected {
    fn new(drawing: &Drawing<'_>) -> Result<Self, String> {
        let assembler =
            RowAssembler::new(drawing.width, drawing.rows, drawing.columns).map_err(|error| error.to_string())?;
        let assembler = if drawing.threads > 1 { assembler.of_any_order() } else { assembler };
        let expected = drawing.rows.len() as usize * drawing.width as usize;
        // A first pass is as large as the picture, and nobody looks at its pixels.
        let broken = drawing.radiosity == Radiosity::Save;
        let side = drawing.block.max(1);
        Ok(Self {
            assembler,
            pixels: Vec::new(),
            expected,
            looks: Looks::new(drawing.width.div_ceil(side), drawing.rows.len().div_ceil(side)),
            seconds: 0.0,
            broken,
        })
    }

    fn take(&mut self, block: &crate::pixels::state_file::Block<'_>) {
        if self.broken {
            return;
        }
        self.looks.block();
        if let Err(error) = self.assembler.add(block) {
            tracing::debug!("the blocks of a view are not used: {error}");
            self.broken = true;
            return;
        }
        while let Some(run) = self.assembler.next_run() {
            self.pixels.extend_from_slice(run.pixels());
            self.looks.rows_whole(run.rows.end);
        }
    }

    /// How far it is, so many seconds after the trace began.
    fn progress(&self, seconds: f64) -> ViewProgress {
        ViewProgress { rows: self.pixels.len() as f64 / self.expected.max(1) as f64, seconds }
    }

    /// Whether all rows are here.
    fn is_whole(&self) -> bool {
        !self.broken && self.pixels.len() == self.expected
    }

    fn whole(&mut self) -> Vec<Pixel> {
        if self.is_whole() { std::mem::take(&mut self.pixels) } else { Vec::new() }
    }
}

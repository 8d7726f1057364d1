//! A small view of the whole picture, rendered to its end: for the fingerprint, the probe and the first pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use td_protocol::bundle::Bundle;

use crate::jobs::Job;
use crate::pixels::row_assembly::{Pixel, RowAssembler};
use crate::povray::command::{self, Drawing, Radiosity};
use crate::povray::ending::{self, Ending};
use crate::povray::follow::Follower;
use crate::povray::locate::Povray;
use crate::povray::process::{self, Process};
use crate::povray::watch::Watch;
use crate::scratch::Scratch;
use crate::store::blobs::Blobs;
use crate::strip::pacing::{self, Look, Pacing};

/// Looks that found blocks, below which nothing is told of where the cost lies: on a busy machine a look comes when it
/// can.
const LEAST_LOOKS: u32 = 6;

/// The blocks of a view's last look cost at most this many times what those of the look before did.
const MOST_OF_THE_LAST: f64 = 1.5;

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
    /// CPU seconds since the start of the trace up to the last block of each row of blocks, with the first row below.
    /// Empty where the looks were too few to tell.
    pub arrivals: Vec<(u32, f64)>,
    /// Wall seconds from POV-Ray's start until it traced.
    pub start_seconds: f64,
    /// CPU seconds until it traced.
    pub start_cpu: f64,
    /// Wall seconds and CPU seconds from there to the last block.
    pub trace_seconds: f64,
    pub trace_cpu: f64,
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
    Tracing,
    /// All is traced; said once. The numbers are those of [`View`].
    Traced {
        arrivals: &'a [(u32, f64)],
        start_cpu: f64,
        trace_cpu: f64,
    },
    Writing,
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
    let mut paced = Pacing::new(pacing::VIEW);
    let mut looked = process::own_thread_cpu();
    let mut was_whole = false;
    loop {
        let status = process.poll().map_err(|error| Ending::node(error.to_string()))?;
        let cpu = process.cpu_seconds();
        match follower.poll(|block| collected.take(block)) {
            Ok(true) => progress = Instant::now(),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!("the state file of a view is not used: {error}");
                collected.broken = true;
            }
        }
        if start.is_none() && follower.is_open() {
            start = Some((begun.elapsed().as_secs_f64(), cpu));
            paced.begin_tracing(begun.elapsed().as_secs_f64());
        }
        let blocks = collected.fresh;
        if let Some((seconds, start_cpu)) = start {
            collected.charge(cpu - start_cpu, begun.elapsed().as_secs_f64() - seconds);
        }
        if let Some(status) = status {
            let messages = process.messages();
            if !status.success() {
                return Err(ending::of(status, start.is_some(), messages, &scratch.temp()));
            }
            let cpu = process.cpu_seconds();
            let (start_seconds, start_cpu) = start.unwrap_or((begun.elapsed().as_secs_f64(), cpu));
            let pixels = collected.whole();
            let arrivals = collected.cost_map().to_vec();
            let (trace_seconds, trace_cpu) = (collected.seconds, collected.charged);
            return Ok(View { pixels, arrivals, start_seconds, start_cpu, trace_seconds, trace_cpu, cpu, messages });
        }
        if follower.is_removed() {
            // Writing the picture makes no blocks, and is progress all the same.
            progress = Instant::now();
        }
        let stage = match (collected.is_whole(), was_whole) {
            (false, _) => Stage::Tracing,
            (true, false) => Stage::Traced {
                arrivals: collected.cost_map(),
                start_cpu: start.map_or(0.0, |(_, cpu)| cpu),
                trace_cpu: collected.charged,
            },
            (true, true) => Stage::Writing,
        };
        was_whole = !matches!(stage, Stage::Tracing);
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
        watch.wait(None, paced.next(look));
    }
}

struct Collected {
    assembler: RowAssembler,
    pixels: Vec<Pixel>,
    expected: usize,
    arrivals: Vec<(u32, f64)>,
    /// Blocks since the last look, and the rows of blocks that they made whole: the first row below, and after how
    /// many of the blocks.
    fresh: u32,
    marks: Vec<(u32, u32)>,
    /// CPU seconds of the trace up to the last block, and wall seconds.
    charged: f64,
    seconds: f64,
    /// CPU seconds of each block of the last look.
    each: f64,
    /// What of the CPU went into other things than blocks, before the first.
    setting_up: f64,
    /// Rows of blocks that the first look found whole, as `marks`.
    first_marks: Vec<(u32, u32)>,
    /// Looks that found blocks, how many blocks, and how many of them the first look found: nobody knows what they cost.
    looks: u32,
    blocks: u32,
    before_first: u32,
    broken: bool,
}

impl Collected {
    fn new(drawing: &Drawing<'_>) -> Result<Self, String> {
        let assembler =
            RowAssembler::new(drawing.width, drawing.rows, drawing.columns).map_err(|error| error.to_string())?;
        let expected = drawing.rows.len() as usize * drawing.width as usize;
        // A first pass is as large as the picture, and nobody looks at its pixels.
        let broken = drawing.radiosity == Radiosity::Save;
        Ok(Self {
            assembler,
            pixels: Vec::new(),
            expected,
            arrivals: Vec::new(),
            fresh: 0,
            marks: Vec::new(),
            charged: 0.0,
            seconds: 0.0,
            each: f64::INFINITY,
            setting_up: 0.0,
            first_marks: Vec::new(),
            looks: 0,
            blocks: 0,
            before_first: 0,
            broken,
        })
    }

    fn take(&mut self, block: &crate::pixels::state_file::Block<'_>) {
        if self.broken {
            return;
        }
        self.fresh += 1;
        if let Err(error) = self.assembler.add(block) {
            tracing::debug!("the blocks of a view are not used: {error}");
            self.broken = true;
            return;
        }
        while let Some(run) = self.assembler.next_run() {
            self.pixels.extend_from_slice(run.pixels());
            self.marks.push((run.rows.end, self.fresh));
        }
    }

    /// Shares the CPU that was spent since the last block out among the new ones. `cpu` and `seconds` are counted from
    /// the start of the trace.
    ///
    /// Before its first block POV-Ray sets the trace up, so the blocks of the first look are taken to cost what those of
    /// the second do. After its last block it writes the picture, which is in what the last look finds: the blocks of that
    /// one are not charged much more than those before.
    fn charge(&mut self, cpu: f64, seconds: f64) {
        if self.fresh == 0 {
            return;
        }
        let cpu = cpu - self.setting_up;
        let each = (cpu - self.charged).max(0.0) / f64::from(self.fresh);
        if self.looks == 0 {
            self.before_first = self.fresh;
            self.first_marks = std::mem::take(&mut self.marks);
            self.charged = cpu;
        } else {
            if self.looks == 1 {
                let first = each * f64::from(self.before_first);
                self.setting_up = (self.charged - first).max(0.0);
                self.charged -= self.setting_up;
                self.arrivals.extend(self.first_marks.drain(..).map(|(end, after)| (end, each * f64::from(after))));
            }
            let each = if self.is_whole() { each.min(MOST_OF_THE_LAST * self.each) } else { each };
            let charged = self.charged;
            self.arrivals.extend(self.marks.drain(..).map(|(end, after)| (end, charged + each * f64::from(after))));
            self.charged = (charged + each * f64::from(self.fresh)).max(charged);
            self.each = each;
        }
        self.looks += 1;
        self.blocks += self.fresh;
        self.seconds = seconds;
        self.fresh = 0;
    }

    /// Where the cost lies, unless the trace was over after a few looks: then the map would show the looks.
    fn cost_map(&self) -> &[(u32, f64)] {
        if self.looks >= LEAST_LOOKS && self.before_first * 10 <= self.blocks { &self.arrivals } else { &[] }
    }

    /// Whether all rows are here.
    fn is_whole(&self) -> bool {
        !self.broken && self.pixels.len() == self.expected
    }

    fn whole(&mut self) -> Vec<Pixel> {
        if self.is_whole() { std::mem::take(&mut self.pixels) } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use td_protocol::options::{FileGamma, RenderOptions};
    use td_protocol::pixel::{Depth, PixelFormat};
    use td_protocol::rows::Rows;

    use super::*;

    fn collected() -> Collected {
        let options = RenderOptions {
            width: 64,
            height: 64,
            rows: Rows::new(0, 64),
            columns: Rows::new(0, 64),
            format: PixelFormat { depth: Depth::Eight, grey: false, alpha: false },
            file_gamma: FileGamma::Srgb,
            dither: false,
            antialias_method: 0,
            switches: Vec::new(),
        };
        Collected::new(&Drawing::of_view(&options, 64, 64)).unwrap()
    }

    /// A look that found this many blocks, the last of which made its row whole.
    fn look(view: &mut Collected, row_end: u32, blocks: u32, cpu: f64) {
        view.fresh = blocks;
        view.marks.push((row_end, blocks));
        view.charge(cpu, cpu);
    }

    #[test]
    fn what_a_trace_is_set_up_with_is_not_charged_to_its_first_rows() {
        let mut view = collected();
        // 4 s for setting up; then 4 blocks and a second each look.
        for look_number in 1..=16 {
            look(&mut view, 4 * look_number, 4, 4.0 + f64::from(look_number));
        }
        let mut before = 0.0;
        for &(_, cpu) in view.cost_map() {
            assert!((cpu - before - 1.0).abs() < 1e-9, "{:?}", view.cost_map());
            before = cpu;
        }
        assert_eq!(view.cost_map().len(), 16);
        assert!((view.charged - 16.0).abs() < 1e-9);
    }

    #[test]
    fn writing_the_picture_is_not_charged_to_its_last_rows() {
        let mut view = collected();
        for look_number in 1..=15 {
            look(&mut view, 4 * look_number, 4, f64::from(look_number));
        }
        view.pixels = vec![Pixel::default(); view.expected];
        look(&mut view, 64, 4, 25.0);
        let last: Vec<f64> = view.cost_map().iter().rev().take(2).map(|&(_, cpu)| cpu).collect();
        assert!((last[0] - last[1] - 1.5).abs() < 1e-9, "{last:?}");
    }
}

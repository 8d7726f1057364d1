//! The start of a strip's POV-Ray: now, or before its rows were known.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use td_protocol::job::OpenJob;
use td_protocol::rows::Rows;
use td_protocol::strip::Failure;

use crate::povray::command::{self, Drawing, Radiosity};
use crate::povray::ending::Ending;
use crate::povray::gate::Gate;
use crate::povray::process::Process;
use crate::povray::watch::Watch;
use crate::scratch::Scratch;
use crate::store::blobs;
use crate::view::Site;

/// A POV-Ray that was told its rows and has not traced yet.
#[derive(Debug)]
pub struct Started {
    // In this order they go: POV-Ray first.
    pub process: Process,
    /// Where it may still wait to be let on.
    pub gate: Option<Gate>,
    /// Sees what POV-Ray makes in the scratch.
    pub watch: Watch,
    pub scratch: Scratch,
    /// When it was told, and what of its start it had done by then, in seconds.
    pub begun: Instant,
    pub earlier: Duration,
}

impl Started {
    /// Starts POV-Ray on `rows` in blocks of `block` rows.
    ///
    /// # Errors
    /// When its files cannot be laid out, or it cannot be started.
    pub fn now(site: &Site, rows: Rows, block: u32) -> Result<Self, Ending> {
        let scratch = lay_out(site)?;
        // Before POV-Ray is there: nothing is missed.
        let watch = Watch::on(&scratch.output_folder());
        let process = start(site, &scratch, rows, block, false)?;
        Ok(Self { process, gate: None, watch, scratch, begun: Instant::now(), earlier: Duration::ZERO })
    }
}

/// A POV-Ray that was started and does not know its rows yet.
#[derive(Debug)]
pub struct Standby {
    process: Process,
    gate: Gate,
    watch: Watch,
    scratch: Scratch,
    begun: Instant,
    /// When it was seen last and did not wait yet, and its CPU seconds then.
    at_work: (Duration, f64),
    /// What it did took so long; none as long as it does it.
    waits: Option<Duration>,
}

impl Standby {
    /// Starts POV-Ray; it comes as far as it can.
    ///
    /// # Errors
    /// When its files cannot be laid out, or it cannot be started.
    pub fn start(site: &Site) -> Result<Self, Ending> {
        let job = &site.job.spec;
        let scratch = lay_out(site)?;
        let gate = Gate::make(scratch.root()).map_err(scratch_failed)?;
        let watch = Watch::on(&scratch.output_folder());
        let begun = Instant::now();
        let drawing = drawing(job, job.options.rows);
        let bundle = &job.bundle;
        let mut arguments =
            command::arguments_but_rows(&site.povray, &scratch, &bundle.scene, &bundle.library_paths, &drawing);
        arguments.push(command::ini_file(gate.ini()));
        let process = spawn(site, &scratch, &drawing, &arguments)?;
        Ok(Self { process, gate, watch, scratch, begun, at_work: (Duration::ZERO, 0.0), waits: None })
    }

    /// Looks how far it is; true once it waits, or has ended.
    pub fn look(&mut self) -> bool {
        let (passed, cpu) = (self.begun.elapsed(), self.process.cpu_seconds());
        if self.waits.is_none() && self.process.is_asleep() {
            // It came to wait somewhere between the last look and this one, as fast as it had been before.
            let (last, last_cpu) = self.at_work;
            let since = last.as_secs_f64() / last_cpu.max(1e-9) * (cpu - last_cpu).max(0.0);
            let since = Duration::try_from_secs_f64(since).unwrap_or(Duration::MAX);
            self.waits = Some(if last.is_zero() { passed } else { last.saturating_add(since).min(passed) });
        }
        self.at_work = (passed, cpu);
        self.waits.is_some() || self.has_ended()
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.process.poll(), Ok(None))
    }

    /// Tells it its rows. None where it has ended meanwhile, for whatever reason.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn go(mut self, site: &Site, rows: Rows, block: u32) -> Result<Option<Started>, Ending> {
        self.look();
        if self.has_ended() {
            return Ok(None);
        }
        let mut drawing = drawing(&site.job.spec, rows);
        drawing.block = block;
        let text = command::row_switches(&drawing).join("\n") + "\n";
        self.gate.write(&text).and_then(|()| self.gate.open()).map_err(scratch_failed)?;
        let Self { process, gate, watch, scratch, begun: started, waits, .. } = self;
        let begun = Instant::now();
        let earlier = waits.unwrap_or_else(|| begun.duration_since(started));
        Ok(Some(Started { process, gate: Some(gate), watch, scratch, begun, earlier }))
    }
}

/// Makes the scratch folder of one POV-Ray.
fn lay_out(site: &Site) -> Result<Scratch, Ending> {
    let job = &site.job.spec;
    let scratch = Scratch::create(&site.scratch, &job.bundle, &site.blobs).map_err(scratch_failed)?;
    if let Some(line) = radiosity(job).scene_line() {
        scratch.append_to_scene(&job.bundle, line).map_err(scratch_failed)?;
    }
    Ok(scratch)
}

fn drawing(job: &OpenJob, rows: Rows) -> Drawing<'_> {
    let mut drawing = Drawing::of_rows(&job.options, rows);
    drawing.radiosity = radiosity(job);
    drawing
}

/// What a job's strips do with radiosity.
#[must_use]
pub fn radiosity(job: &OpenJob) -> Radiosity<'_> {
    job.radiosity.as_deref().map_or(Radiosity::AsInScene, Radiosity::Load)
}

/// Starts POV-Ray on `rows`, with `resume` from its state file.
///
/// # Errors
/// When it cannot be started.
pub fn start(site: &Site, scratch: &Scratch, rows: Rows, block: u32, resume: bool) -> Result<Process, Ending> {
    let mut drawing = drawing(&site.job.spec, rows);
    drawing.block = block;
    drawing.resume = resume;
    let bundle = &site.job.spec.bundle;
    let arguments = command::arguments(&site.povray, scratch, &bundle.scene, &bundle.library_paths, &drawing);
    spawn(site, scratch, &drawing, &arguments)
}

fn spawn(site: &Site, scratch: &Scratch, drawing: &Drawing<'_>, arguments: &[OsString]) -> Result<Process, Ending> {
    let size = (drawing.width, drawing.height);
    let environment = command::povray_environment(&site.povray, scratch, size).map_err(scratch_failed)?;
    let folder = scratch.run_dir(&site.job.spec.bundle);
    Process::start(&site.povray.path, arguments, &environment, &folder).map_err(|error| Ending {
        failure: Failure::Povray,
        message: format!("cannot start {}: {error}", site.povray.path.display()),
        povray: String::new(),
    })
}

/// What a scratch folder that cannot be made means.
#[must_use]
pub fn scratch_failed(error: std::io::Error) -> Ending {
    let failure = if blobs::is_full(&error) { Failure::ScratchFull } else { Failure::Node };
    Ending { failure, message: format!("cannot lay out the scene's files: {error}"), povray: String::new() }
}

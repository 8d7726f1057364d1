//! The start of a strip's POV-Ray: now, or before its rows were known.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use td_protocol::job::OpenJob;
use td_protocol::rows::Rows;
use td_protocol::strip::Failure;

use crate::povray::command::{self, Drawing, Radiosity};
use crate::povray::ending::Ending;
use crate::povray::gate::Gate;
use crate::povray::large_file;
use crate::povray::process::Process;
use crate::povray::watch::Watch;
use crate::scratch::Scratch;
use crate::store::blobs;
use crate::strip::waiting::Waiting;
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
    /// When it was told, and what of its start it had done by then.
    pub begun: Instant,
    pub earlier: Duration,
}

impl Started {
    /// Starts POV-Ray on `rows` in blocks of `block` rows.
    ///
    /// # Errors
    /// When its files cannot be laid out, or it cannot be started.
    pub fn now(site: &Site, rows: Rows, block: u32) -> Result<Self, Ending> {
        let scratch = Scratch::empty(&site.scratch).map_err(scratch_failed)?;
        lay_out(site, &scratch)?;
        // Before POV-Ray is there: nothing is missed.
        let watch = Watch::on(&scratch.output_folder());
        let begun = Instant::now();
        let process = start(site, &scratch, rows, block, false)?;
        Ok(Self { process, gate: None, watch, scratch, begun, earlier: Duration::ZERO })
    }
}

/// A POV-Ray of a job that was started and does not know its rows yet.
#[derive(Debug)]
pub struct Standby {
    waiting: Waiting,
    /// What it is to be told beside its rows, lines of an ini file.
    rest: String,
}

impl Standby {
    /// Starts POV-Ray; it comes as far as it can.
    ///
    /// # Errors
    /// When its files cannot be laid out, or it cannot be started.
    pub fn start(site: &Site) -> Result<Self, Ending> {
        let scratch = Scratch::empty(&site.scratch).map_err(scratch_failed)?;
        // First: where there can be none, nothing is copied in vain.
        let gate = Gate::make(scratch.root()).map_err(scratch_failed)?;
        lay_out(site, &scratch)?;
        let job = &site.job.spec;
        let (drawing, bundle) = (drawing(job, job.options.rows), &job.bundle);
        let arguments =
            command::arguments_but_rows(&site.povray, &scratch, &bundle.scene, &bundle.library_paths, &drawing);
        let size = (drawing.width, drawing.height);
        let environment = command::povray_environment(&site.povray, &scratch, size).map_err(scratch_failed)?;
        let folder = scratch.run_dir(bundle);
        let waiting = Waiting::start(&site.povray.path, arguments, &environment, &folder, scratch, gate)?;
        Ok(Self { waiting, rest: String::new() })
    }

    /// Makes one that waits, and was told nothing yet, the job's. None where it cannot be told all that this job asks for.
    ///
    /// # Errors
    /// When the job's files cannot be laid out.
    pub fn of(waiting: Waiting, site: &Site) -> Result<Option<Self>, Ending> {
        let job = &site.job.spec;
        let (drawing, bundle, scratch) = (drawing(job, job.options.rows), &job.bundle, waiting.scratch());
        let arguments =
            command::arguments_but_rows(&site.povray, scratch, &bundle.scene, &bundle.library_paths, &drawing);
        // Where it runs, and by what libraries, cannot be changed any more.
        let is_elsewhere = scratch.run_dir(bundle) != scratch.tree();
        let Some(rest) = command::ini_lines(&arguments).filter(|_| !is_elsewhere) else { return Ok(None) };
        if large_file::needed_by(&site.povray, drawing.width, drawing.height).is_some() {
            return Ok(None);
        }
        lay_out(site, scratch)?;
        Ok(Some(Self { waiting, rest }))
    }

    /// Looks how far it is; true once it cannot come further.
    pub fn look(&mut self) -> bool {
        self.waiting.look()
    }

    /// Tells it its rows. None where it has ended meanwhile, for whatever reason.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn go(self, site: &Site, rows: Rows, block: u32) -> Result<Option<Started>, Ending> {
        let mut drawing = drawing(&site.job.spec, rows);
        drawing.block = block;
        self.waiting.go(&format!("{}{}\n", self.rest, command::row_switches(&drawing).join("\n")))
    }
}

/// Lays out the job's files.
fn lay_out(site: &Site, scratch: &Scratch) -> Result<(), Ending> {
    let job = &site.job.spec;
    scratch.fill(&job.bundle, &site.blobs).map_err(scratch_failed)?;
    match radiosity(job).scene_line() {
        Some(line) => scratch.append_to_scene(&job.bundle, line).map_err(scratch_failed),
        None => Ok(()),
    }
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
    let size = (drawing.width, drawing.height);
    let environment = command::povray_environment(&site.povray, scratch, size).map_err(scratch_failed)?;
    let program = &site.povray.path;
    Process::start(program, &arguments, &environment, &scratch.run_dir(bundle)).map_err(not_started(program))
}

/// What a POV-Ray that cannot be started means.
pub(super) fn not_started(program: &Path) -> impl Fn(io::Error) -> Ending {
    move |error| Ending {
        failure: Failure::Povray,
        message: format!("cannot start {}: {error}", program.display()),
        povray: String::new(),
    }
}

/// What a scratch folder that cannot be made means.
#[must_use]
pub fn scratch_failed(error: io::Error) -> Ending {
    let failure = if blobs::is_full(&error) { Failure::ScratchFull } else { Failure::Node };
    Ending { failure, message: format!("cannot lay out the scene's files: {error}"), povray: String::new() }
}

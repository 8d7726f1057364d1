//! A POV-Ray that waits at its gate, or is on its way there.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::povray::command;
use crate::povray::ending::Ending;
use crate::povray::gate::Gate;
use crate::povray::process::Process;
use crate::povray::watch::Watch;
use crate::scratch::Scratch;
use crate::strip::starting::{Started, not_started, scratch_failed};

/// CPU seconds within which a process did nothing but sleep.
const NOTHING: f64 = 1e-4;

/// A POV-Ray that was started and was not told all yet.
#[derive(Debug)]
pub struct Waiting {
    // In this order they go: POV-Ray first.
    process: Process,
    gate: Gate,
    watch: Watch,
    scratch: Scratch,
    begun: Instant,
    /// When it was seen last, and its CPU seconds then.
    seen: (Duration, f64),
    /// When it fell asleep, if it was asleep at the last look: it may also have waited for one of its own threads.
    asleep: Option<Duration>,
    /// What it did took so long; none as long as it does it.
    took: Option<Duration>,
}

impl Waiting {
    /// Starts POV-Ray with these arguments and an ini file that will hold the others.
    ///
    /// # Errors
    /// When its gate cannot be made, or it cannot be started.
    pub fn start(
        program: &Path,
        mut arguments: Vec<OsString>,
        environment: &[(&'static str, OsString)],
        folder: &Path,
        scratch: Scratch,
    ) -> Result<Self, Ending> {
        let gate = Gate::make(scratch.root()).map_err(scratch_failed)?;
        // Before POV-Ray is there: nothing is missed.
        let watch = Watch::on(&scratch.output_folder());
        let begun = Instant::now();
        arguments.push(command::ini_file(gate.ini()));
        let process = Process::start(program, &arguments, environment, folder).map_err(not_started(program))?;
        Ok(Self { process, gate, watch, scratch, begun, seen: (Duration::ZERO, 0.0), asleep: None, took: None })
    }

    pub const fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Looks how far it is; true once it waits at the gate, or has ended. The closer the looks, the better is known what
    /// coming there took.
    pub fn look(&mut self) -> bool {
        let (passed, cpu) = (self.begun.elapsed(), self.process.cpu_seconds());
        let (last, last_cpu) = self.seen;
        if self.took.is_none() {
            let is_asleep = self.process.is_asleep();
            let has_worked = cpu - last_cpu > NOTHING;
            self.took = self.asleep.filter(|_| is_asleep && !has_worked);
            self.asleep = is_asleep.then(|| {
                // Somewhere between the last look and this one, as fast as it had been before.
                let since = last.as_secs_f64() / last_cpu.max(1e-9) * (cpu - last_cpu).max(0.0);
                let since = Duration::try_from_secs_f64(since).unwrap_or(Duration::MAX);
                if last.is_zero() { passed } else { last.saturating_add(since).min(passed) }
            });
        }
        self.seen = (passed, cpu);
        self.took.is_some() || self.has_ended()
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.process.poll(), Ok(None))
    }

    /// Tells it the rest, lines of an ini file. None where it has ended meanwhile, for whatever reason.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn go(mut self, rest: &str) -> Result<Option<Started>, Ending> {
        self.look();
        if self.has_ended() {
            return Ok(None);
        }
        self.gate.write(rest).and_then(|()| self.gate.open()).map_err(scratch_failed)?;
        let Self { process, gate, watch, scratch, begun: started, asleep, took, .. } = self;
        let begun = Instant::now();
        let earlier = took.or(asleep).unwrap_or_else(|| begun.duration_since(started));
        Ok(Some(Started { process, gate: Some(gate), watch, scratch, begun, earlier }))
    }
}

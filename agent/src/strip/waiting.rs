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

/// Who slept so long waits at the gate, and not for a thread of its own that the processor is not given to.
const ASLEEP: Duration = Duration::from_millis(300);

/// A POV-Ray that was started and was not told all yet.
#[derive(Debug)]
pub struct Waiting {
    // In this order they go: POV-Ray first.
    process: Process,
    gate: Gate,
    watch: Watch,
    scratch: Scratch,
    begun: Instant,
    /// When it was looked at last, and its CPU seconds then.
    seen: (Duration, f64),
    /// Since when its first thread sleeps, and the ticks that this had used; none where it was at work.
    asleep: Option<(Duration, u64)>,
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
        let (last, last_cpu) = std::mem::replace(&mut self.seen, (passed, cpu));
        if self.took.is_some() {
            return true;
        }
        self.asleep = self.process.first_thread().filter(|thread| thread.is_asleep).map(|thread| match self.asleep {
            Some((since, ticks)) if ticks == thread.ticks => (since, ticks),
            _ => {
                // Somewhere between the last look and this one, as fast as it had been before.
                let since = last.as_secs_f64() / last_cpu.max(1e-9) * (cpu - last_cpu).max(0.0);
                let since = Duration::try_from_secs_f64(since).unwrap_or(Duration::MAX);
                (if last.is_zero() { passed } else { last.saturating_add(since).min(passed) }, thread.ticks)
            }
        });
        if let Some((since, _)) = self.asleep.filter(|(since, _)| passed - *since >= ASLEEP) {
            self.took = Some(since);
            // Its other threads look around twenty times a second.
            self.process.hold();
        }
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
        self.gate.write(rest).map_err(scratch_failed)?;
        self.process.go_on();
        self.gate.open().map_err(scratch_failed)?;
        let Self { process, gate, watch, scratch, begun: started, asleep, took, .. } = self;
        let begun = Instant::now();
        let since = asleep.map(|(since, _)| since);
        let earlier = took.or(since).unwrap_or_else(|| begun.duration_since(started));
        Ok(Some(Started { process, gate: Some(gate), watch, scratch, begun, earlier }))
    }
}

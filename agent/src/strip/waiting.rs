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

/// Who slept so long waits at the gate. While POV-Ray starts, its first thread sleeps three seconds at most until another
/// one is ready, and gives up then: it would if it was stopped meanwhile.
const ASLEEP: Duration = Duration::from_secs(4);

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
    /// Since when its first thread sleeps, and the ticks that it had used; none where it was at work since.
    asleep: Option<(Duration, u64)>,
    /// What it did took so long; none as long as it does it.
    took: Option<Duration>,
}

impl Waiting {
    /// Starts POV-Ray with these arguments and an ini file that will hold the others.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        program: &Path,
        mut arguments: Vec<OsString>,
        environment: &[(&'static str, OsString)],
        folder: &Path,
        scratch: Scratch,
        gate: Gate,
    ) -> Result<Self, Ending> {
        // Before POV-Ray is there: nothing is missed.
        let watch = Watch::on(&scratch.output_folder());
        let begun = Instant::now();
        arguments.push(command::ini_file(gate.ini()));
        let process = Process::start(program, &arguments, environment, folder).map_err(not_started(program))?;
        Ok(Self { process, gate, watch, scratch, begun, seen: (Duration::ZERO, 0.0), asleep: None, took: None })
    }

    /// Where it will find its files.
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
        let threads = self.process.threads().filter(|threads| threads.first_asleep);
        self.asleep = threads.and_then(|threads| match self.asleep {
            Some((since, ticks)) if ticks == threads.first_ticks => Some((since, ticks)),
            _ if threads.all_asleep => {
                // Somewhere between the last look and this one, as fast as it had been before.
                let since = last.as_secs_f64() / last_cpu.max(1e-9) * (cpu - last_cpu).max(0.0);
                let since = Duration::try_from_secs_f64(since).unwrap_or(Duration::MAX);
                let since = if last.is_zero() { passed } else { last.saturating_add(since).min(passed) };
                Some((since, threads.first_ticks))
            }
            _ => None,
        });
        let since = self.asleep.map(|(since, _)| since).filter(|since| passed - *since >= ASLEEP);
        if let Some(since) = since.filter(|_| threads.is_some_and(|threads| threads.all_asleep)) {
            self.took = Some(since);
            // Its other threads look around twenty times a second.
            self.process.hold();
        }
        self.took.is_some() || self.has_ended()
    }

    /// Whether it has ended, as nobody told it to.
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
        let Self { process, gate, watch, scratch, begun: started, seen, asleep, took, .. } = self;
        let begun = Instant::now();
        let since = asleep.map(|(since, _)| since);
        // Where nobody could see it sleep, what it worked is the least that it took.
        let at_work = begun.duration_since(started);
        let at_work = if at_work <= ASLEEP { at_work } else { Duration::from_secs_f64(seen.1.clamp(0.0, 3600.0)) };
        let earlier = took.or(since).unwrap_or(at_work);
        Ok(Some(Started { process, gate: Some(gate), watch, scratch, begun, earlier }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A program that does with its ini file what POV-Ray does: opens it, opens it again, and reads it. It stands in for
    /// what takes a scene and a picture; the tests of whole renders have the real one.
    fn start(folder: &Path) -> Waiting {
        let scratch = Scratch::empty(folder).unwrap();
        let script = "read -r _ <\"$1\"; cat \"$1\" >out/read; sleep 60";
        let arguments = ["-c", script, "sh"].map(OsString::from).to_vec();
        let root = scratch.root().to_owned();
        let (environment, gate) = ([("PATH", "/usr/bin:/bin".into())], Gate::make(&root).unwrap());
        Waiting::start(Path::new("/bin/sh"), arguments, &environment, &root, scratch, gate).unwrap()
    }

    #[track_caller]
    fn comes_to_wait(waiting: &mut Waiting) {
        let begun = Instant::now();
        while !waiting.look() {
            assert!(begun.elapsed() < LIMIT, "{waiting:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn reads(started: &Started, text: &str) {
        let file = started.scratch.output_folder().join("read");
        let begun = Instant::now();
        while std::fs::read_to_string(&file).unwrap_or_default() != text {
            assert!(begun.elapsed() < LIMIT, "{started:?}");
            started.gate.as_ref().unwrap().open().unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_waits_is_told_the_rest_later() {
        let folder = tempfile::tempdir().unwrap();
        let mut waiting = start(folder.path());
        comes_to_wait(&mut waiting);
        assert!(!waiting.has_ended());
        let begun = Instant::now();
        while waiting.process.threads().unwrap().all_asleep {
            assert!(begun.elapsed() < LIMIT, "it is not stopped");
            std::thread::sleep(Duration::from_millis(5));
        }
        let so_far = waiting.begun.elapsed();
        let started = waiting.go("+SR1\n").unwrap().unwrap();
        assert!(started.earlier < so_far, "waiting is no part of a start: {:?} of {so_far:?}", started.earlier);
        reads(&started, "+SR1\n");
        let root = started.scratch.root().to_owned();
        drop(started);
        assert!(!root.exists());
    }

    #[test]
    fn what_has_not_come_to_wait_yet_is_told_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let started = start(folder.path()).go("+SR1\n").unwrap().unwrap();
        reads(&started, "+SR1\n");
    }

    #[test]
    fn what_has_died_is_told_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut waiting = start(folder.path());
        waiting.process.kill();
        assert!(waiting.look());
        assert!(waiting.go("+SR1\n").unwrap().is_none());
    }
}

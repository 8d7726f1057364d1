//! Runs a program with a time limit, collects what it says, and ends it with all that it started.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub wall: Duration,
}

impl Outcome {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn code(&self, wanted: i32) -> &Self {
        assert_eq!(self.status.code(), Some(wanted), "the exit code is another\n{}", self.transcript());
        self
    }

    /// Asserts that the message holds all of these words, in any capitalisation.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> &Self {
        let err = self.err().to_lowercase();
        for word in words {
            assert!(err.contains(&word.to_lowercase()), "the message lacks {word:?}\n{}", self.transcript());
        }
        self
    }

    /// Asserts that the message holds at least one of these words.
    #[track_caller]
    pub fn says_one_of(&self, words: &[&str]) -> &Self {
        let err = self.err().to_lowercase();
        let found = words.iter().any(|word| err.contains(&word.to_lowercase()));
        assert!(found, "the message has none of {words:?}\n{}", self.transcript());
        self
    }

    /// Asserts that no message is that of a bug: a panic, a debug print of an error, a signal.
    #[track_caller]
    pub fn speaks_to_a_person(&self) -> &Self {
        let err = self.err();
        for bug in ["panicked at", "RUST_BACKTRACE", "stack backtrace", "Os { code", "called `Result::unwrap()`"] {
            assert!(!err.contains(bug), "the message shows a bug ({bug})\n{}", self.transcript());
        }
        assert!(self.status.signal().is_none(), "ended by a signal\n{}", self.transcript());
        self
    }

    pub fn transcript(&self) -> String {
        format!(
            "--- {} after {:.1} s\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.wall.as_secs_f64(),
            cut(&self.out()),
            cut(&self.err())
        )
    }
}

/// The end of a long text.
fn cut(text: &str) -> &str {
    const MOST: usize = 6000;
    let start = text.len().saturating_sub(MOST);
    let start = (start..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[start..]
}

/// A program that runs. Dropped while it runs, its whole process group is killed.
pub struct Running {
    child: Child,
    pid: Pid,
    started: Instant,
    stdout: Collector,
    stderr: Collector,
    ended: bool,
}

/// Starts the program in a process group of its own, its standard input empty.
pub fn start(command: &mut Command) -> Running {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let pid = Pid::from_child(&child);
    let stdout = Collector::start(child.stdout.take().expect("piped"));
    let stderr = Collector::start(child.stderr.take().expect("piped"));
    Running { child, pid, started: Instant::now(), stdout, stderr, ended: false }
}

/// Starts the program and waits for its end.
///
/// # Panics
/// When it has not ended by then; its whole group is killed first.
#[track_caller]
pub fn run(command: &mut Command, limit: Duration) -> Outcome {
    start(command).wait(limit)
}

impl Running {
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to the program alone, as `kill` does.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Sends a signal to the whole group, as a terminal does for Ctrl-C.
    pub fn signal_group(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    /// What it has said on stderr so far.
    pub fn err_so_far(&self) -> String {
        self.stderr.so_far()
    }

    /// What it has said on stdout so far.
    pub fn out_so_far(&self) -> String {
        self.stdout.so_far()
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    #[track_caller]
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("waiting for a child") {
                self.ended = true;
                let wall = self.started.elapsed();
                return Outcome { status, stdout: self.stdout.finish(), stderr: self.stderr.finish(), wall };
            }
            if Instant::now() >= deadline {
                let said = format!("{}\n{}", self.out_so_far(), self.err_so_far());
                panic!("did not end within {} s (killed now); it said:\n{}", limit.as_secs_f64(), cut(&said));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill_process_group(self.pid, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Reads a pipe to its end on a thread. It is the reader that has to end: a process left behind that still holds
/// the pipe must not hang the test, so waiting for it is bounded.
struct Collector {
    data: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    fn start(mut pipe: impl Read + Send + 'static) -> Self {
        let data = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&data);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                sink.lock().expect("no reader panics").extend_from_slice(&buffer[..n]);
            }
        });
        Self { data, thread: Some(thread) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.data.lock().expect("no reader panics")).into_owned()
    }

    fn finish(&mut self) -> Vec<u8> {
        let deadline = Instant::now() + Duration::from_secs(2);
        if let Some(thread) = self.thread.take() {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        std::mem::take(&mut self.data.lock().expect("no reader panics"))
    }
}

/// Whether a process is stopped, by field 3 of its stat; not where there is none.
#[must_use]
pub fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, after)| after.starts_with('T'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_code_come_back() {
        let outcome = run(&mut sh("echo out; echo Err >&2; exit 3"), Duration::from_secs(5));
        outcome.code(3).says(&["err"]).speaks_to_a_person();
        assert_eq!(outcome.out(), "out\n");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_started() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = format!("sleep 600 & echo $! >{}; wait", file.path().display());
        let result = std::panic::catch_unwind(|| run(&mut sh(&script), Duration::from_millis(300)));
        assert!(result.is_err());
        let pid = std::fs::read_to_string(file.path()).unwrap();
        let gone = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            // A zombie that init has not collected yet counts as gone.
            std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).map_or(true, |stat| stat.contains(") Z"))
        });
        assert!(gone, "sleep still runs");
    }

    #[test]
    fn a_child_that_keeps_the_pipe_open_does_not_hang_the_test() {
        let outcome = run(&mut sh("sleep 20 & echo started"), Duration::from_secs(5));
        assert_eq!(outcome.out(), "started\n");
        assert!(outcome.wall < Duration::from_secs(2));
    }
}

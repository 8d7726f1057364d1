//! Runs one tool to its end: its output into a log, watched, and ended with all it started when the user interrupts.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::environment::Environment;
use crate::problem::{self, Problem};
use crate::watch::Watch;

/// How often the user's Ctrl-C is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a tool may take to end once it is asked to.
const GRACE: Duration = Duration::from_secs(3);

/// What every step of a build has at hand.
#[derive(Debug)]
pub struct Hands<'a> {
    pub watch: &'a mut Watch,
    /// Set by a signal: the user wants to stop.
    pub interrupted: Arc<AtomicBool>,
    /// Where the tools' output goes.
    pub log: PathBuf,
}

/// One run of a tool.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    /// For people: `fetching zig`.
    pub what: &'a str,
    pub program: &'a Path,
    pub arguments: Vec<OsString>,
    pub environment: &'a Environment,
    pub folder: &'a Path,
}

impl Hands<'_> {
    /// Runs the tool.
    ///
    /// # Errors
    /// What its messages say about why it failed, or that the user interrupted.
    pub(crate) fn run(&mut self, step: &Step<'_>) -> Result<String, Problem> {
        self.check_interrupted()?;
        let mut log = File::options().create(true).append(true).open(&self.log).map_err(Problem::file(&self.log))?;
        let shown: Vec<_> = step.arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        writeln!(log, "$ {} {}", step.program.display(), shown.join(" ")).map_err(Problem::file(&self.log))?;
        let mut child = Command::new(step.program)
            .args(&step.arguments)
            .env_clear()
            .envs(step.environment.variables().iter().map(|(name, value)| (name, value)))
            .current_dir(step.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that a compiler that it started ends with it.
            .process_group(0)
            .spawn()
            .map_err(|source| Problem::DoesNotStart { program: step.program.to_owned(), source })?;
        let (tell, hear) = mpsc::channel();
        let readers = [
            child.stdout.take().map(|out| read_lines(out, tell.clone())),
            child.stderr.take().map(|err| read_lines(err, tell.clone())),
        ];
        drop(tell);
        let mut said = String::new();
        loop {
            match hear.recv_timeout(LOOK_EVERY) {
                Ok(line) => {
                    let _ = writeln!(log, "{line}");
                    self.watch.tool_said(&line);
                    said.push_str(&line);
                    said.push('\n');
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Err(problem) = self.check_interrupted() {
                end(&mut child);
                return Err(problem);
            }
        }
        for reader in readers.into_iter().flatten() {
            let _ = reader.join();
        }
        let status = child.wait().map_err(Problem::file(step.program))?;
        self.check_interrupted()?;
        if status.success() { Ok(said) } else { Err(problem::of_log(step.what, step.folder, &self.log, &said)) }
    }

    pub(crate) fn check_interrupted(&self) -> Result<(), Problem> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Problem::Interrupted) } else { Ok(()) }
    }
}

fn read_lines(pipe: impl Read + Send + 'static, tell: Sender<String>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if tell.send(text).is_err() {
                return;
            }
        }
    })
}

/// Asks the tool and all it started to end, then makes them.
fn end(child: &mut Child) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let _ = kill_process_group(group, Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// What a program prints when it is asked something that takes no time; `None` when it fails.
pub(crate) fn ask(program: &Path, arguments: &[&str], environment: &Environment) -> Option<String> {
    let output = question(program, arguments, environment).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The same with what it said when it failed.
pub(crate) fn ask_or_why(program: &Path, arguments: &[&str], environment: &Environment) -> Result<String, String> {
    let output = question(program, arguments, environment).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn question(program: &Path, arguments: &[&str], environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.variables().iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

/// Arguments of any string-like kind.
pub(crate) fn arguments<S: AsRef<OsStr>>(list: impl IntoIterator<Item = S>) -> Vec<OsString> {
    list.into_iter().map(|argument| argument.as_ref().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Manner;

    fn shell(script: &str, interrupted: Arc<AtomicBool>) -> Result<String, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(Manner::Quiet);
        let mut hands = Hands { watch: &mut watch, interrupted, log: folder.path().join("log") };
        let environment = Environment::new(&[]);
        hands.run(&Step {
            what: "a script",
            program: Path::new("/bin/sh"),
            arguments: arguments(["-c", script]),
            environment: &environment,
            folder: folder.path(),
        })
    }

    #[test]
    fn output_comes_back_and_failures_say_what_failed() {
        assert_eq!(shell("echo one; echo two", Arc::default()).unwrap(), "one\ntwo\n");
        let error = shell("echo it broke >&2; exit 3", Arc::default()).unwrap_err().to_string();
        assert!(error.starts_with("a script failed") && error.contains("it broke"), "{error}");
    }

    #[test]
    fn an_interrupt_ends_the_tool_and_what_it_started() {
        let flag = Arc::new(AtomicBool::new(false));
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = format!("sleep 600 & echo $! >{}; wait", file.path().display());
        let setter = Arc::clone(&flag);
        let waiting = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            setter.store(true, Ordering::Relaxed);
        });
        assert!(matches!(shell(&script, flag), Err(Problem::Interrupted)));
        waiting.join().unwrap();
        let pid = std::fs::read_to_string(file.path()).unwrap();
        let gone = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            // A zombie that init has not collected yet counts as gone.
            std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).map_or(true, |stat| stat.contains(") Z"))
        });
        assert!(gone, "sleep still runs");
    }
}

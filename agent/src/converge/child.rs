//! Programs that converge starts: with a clean environment, without input, and never waited for without end.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal};

use super::failure::Failure;

/// Where Debian's administrative programs are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How much of a program's output is read.
const OUTPUT_BYTES: u64 = 256 << 10;
/// How long a killed program gets to be gone before it is left behind: one that hangs in NFS does not die.
const REAP: Duration = Duration::from_secs(1);

/// A program that ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// Standard output and error, in the order of writing.
    pub output: String,
}

impl Ended {
    /// The last lines that say something.
    #[must_use]
    pub fn last_lines(&self, count: usize) -> String {
        last_lines(&self.output, count)
    }
}

#[must_use]
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("; ")
}

/// A command as converge starts all of them.
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .env("HOME", "/root")
        .current_dir("/")
        .stdin(Stdio::null())
        // Ctrl-C at the terminal is td's to handle.
        .process_group(0);
    command
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started, or did not end in time: it is then killed, and left behind if that does not help.
pub fn run(command: &mut Command, deadline: Duration) -> Result<Ended, Failure> {
    run_watched(command, deadline, |_| {})
}

/// As [`run`]; `watch` is called again and again until the program ends, with the time that it has taken so far.
///
/// # Errors
/// As [`run`].
pub fn run_watched(
    command: &mut Command,
    deadline: Duration,
    mut watch: impl FnMut(Duration),
) -> Result<Ended, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut output = Output::new().map_err(|error| Failure::new(format!("no memory for {program}: {error}")))?;
    output.attach(command).map_err(|error| Failure::new(format!("no memory for {program}: {error}")))?;
    let mut child = command.spawn().map_err(|error| Failure::new(format!("cannot start {program}: {error}")))?;
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let status = child.try_wait().map_err(|error| Failure::new(format!("cannot wait for {program}: {error}")))?;
        if let Some(status) = status {
            return Ok(Ended { status, output: output.text() });
        }
        if begun.elapsed() > deadline {
            kill(&mut child);
            let seconds = deadline.as_secs();
            return Err(Failure::new(format!("{program} did not end within {seconds} s")));
        }
        watch(begun.elapsed());
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Runs a program that has to succeed.
///
/// # Errors
/// With the end of what it said.
pub fn run_well(command: &mut Command, deadline: Duration) -> Result<String, Failure> {
    let ended = run(command, deadline)?;
    went_well(command, &ended)?;
    Ok(ended.output)
}

/// Refuses the end of a program that had to succeed and did not.
///
/// # Errors
/// With the end of what it said.
pub fn went_well(command: &Command, ended: &Ended) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy();
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    if ended.status.success() {
        return Ok(());
    }
    let said = ended.last_lines(3);
    Err(Failure::new(format!("{program} {}: {}", arguments.join(" "), if said.is_empty() { "failed" } else { &said })))
}

/// Kills a program's group, and reaps it when it dies in time.
pub fn kill(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
    let begun = Instant::now();
    while begun.elapsed() < REAP {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a program prints, kept in memory without a thread that reads it: it can hang, and td can end, and neither
/// breaks the other's pipe.
#[derive(Debug)]
pub struct Output {
    file: File,
}

impl Output {
    /// # Errors
    /// When there is no memory.
    pub fn new() -> std::io::Result<Self> {
        let file = rustix::fs::memfd_create("td-output", MemfdFlags::CLOEXEC)?;
        Ok(Self { file: File::from(file) })
    }

    /// # Errors
    /// When no more files can be open.
    pub fn attach(&self, command: &mut Command) -> std::io::Result<()> {
        command.stdout(Stdio::from(self.file.try_clone()?)).stderr(Stdio::from(self.file.try_clone()?));
        Ok(())
    }

    /// The end of what was printed so far.
    pub fn text(&mut self) -> String {
        let len = self.file.metadata().map_or(0, |meta| meta.len());
        let mut bytes = Vec::new();
        // The position is shared with the program's: it appends wherever it is, so an ended program only.
        let read = self.file.seek(SeekFrom::Start(len.saturating_sub(OUTPUT_BYTES)));
        let _ = read.and_then(|_| self.file.by_ref().take(OUTPUT_BYTES).read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_end_or_are_given_up() {
        let ended = run(command("sh").args(["-c", "echo a; echo b >&2; exit 3"]), Duration::from_secs(60)).unwrap();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(3), "a\nb\n"));
        let mut seen = 0;
        run_watched(command("sleep").arg("0.2"), Duration::from_secs(60), |_| seen += 1).unwrap();
        assert!(seen > 0, "it was watched");
        let failure = run(command("sleep").arg("1000"), Duration::from_millis(1)).unwrap_err();
        assert_eq!(failure.0, "sleep did not end within 0 s");
        let failure = run_well(command("sh").args(["-c", "echo no; exit 1"]), Duration::from_secs(60)).unwrap_err();
        assert_eq!(failure.0, "sh -c echo no; exit 1: no");
        let failure = run(&mut command("/nonexistent/program"), Duration::from_secs(60)).unwrap_err();
        assert!(failure.0.starts_with("cannot start /nonexistent/program: "), "{failure}");
    }
}

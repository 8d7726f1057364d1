//! Calls of apt-get: watched, given up when they stall, tried again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::io::FdFlags;
use td_protocol::converge::event::Step;
use td_protocol::converge::resource::Packages;

use super::locks;
use super::said::{self, Status};
use crate::converge::child::{self, Output};
use crate::converge::failure::Failure;
use crate::converge::report::Teller;
use crate::converge::stop::Stop;

/// Pause between two looks at a running apt.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often CPU time is looked at.
const CPU_EVERY: Duration = Duration::from_secs(5);
/// CPU time (s) within [`CPU_EVERY`] that counts as progress: unpacking lists takes a Pi 1 a minute without a word,
/// and an apt that only waits uses next to nothing.
const CPU_PROGRESS: f64 = 0.05;
/// dpkg at work is never killed. When it does not move for so many stall deadlines, it is left alone and told.
const DPKG_PATIENCE: u32 = 5;

/// How a call ended.
#[derive(Debug)]
pub struct Call {
    pub good: bool,
    pub output: String,
}

/// Why a call was given up.
#[derive(Debug)]
pub enum GivenUp {
    /// No progress while nothing was touched yet: it was killed.
    Stalled(Duration),
    /// Whoever asked wants it to stop, and nothing was touched yet.
    Stopped,
    Failed(Failure),
}

/// apt as it is called for a resource.
#[derive(Debug)]
pub struct Apt<'a> {
    pub packages: &'a Packages,
    pub stop: Stop,
}

impl Apt<'_> {
    /// An apt-get with td's options.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = child::command("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("APT_LISTCHANGES_FRONTEND", "none")
            .env("APT_LISTBUGS_FRONTEND", "none")
            .env("NEEDRESTART_SUSPEND", "1")
            .env("UCF_FORCE_CONFFOLD", "1")
            .arg("--quiet")
            .args(self.options());
        command
    }

    fn options(&self) -> Vec<String> {
        let packages = self.packages;
        let timeout = packages.stall_deadline.clamp(5, 60);
        let mut options = vec![
            // Someone who takes the lock just now; the wait of before told who.
            "DPkg::Lock::Timeout=60".to_owned(),
            format!("Acquire::http::Timeout={timeout}"),
            format!("Acquire::https::Timeout={timeout}"),
            "Acquire::Retries=1".to_owned(),
            // No translations of descriptions: nobody reads them here.
            "Acquire::Languages=none".to_owned(),
            "APT::Install-Recommends=false".to_owned(),
            "Dpkg::Options::=--force-confdef".to_owned(),
            "Dpkg::Options::=--force-confold".to_owned(),
            "Dpkg::Use-Pty=0".to_owned(),
        ];
        if let Some(proxy) = &packages.proxy {
            options.push(format!("Acquire::http::Proxy={proxy}"));
            options.push(format!("Acquire::https::Proxy={proxy}"));
        }
        options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect()
    }

    /// Waits until nobody holds a lock of apt's or dpkg's.
    ///
    /// # Errors
    /// When the deadline passes, or it is asked to stop.
    pub fn wait_for_locks(&self, progress: &mut Teller<'_>) -> Result<(), Failure> {
        let begun = Instant::now();
        let deadline = Duration::from_secs(self.packages.lock_deadline.into());
        while let Some(held) = locks::held() {
            let waited = begun.elapsed();
            if waited >= deadline {
                return Err(Failure::new(format!(
                    "{held}, for {} s already: let it end, or look at it with `ps -p {}`, then apply again",
                    waited.as_secs(),
                    held.by.as_ref().map_or("...".to_owned(), |(pid, _)| pid.to_string())
                )));
            }
            if self.stop.is_asked() {
                return Err(Failure::new(format!("stopped while {held}")));
            }
            let message = format!("waiting: {held}; {} s so far, {} s at most", waited.as_secs(), deadline.as_secs());
            progress.tell(Step::WaitingForLock, message, None);
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    }

    /// Runs a call, telling its progress as `step` until dpkg is at work.
    ///
    /// # Errors
    /// [`GivenUp`].
    pub fn run(&self, mut command: Command, step: Step, progress: &mut Teller<'_>) -> Result<Call, GivenUp> {
        let failed = |what: &str, error: std::io::Error| GivenUp::Failed(Failure::new(format!("{what}: {error}")));
        let mut output = Output::new().map_err(|error| failed("no memory for apt-get", error))?;
        output.attach(&mut command).map_err(|error| failed("no memory for apt-get", error))?;
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| failed("no pipe for apt-get", error.into()))?;
        rustix::io::ioctl_fionbio(&reader, true).map_err(|error| failed("no pipe for apt-get", error.into()))?;
        command.args(["-o", &format!("APT::Status-Fd={}", writer.as_raw_fd())]);
        inherit(&mut command, &writer);
        let mut child = command.spawn().map_err(|error| failed("cannot start apt-get", error))?;
        drop(writer);
        let mut watch = Watch::new(File::from(reader), step);
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(Call { good: status.success(), output: output.text() }),
                Ok(None) => {}
                Err(error) => return Err(failed("cannot wait for apt-get", error)),
            }
            watch.look(&child, progress);
            let stall = Duration::from_secs(self.packages.stall_deadline.into());
            if !watch.installing && self.stop.is_asked() {
                child::kill(&mut child);
                return Err(GivenUp::Stopped);
            }
            if !watch.installing && watch.moved.elapsed() > stall {
                child::kill(&mut child);
                return Err(GivenUp::Stalled(stall));
            }
            if watch.installing && watch.moved.elapsed() > stall * DPKG_PATIENCE {
                return Err(GivenUp::Failed(Failure::new(format!(
                    "dpkg has not moved for {} s ({}); it is left running as process {}: look at it, and apply again when \
                     it has ended",
                    watch.moved.elapsed().as_secs(),
                    watch.message,
                    child.id()
                ))));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Lets the program have this end of a pipe under its number.
fn inherit(command: &mut Command, end: &OwnedFd) {
    let fd = end.as_raw_fd();
    // SAFETY: between fork and exec only fcntl is called, which is async-signal-safe; the number is open there, because
    // `end` lives until the program has been started.
    unsafe {
        command.pre_exec(move || {
            let fd = rustix::fd::BorrowedFd::borrow_raw(fd);
            rustix::io::fcntl_setfd(fd, FdFlags::empty())?;
            Ok(())
        });
    }
}

/// What is known of a running apt.
struct Watch {
    reader: File,
    buffer: Vec<u8>,
    step: Step,
    /// dpkg is at work: from now on it must not be killed.
    installing: bool,
    fraction: Option<f64>,
    message: String,
    moved: Instant,
    cpu: f64,
    cpu_at: Instant,
}

impl Watch {
    fn new(reader: File, step: Step) -> Self {
        let now = Instant::now();
        Self {
            reader,
            buffer: Vec::new(),
            step,
            installing: false,
            fraction: None,
            message: String::new(),
            moved: now,
            cpu: 0.0,
            cpu_at: now,
        }
    }

    fn look(&mut self, child: &Child, progress: &mut Teller<'_>) {
        let mut chunk = [0; 4096];
        while let Ok(read) = self.reader.read(&mut chunk) {
            if read == 0 {
                break;
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
        while let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            match said::status(&String::from_utf8_lossy(&line)) {
                Some(Status::Downloading(fraction)) => self.is_at(Some(fraction), String::new()),
                Some(Status::Installing(fraction, message)) => {
                    self.installing = true;
                    self.is_at(Some(fraction), message);
                }
                None => {}
            }
        }
        if self.cpu_at.elapsed() >= CPU_EVERY {
            let cpu = group_cpu(child.id());
            if cpu - self.cpu >= CPU_PROGRESS || cpu < self.cpu {
                self.moved = Instant::now();
            }
            (self.cpu, self.cpu_at) = (cpu, Instant::now());
        }
        let quiet = self.moved.elapsed().as_secs();
        let quiet = if quiet >= 10 { format!(", nothing moved for {quiet} s") } else { String::new() };
        if self.installing {
            progress.tell(Step::Installing, format!("{}{quiet}", self.message), self.fraction);
        } else {
            let what = if self.step == Step::UpdatingLists { "apt's lists" } else { "packages" };
            progress.tell(self.step, format!("downloading {what}{quiet}"), self.fraction);
        }
    }

    fn is_at(&mut self, fraction: Option<f64>, message: String) {
        if fraction != self.fraction || message != self.message {
            self.moved = Instant::now();
            self.fraction = fraction;
            self.message = message;
        }
    }
}

/// CPU seconds of all processes of a group, from /proc/PID/stat: fields 5 (the group), 14 and 15 (clock ticks).
fn group_cpu(group: u32) -> f64 {
    let mut ticks = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        if fields.get(2).and_then(|group| group.parse::<u32>().ok()) == Some(group) {
            let time = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
            ticks.insert(pid, time(11) + time(12));
        }
    }
    let ticks: u64 = ticks.values().sum();
    ticks as f64 / rustix::param::clock_ticks_per_second().max(1) as f64
}

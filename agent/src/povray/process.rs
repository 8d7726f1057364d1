//! One running POV-Ray: started in a process group of its own, and never left behind.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::Signal;

use crate::priority;

/// How much of POV-Ray's messages is kept: the end, where errors are.
const KEPT_MESSAGES: usize = 64 << 10;

/// A POV-Ray process and the end of what it printed. Dropping it kills the process group and reaps it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    messages: Arc<Mutex<VecDeque<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
    ended: Option<ExitStatus>,
    last_cpu: f64,
    is_held: bool,
}

impl Process {
    /// Starts POV-Ray.
    ///
    /// The kernel kills it when the calling thread ends (`PR_SET_PDEATHSIG`), so no POV-Ray outlives the agent,
    /// whatever happens to that: call this from the thread that stays with the process.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(
        program: &Path,
        arguments: &[OsString],
        environment: &[(&str, OsString)],
        folder: &Path,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        let agent = rustix::process::getpid();
        let gives_way = priority::povray_gives_way();
        // SAFETY: only async-signal-safe system calls (prctl, getppid, setpriority) run between fork and exec.
        unsafe {
            command.pre_exec(move || {
                if gives_way {
                    priority::weaken_povray();
                }
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                // An agent that died before the call above sends no signal any more: then nothing may be started.
                if rustix::process::getppid() == Some(agent) {
                    return Ok(());
                }
                Err(rustix::io::Errno::SRCH.into())
            });
        }
        let mut child = command.spawn()?;
        let messages = Arc::new(Mutex::new(VecDeque::new()));
        let stderr = child.stderr.take();
        let mut process = Self { child, messages, reader: None, ended: None, last_cpu: 0.0, is_held: false };
        if let Some(stderr) = stderr {
            let messages = Arc::clone(&process.messages);
            // Where there is no thread to be had, POV-Ray goes with this.
            process.reader = Some(std::thread::Builder::new().spawn(move || keep_end(stderr, &messages))?);
        }
        Ok(process)
    }

    /// CPU seconds of the process so far, user and system; what was last seen once it has been reaped.
    pub fn cpu_seconds(&mut self) -> f64 {
        if self.ended.is_none()
            && let Some(cpu) = cpu_of(self.child.id())
        {
            self.last_cpu = cpu;
        }
        self.last_cpu
    }

    /// The exit status once POV-Ray has ended.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn poll(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            // After it is reaped its times are gone.
            self.cpu_seconds();
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// How its threads are, by /proc/PID/task/*/stat. None where that cannot be read, or the process has ended.
    #[must_use]
    pub fn threads(&self) -> Option<ThreadStates> {
        if self.ended.is_some() {
            return None;
        }
        let pid = self.child.id();
        let mut states = ThreadStates { all_asleep: true, first_asleep: false, first_ticks: 0 };
        for entry in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
            let entry = entry.ok()?;
            let (is_asleep, ticks) = parse_thread(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?;
            states.all_asleep &= is_asleep;
            if entry.file_name().to_str() == Some(pid.to_string().as_str()) {
                (states.first_asleep, states.first_ticks) = (is_asleep, ticks);
            }
        }
        Some(states)
    }

    /// Kills the whole process group and waits for POV-Ray's end.
    pub fn kill(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.cpu_seconds();
        if !self.signal(Signal::KILL) {
            // The group is gone when POV-Ray ended a moment ago; the wait below tells.
            let _ = self.child.kill();
        }
        self.ended = self.child.wait().ok();
    }

    /// Stops POV-Ray until [`Self::go_on`]. It can be killed meanwhile.
    pub fn hold(&mut self) {
        if self.ended.is_none() && !self.is_held {
            self.is_held = self.signal(Signal::STOP);
        }
    }

    /// Lets POV-Ray run again where it was stopped.
    pub fn go_on(&mut self) {
        if std::mem::take(&mut self.is_held) && self.ended.is_none() {
            self.signal(Signal::CONT);
        }
    }

    /// Whether the process group got the signal.
    fn signal(&self, signal: Signal) -> bool {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        pid.is_some_and(|pid| rustix::process::kill_process_group(pid, signal).is_ok())
    }

    /// The end of what POV-Ray printed; whole once it has ended.
    pub fn messages(&mut self) -> String {
        if self.ended.is_some()
            && let Some(reader) = self.reader.take()
        {
            let _ = reader.join();
        }
        let mut kept = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(kept.make_contiguous()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The signal that ended POV-Ray, if one did.
#[must_use]
pub fn ending_signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

fn keep_end(mut stderr: std::process::ChildStderr, messages: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(read) = stderr.read(&mut buffer) {
        if read == 0 {
            break;
        }
        let mut kept = messages.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&buffer[..read]);
        let surplus = kept.len().saturating_sub(KEPT_MESSAGES);
        kept.drain(..surplus);
    }
}

/// The threads of a process, as proc(5) tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadStates {
    /// Each waits for something, and none for its turn on the processor or for the disk.
    pub all_asleep: bool,
    /// The first one does.
    pub first_asleep: bool,
    /// CPU time of the first one so far, user and system, in clock ticks.
    pub first_ticks: u64,
}

/// Whether a thread sleeps, and its ticks: fields 3, 14 and 15 of its stat. The name in field 2 may hold blanks and brackets.
fn parse_thread(stat: &str) -> Option<(bool, u64)> {
    let mut fields = stat.rsplit_once(") ")?.1.split_whitespace();
    let is_asleep = fields.next()? == "S";
    let mut times = fields.skip(10);
    let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some((is_asleep, user.saturating_add(system)))
}

/// The clock of all threads of a process: the kernel counts it in nanoseconds, where /proc/PID/stat has ticks of 10 ms.
/// A process that has ended and was not waited for still has it (clock_getcpuclockid(3)).
fn cpu_of(pid: u32) -> Option<f64> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls only write to the places given, which are valid and of the right types.
    let found = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) == 0 && libc::clock_gettime(clock, &raw mut time) == 0
    };
    found.then_some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

/// CPU seconds of the calling thread, for the agent's own work.
#[must_use]
pub fn own_thread_cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// State of a process, the third field of its stat: `R`, `S`, `T`, `Z` ...
    fn state(pid: u32) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    #[track_caller]
    fn comes_to(pid: u32, wanted: &[char]) {
        let begun = Instant::now();
        while !state(pid).is_some_and(|state| wanted.contains(&state)) {
            assert!(begun.elapsed() < LIMIT, "{:?}, not {wanted:?}", state(pid));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn one_that_is_held_does_nothing_and_goes_on_or_dies_as_told() {
        let arguments = ["-c".into(), "while :; do :; done".into()];
        let mut process = Process::start(Path::new("/bin/sh"), &arguments, &[], Path::new("/")).unwrap();
        let pid = process.child.id();
        process.go_on();
        process.hold();
        comes_to(pid, &['T']);
        assert_eq!(process.poll().unwrap(), None, "it has not ended");
        process.go_on();
        comes_to(pid, &['R']);
        process.hold();
        process.hold();
        comes_to(pid, &['T']);
        process.kill();
        assert_eq!(state(pid), None);
        process.hold();
        process.go_on();
    }

    #[test]
    fn a_thread_tells_its_state_and_its_time() {
        let stat = "12 (a) b)) S 1 1 1 0 -1 4194560 1 0 0 0 34 8 0 0 20 0 1 0 777 0";
        assert_eq!(parse_thread(stat), Some((true, 42)));
        assert_eq!(parse_thread(&stat.replace(" S ", " R ")), Some((false, 42)));
        assert_eq!(parse_thread("12 (a) S 1 1"), None);
        assert_eq!(parse_thread(""), None);
    }
}

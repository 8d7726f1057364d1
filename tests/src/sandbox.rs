//! A home of its own for each test, and the check that nothing is left behind.
//!
//! Every program started through a [`Sandbox`] carries its mark in the environment, and its home, caches and
//! working folder lie inside it. So whatever outlives the program under test can be found, whoever its parent is.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::process::{self, Outcome};
use crate::programs;

/// The environment variable that marks a program as this sandbox's.
const MARK: &str = "TD_TEST_SANDBOX";

/// How long a program of the project may take to collect what it started.
const GRACE: Duration = Duration::from_secs(1);

/// No test's single run may take longer unless it says so.
pub const USUAL_LIMIT: Duration = Duration::from_secs(120);

/// A folder with `home/`, `work/` (the working folder) and `tmp/`, removed at the end of the test.
pub struct Sandbox {
    dir: tempfile::TempDir,
    mark: String,
    since: SystemTime,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = tempfile::Builder::new().prefix("td-test-").tempdir().expect("a temporary folder");
        for part in ["home", "work", "tmp", "run"] {
            fs::create_dir(dir.path().join(part)).expect("a folder in the sandbox");
        }
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { dir, mark, since: SystemTime::now() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The folder that programs run in.
    pub fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Writes a file below [`work`](Self::work), with the folders that lead to it.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder in the sandbox");
        fs::write(&path, content).expect("a file in the sandbox");
        path
    }

    /// A command with nothing of this machine's user in its surroundings.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let home = self.home();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", &home)
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .env("TMPDIR", self.path().join("tmp"))
            .env("RUST_BACKTRACE", "0")
            .env(MARK, &self.mark)
            .current_dir(self.work());
        command
    }

    /// The `td` under test.
    pub fn td<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = self.command(programs::binary("td"));
        command.args(args);
        command
    }

    /// Runs `td` to its end and checks that nothing is left behind.
    #[track_caller]
    pub fn run<I, S>(&self, args: I) -> Outcome
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let outcome = process::run(&mut self.td(args), USUAL_LIMIT);
        self.nothing_left_behind();
        outcome
    }

    /// Asserts that no process of this sandbox runs any more and that no temporary file of POV-Ray or td is left.
    #[track_caller]
    pub fn nothing_left_behind(&self) {
        let deadline = Instant::now() + GRACE;
        loop {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            if Instant::now() >= deadline {
                panic!("processes are left behind: {left:#?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let files = self.left_files();
        assert!(files.is_empty(), "files are left behind: {files:#?}");
    }

    /// The processes that carry this sandbox's mark, or run in its folder, each as `pid command`.
    pub fn processes(&self) -> Vec<String> {
        self.process_ids().into_iter().map(|pid| format!("{pid} {}", command_line(pid))).collect()
    }

    /// The ids of this sandbox's processes whose program is called so.
    pub fn processes_called(&self, name: &str) -> Vec<i32> {
        let is_called =
            |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
        self.process_ids().into_iter().filter(is_called).collect()
    }

    fn process_ids(&self) -> Vec<i32> {
        let wanted = format!("{MARK}={}", self.mark);
        let entries = fs::read_dir("/proc").expect("/proc is there");
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|&pid| self.owns(pid, wanted.as_bytes())).collect()
    }

    fn owns(&self, pid: i32, mark: &[u8]) -> bool {
        if pid.unsigned_abs() == std::process::id() {
            return false;
        }
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environ.split(|&byte| byte == 0).any(|entry| entry == mark) {
            return true;
        }
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(self.path()))
    }

    /// Temporary files that should be gone: everything in the sandbox's own `tmp/` and `run/`, partial pictures,
    /// and POV-Ray's buffers in /tmp made since the test began whose process is gone.
    fn left_files(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        for folder in ["tmp", "run"] {
            left.extend(files_below(&self.path().join(folder)));
        }
        let partial = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".pov-state") || name.contains(".part") || name.contains(".tmp")
        };
        left.extend(files_below(&self.path().join("work")).into_iter().filter(partial));
        // Scratch folders are empty between jobs: what is kept are bundles and finished bands.
        let scratch = |path: &PathBuf| path.extension().is_some_and(|e| e == "pov-state") || is_buffer(path).is_some();
        left.extend(files_below(&self.home()).into_iter().filter(scratch));
        left.extend(self.dead_buffers());
        left
    }

    fn dead_buffers(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir("/tmp") else {
            return Vec::new();
        };
        let dead = |path: &PathBuf| {
            let Some(pid) = is_buffer(path) else {
                return false;
            };
            let made = fs::metadata(path).and_then(|meta| meta.modified());
            made.is_ok_and(|at| at >= self.since) && !Path::new(&format!("/proc/{pid}")).exists()
        };
        entries.flatten().map(|entry| entry.path()).filter(dead).collect()
    }
}

/// The process id in the name of a POV-Ray buffer file, `pov<pid>`.
fn is_buffer(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("pov")?.parse().ok()
}

fn command_line(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

/// All plain files below a folder, links not followed.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => files.push(entry.path()),
                Err(_) => {}
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orphan_is_found_and_a_clean_end_is_clean() {
        let sandbox = Sandbox::new();
        let mut sleeper = process::start(sandbox.command("sleep").arg("60"));
        assert_eq!(sandbox.processes_called("sleep").len(), 1);
        sleeper.signal_group(rustix::process::Signal::KILL);
        while !sleeper.has_ended() {}
        sandbox.nothing_left_behind();
    }

    #[test]
    fn a_temporary_file_is_found() {
        let sandbox = Sandbox::new();
        sandbox.nothing_left_behind();
        fs::write(sandbox.path().join("tmp/x"), "").unwrap();
        assert_eq!(sandbox.left_files().len(), 1);
        fs::remove_file(sandbox.path().join("tmp/x")).unwrap();
        sandbox.write("out.pov-state", "");
        assert_eq!(sandbox.left_files().len(), 1);
    }
}

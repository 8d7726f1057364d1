//! A real sshd on a loopback port, with keys of its own, for one test.
//!
//! A plain user's sshd logs in that user. Root's needs a user to separate privileges and takes whom it finds in
//! /etc/passwd: it runs in a mount namespace of its own, where that file has two more lines. Nothing of this machine is
//! changed, and the login is never root, so td-provision stops before it could touch anything: `become: none` is refused.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for sshd to listen.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

pub struct Sshd {
    pub port: u16,
    pub dir: TempDir,
    child: Child,
}

/// Where a user's keys and known_hosts lie, as `$HOME`.
pub struct Home {
    dir: TempDir,
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whom the tests log in as.
pub fn user() -> String {
    if is_root() {
        return "td-tester".to_owned();
    }
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8(output.stdout).expect("is UTF-8").trim().to_owned()
}

pub fn run(command: &mut Command) -> String {
    let output = command.output().expect("runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is UTF-8")
}

pub fn keygen(path: &Path, kind: &str, passphrase: &str) {
    run(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-C", "", "-f"]).arg(path));
}

/// The program, from the system or from where setup/packages.sh has put it.
fn program() -> (PathBuf, Option<PathBuf>) {
    let system = PathBuf::from("/usr/sbin/sshd");
    if system.exists() {
        return (system, None);
    }
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sshd").canonicalize();
    let unpacked = unpacked.expect("no sshd: `setup/packages.sh test` brings it");
    (unpacked.join("usr/sbin/sshd"), Some(unpacked.join("usr/lib/x86_64-linux-gnu")))
}

impl Sshd {
    /// Starts one that takes the public keys in `authorized`, with host keys of these kinds and more lines of
    /// configuration.
    pub fn start(authorized: &[&Path], host_keys: &[&str], more: &str) -> Sshd {
        let dir = tempfile::Builder::new().prefix("td-sshd-").tempdir().expect("a folder");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
        let path = dir.path();
        let keys: String = authorized.iter().map(|key| fs::read_to_string(key).expect("a public key")).collect();
        fs::write(path.join("authorized_keys"), keys).expect("written");
        let mut config = format!(
            "ListenAddress 127.0.0.1\nPidFile none\nStrictModes no\nUsePAM no\nAuthorizedKeysFile {}\n{more}\n",
            path.join("authorized_keys").display(),
        );
        for kind in host_keys {
            let key = path.join(format!("host_{kind}"));
            keygen(&key, kind, "");
            config.push_str(&format!("HostKey {}\n", key.display()));
        }
        fs::write(path.join("sshd_config"), config).expect("written");
        // The port is free at this moment; should another take it, this one is tried again.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("has one").port();
            drop(listener);
            let mut child = command(path, port).spawn().expect("sshd starts");
            let began = Instant::now();
            loop {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Sshd { port, dir, child };
                }
                if child.try_wait().expect("asked").is_some() {
                    break;
                }
                assert!(began.elapsed() < STARTS_WITHIN, "sshd does not listen: {}", log(path));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("sshd does not start: {}", log(path));
    }

    pub fn host_key(&self, kind: &str) -> PathBuf {
        self.dir.path().join(format!("host_{kind}.pub"))
    }

    /// `SHA256:...` of a host key, as ssh-keygen tells it.
    pub fn fingerprint(&self, kind: &str) -> String {
        let text = run(Command::new("ssh-keygen").arg("-lf").arg(self.host_key(kind)));
        text.split_whitespace().nth(1).expect("a fingerprint").to_owned()
    }
}

fn log(path: &Path) -> String {
    fs::read_to_string(path.join("log")).unwrap_or_default()
}

fn command(path: &Path, port: u16) -> Command {
    let (program, libraries) = program();
    let log = fs::File::create(path.join("log")).expect("a log");
    let arguments = format!("-D -e -p {port} -f {}", path.join("sshd_config").display());
    let mut command = if is_root() {
        let script = format!(
            "set -e; umask 022; cp /etc/passwd {dir}/passwd; cp /etc/shadow {dir}/shadow; \
             echo 'td-tester:x:1000:1000::{dir}:/bin/sh' >>{dir}/passwd; \
             echo \"td-tester:$(openssl passwd -6 -salt td 'right horse'):19000::::::\" >>{dir}/shadow; \
             grep -q ^sshd: {dir}/passwd || echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin' >>{dir}/passwd; \
             mount --bind {dir}/passwd /etc/passwd; mount --bind {dir}/shadow /etc/shadow; \
             mount -t tmpfs -o mode=755 none /run; mkdir /run/sshd; exec {program} {arguments}",
            dir = path.display(),
            program = program.display(),
        );
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]);
        command
    } else {
        let mut command = Command::new(program);
        command.args(arguments.split(' '));
        command
    };
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Home {
    pub fn new() -> Home {
        let dir = tempfile::Builder::new().prefix("td-home-").tempdir().expect("a folder");
        fs::create_dir(dir.path().join(".ssh")).expect("made");
        Home { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn ssh(&self, name: &str) -> PathBuf {
        self.dir.path().join(".ssh").join(name)
    }

    /// A key in ~/.ssh; the answer is its public half.
    pub fn key(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        keygen(&self.ssh(name), kind, passphrase);
        self.ssh(&format!("{name}.pub"))
    }

    pub fn inventory(&self, yaml: &str) {
        fs::write(self.path().join("inventory.yaml"), yaml).expect("written");
    }

    pub fn known_hosts(&self) -> String {
        fs::read_to_string(self.ssh("known_hosts")).unwrap_or_default()
    }

    /// td-provision with nothing of this machine's user around it, and no terminal.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command
            .arg("--wait")
            .arg(env!("CARGO_BIN_EXE_td-provision"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it; exit code and standard error.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        said(&mut self.command(arguments))
    }
}

pub fn said(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

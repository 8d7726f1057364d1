//! One node: what can be done to it, and what can be seen of it from the outside.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Fresh, Tree, tree};
use crate::process::{self, Outcome};
use crate::programs;

/// How long one command inside a node may take.
const COMMAND: Duration = Duration::from_secs(300);

/// A node of a [`Cluster`](super::Cluster).
#[derive(Debug)]
pub struct Node {
    lan: u8,
    number: u8,
    fresh: Fresh,
}

impl Node {
    pub(super) fn new(lan: u8, number: u8, fresh: Fresh) -> Self {
        Self { lan, number, fresh }
    }

    /// Its name in the inventory: `pi1` for node 1.
    pub fn name(&self) -> String {
        format!("pi{}", self.number)
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 78, self.lan, 100 + self.number)
    }

    /// Switches it on. Its card is as it was, or as just flashed the first time.
    pub fn start(&self) {
        let mut script = self.script("start", &[]);
        script.envs(self.fresh.environment());
        // The first one of all makes the image.
        process::run(&mut script, Duration::from_secs(600)).code(0);
    }

    /// Waits until it is up and one can log in.
    pub fn wait_up(&self) {
        let seconds = self.fresh.boot().as_secs().to_string();
        process::run(&mut self.script("wait", &[&seconds]), self.fresh.boot() + Duration::from_secs(30)).code(0);
    }

    /// Powers it off in order.
    pub fn stop(&self) {
        self.does("stop");
    }

    /// Cuts its power.
    pub fn kill(&self) {
        self.does("kill");
    }

    /// Pulls its network cable.
    pub fn cut(&self) {
        self.does("cut");
    }

    /// Puts the cable back.
    pub fn join(&self) {
        self.does("join");
    }

    /// Reboots it in order, and waits until it is up again.
    pub fn reboot(&self) {
        let before = self.boot_id();
        self.run(&["systemctl", "reboot"]);
        let deadline = Instant::now() + self.fresh.boot();
        loop {
            assert!(Instant::now() < deadline, "{} does not reboot", self.name());
            std::thread::sleep(Duration::from_millis(100));
            // Into a node that is just going down nsenter may wait for ever.
            let asks = self.script("exec", &["cat", BOOT_ID]);
            let mut bounded = Command::new("timeout");
            bounded.args(["--kill-after=1", "10"]).arg(asks.get_program()).args(asks.get_args());
            bounded.envs(asks.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let now = process::run(&mut bounded, COMMAND);
            if now.status.success() && now.out().trim() != before {
                break;
            }
        }
        self.wait_up();
    }

    /// Which boot this is.
    pub fn boot_id(&self) -> String {
        self.sh(&format!("cat {BOOT_ID}")).trim().to_owned()
    }

    /// Runs a command as root inside it, past SSH and sudo (but not past them where it has a kernel of its own).
    pub fn run(&self, command: &[&str]) -> Outcome {
        process::run(&mut self.script("exec", command), COMMAND)
    }

    /// Runs a shell script as root inside it, and gives back what it printed.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let outcome = self.run(&["sh", "-euc", script]);
        outcome.code(0);
        outcome.out()
    }

    /// A command that runs inside it as root, for [`process::start`].
    pub fn command(&self, command: &[&str]) -> Command {
        self.script("exec", command)
    }

    /// What lies in `/etc`, `/boot` and `/usr/local`.
    pub fn tree(&self) -> Tree {
        tree::read(self)
    }

    /// The folder on this machine that holds what differs from the image.
    pub fn card(&self) -> PathBuf {
        PathBuf::from(process::run(&mut self.script("card", &[]), COMMAND).code(0).out().trim())
    }

    fn does(&self, what: &str) {
        process::run(&mut self.script(what, &[]), Duration::from_secs(60)).code(0);
    }

    fn script(&self, what: &str, more: &[&str]) -> Command {
        let mut command = Command::new(programs::workspace().join("tests/nodes").join(self.fresh.script()));
        command.env("TD_LAN", self.lan.to_string()).arg(what).arg(self.number.to_string()).args(more);
        command
    }
}

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

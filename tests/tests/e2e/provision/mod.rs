//! td-provision on real nodes: sshd, sudo, apt and systemd, nothing in their place.

mod apply;
mod bad_days;
mod causes;
mod fitness;
mod health;
mod own_kernel;
mod shelf;
mod word_size;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use td_tests::events;
use td_tests::nodes::Cluster;
use td_tests::process::{self, Outcome, Running};
use td_tests::programs;
use td_tests::sandbox::Sandbox;

/// No run of td-provision in these tests may take longer. Fresh nodes get POV-Ray in it.
const LIMIT: Duration = Duration::from_secs(600);

/// The person at the master: a home with an SSH key, and the inventory of a cluster.
pub struct Master<'a> {
    pub cluster: &'a Cluster,
    pub sandbox: Sandbox,
}

/// Boot settings that a Pi 1 takes, and the way to the packages.
fn usual(cluster: &Cluster) -> String {
    format!("model: pi1b\nboot: {{ gpu_mem: 16, arm_freq: 800 }}\napt_proxy: {}\n", cluster.proxy())
}

/// No packages, so that a test of something else is short: what td itself needs still comes.
const SHARE: &str = "share: { server: pi1, export: /srv/td, mount: /mnt/td }\n";

impl<'a> Master<'a> {
    /// With a share on pi1.
    pub fn new(cluster: &'a Cluster) -> Self {
        Self::with(cluster, &usual(cluster), SHARE)
    }

    /// With these `defaults`, and `more` above the nodes.
    pub fn with(cluster: &'a Cluster, defaults: &str, more: &str) -> Self {
        let sandbox = Sandbox::new();
        let ssh = sandbox.home().join(".ssh");
        fs::create_dir(&ssh).unwrap();
        fs::copy(cluster.key(), ssh.join("id_ed25519")).unwrap();
        for (path, mode) in [(ssh.clone(), 0o700), (ssh.join("id_ed25519"), 0o600)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        sandbox.write("inventory.yaml", cluster.inventory(defaults, more));
        Self { cluster, sandbox }
    }

    /// The folder of the cluster's CA and certificates.
    pub fn credentials(&self) -> PathBuf {
        self.sandbox.home().join(format!(".config/td/clusters/test{}", self.cluster.lan()))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(programs::binary("td-provision"));
        // Whatever the inventories say, the test nodes are machines like this one, and its td-agent is theirs.
        command.args(arguments).env("TD_NO_BUILD", "1");
        command
    }

    /// Runs td-provision to its end. Host keys of nodes that are new are taken, those that changed never are.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let outcome = process::run(self.command(arguments).arg("--accept-new"), LIMIT);
        outcome.speaks_to_a_person();
        self.sandbox.nothing_left_behind();
        outcome
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        process::start(self.command(arguments).arg("--accept-new"))
    }

    /// `apply --yes`, its events, and what it changed in all.
    #[track_caller]
    pub fn apply(&self) -> u64 {
        let outcome = self.run(&["apply", "--yes", "--json"]);
        outcome.code(0);
        changed(&outcome)
    }

    /// Adds keys to a node of the inventory.
    pub fn add(&self, node: &str, keys: &str) {
        let path = self.sandbox.work().join("inventory.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().map(|line| match line.strip_prefix(&format!("  {node}: {{")) {
            Some(rest) => format!("  {node}: {{ {keys},{rest}\n"),
            None => format!("{line}\n"),
        });
        let added: String = lines.collect();
        assert_ne!(added, text, "the inventory has no {node}");
        fs::write(path, added).unwrap();
    }

    /// What a test shows of a screen: addresses, times and keys made equal from run to run.
    pub fn plain(&self, text: &str) -> String {
        let mut plain = text.to_owned();
        for node in self.cluster.nodes() {
            plain = plain.replace(&node.address().to_string(), &format!("[{}]", node.name()));
        }
        plain = plain
            .replace(&self.cluster.proxy(), "[proxy]")
            .replace(&self.sandbox.path().display().to_string(), "[sandbox]");
        plain = plain.replace(&format!("clusters/test{}", self.cluster.lan()), "clusters/test");
        plain = plain.replace(&format!("cluster test{}", self.cluster.lan()), "cluster test");
        // Which line of known_hosts a node has depends on who answered first.
        for line in 1..10 {
            plain = plain.replace(&format!("known_hosts:{line} "), "known_hosts:N ");
        }
        let mut lines: Vec<String> = plain.lines().map(|line| masked(line.trim_end())).collect();
        // Nodes answer in any order.
        lines.sort();
        lines.join("\n")
    }
}

/// Seconds, SHA-256 hashes and fingerprints, which differ each time, and the mirror, which differs from machine to machine.
fn masked(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let digits = word.trim_matches(|c: char| !c.is_ascii_digit());
        let hex = word.trim_matches(|c: char| c.is_ascii_punctuation());
        if word.starts_with("SHA256:") {
            "SHA256:...".to_owned()
        } else if word.starts_with("'http://") {
            "'[mirror]".to_owned()
        } else if hex.len() >= 12 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            word.replace(hex, "...")
        } else if digits.contains('.') && digits.parse::<f64>().is_ok() {
            word.replace(digits, "N")
        } else {
            word.to_owned()
        }
    });
    let masked = words.collect::<Vec<_>>().join(" ");
    // The times of the recap are right-aligned.
    match masked.strip_suffix(" N s") {
        Some(rest) if rest.contains("unreachable") => format!("{} N s", rest.trim_end()),
        _ => masked,
    }
}

/// The number of changes that the last event tells.
#[track_caller]
fn changed(outcome: &Outcome) -> u64 {
    let done = events::last(outcome).unwrap_or_else(|e| panic!("{e}\n{}", outcome.transcript()));
    assert_eq!(done["event"], "done", "{}", outcome.transcript());
    done.get("changed").and_then(Value::as_u64).unwrap_or_else(|| panic!("no `changed`\n{}", outcome.transcript()))
}

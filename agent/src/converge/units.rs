//! What systemd has, read from files: a call of systemctl costs a fifth of a core some 50 ms.

use std::time::{Duration, Instant};

use super::child;
use super::node::Node;

const UNIT_FOLDERS: [&str; 3] = ["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"];
const CONTROL_GROUPS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd"];

/// Whether systemd is process 1: sd_booted(3).
#[must_use]
pub fn has_systemd(node: &Node) -> bool {
    node.exists("/run/systemd/system")
}

/// Whether there is a file of the unit.
#[must_use]
pub fn exists(node: &Node, unit: &str) -> bool {
    UNIT_FOLDERS.iter().any(|folder| node.exists(&format!("{folder}/{unit}")))
}

/// Whether a target wants the unit, as `systemctl enable` makes it, and nobody masked it.
#[must_use]
pub fn is_enabled(node: &Node, unit: &str) -> bool {
    let own = node.path(&format!("/etc/systemd/system/{unit}"));
    if std::fs::read_link(own).is_ok_and(|target| target == std::path::Path::new("/dev/null")) {
        return false;
    }
    let entries = std::fs::read_dir(node.path("/etc/systemd/system")).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut wants = names.filter(|name| name.ends_with(".wants") || name.ends_with(".requires"));
    wants.any(|wants| node.exists(&format!("/etc/systemd/system/{wants}/{unit}")))
}

/// The processes of a service, from its control group.
#[must_use]
pub fn processes(node: &Node, unit: &str) -> Vec<u32> {
    let text = |folder: &&str| node.text(&format!("{folder}/system.slice/{unit}/cgroup.procs"));
    let text = CONTROL_GROUPS.iter().find_map(text).unwrap_or_default();
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// Waits until the boot is over, so long at most. Says whether it was under way.
#[must_use]
pub fn await_boot(node: &Node, most: Duration) -> bool {
    let begun = Instant::now();
    let mut waited = false;
    while node.is_alive() && has_systemd(node) && !node.stop.is_asked() && begun.elapsed() < most {
        let mut command = child::command("systemctl");
        let state = child::run(command.arg("is-system-running"), Duration::from_secs(10));
        if !state.is_ok_and(|ended| matches!(ended.output.trim(), "initializing" | "starting")) {
            break;
        }
        waited = true;
        std::thread::sleep(Duration::from_millis(500));
    }
    waited
}

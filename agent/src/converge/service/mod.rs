//! The agent as a service: its unit, enabled, running, and running what is installed; and beside it the probe with its
//! timer.

pub mod probe;
pub mod unit;

use std::path::Path;
use std::time::{Duration, Instant};

use td_protocol::converge::event::{Diff, Step};
use td_protocol::converge::kind::Kind;
use td_protocol::converge::resource::{Resource, Service};
use td_protocol::hash::ContentHash;

use super::child;
use super::diff;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace::{self, Rights};
use super::units;

/// How long a started agent gets until it listens: a Pi 1 reads its certificates and its cache.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

fn unit_file() -> String {
    format!("/etc/systemd/system/{}", Service::UNIT)
}

/// Stands for the files in the service's TLS folder, as they are to be.
fn certificates(service: &Service, node: &Node) -> ContentHash {
    let mut all = Vec::new();
    for name in ["ca.pem", "agent.pem", "agent.key"] {
        let path = format!("{}/{name}", service.tls);
        let desired = node.state.resources.iter().find_map(|resource| match resource {
            Resource::File(file) if file.path == path => Some(file.content.0.as_bytes().to_vec()),
            _ => None,
        });
        // Selected alone, the service goes by the files that are there.
        let content = desired.unwrap_or_else(|| std::fs::read(node.path(&path)).unwrap_or_default());
        all.extend_from_slice(&ContentHash::of(&content).0);
    }
    ContentHash::of(&all)
}

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    No,
    /// From another binary, unit or certificates than those that are there.
    Outdated,
    Yes,
}

/// Looks at the service's processes.
#[must_use]
pub fn running(service: &Service, node: &Node) -> Running {
    let state = unit::wanted_state(service, certificates(service, node));
    let mut running = Running::No;
    for pid in units::processes(node, Service::UNIT) {
        // A binary that was replaced reads `/usr/local/bin/td-agent (deleted)`.
        let Ok(exe) = std::fs::read_link(node.path(&format!("/proc/{pid}/exe"))) else {
            continue;
        };
        let exe = exe.to_string_lossy().into_owned();
        if exe.strip_suffix(" (deleted)").unwrap_or(&exe) != Service::BINARY {
            continue;
        }
        let environment = std::fs::read(node.path(&format!("/proc/{pid}/environ"))).unwrap_or_default();
        let variable = format!("{}={state}", unit::STATE);
        let is_current = environment.split(|&byte| byte == 0).any(|entry| entry == variable.as_bytes());
        if exe == Service::BINARY && is_current {
            return Running::Yes;
        }
        running = Running::Outdated;
    }
    running
}

impl Converge for Service {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let mut check = Check { message: format!("the agent runs on port {}", self.port), ..Check::default() };
        check.diffs = self.diffs(node)?;
        check.diffs.extend(probe::check(self, node)?);
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        if node.is_alive() && !units::has_systemd(node) {
            return Err(Failure::new("systemd is not process 1 here: the agent's service needs it"));
        }
        // Pictures are not stopped for a change of the probe.
        if !self.diffs(node)?.is_empty() {
            self.start(node)?;
        }
        probe::converge(self, node)?;
        Ok(format!("the agent runs on port {}", self.port).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let mut diffs = probe::remove(node)?;
        let path = node.path(&unit_file());
        let old = replace::read(&path)?;
        if let Some(old) = &old {
            node.systemctl(&["disable", "--now", Service::UNIT])?;
            replace::remove(&path)?;
            node.systemctl(&["daemon-reload"])?;
            diffs.push(diff::text(&unit_file(), old, b""));
        }
        // The binary is this program, which has the rest to take back: who called it removes it last.
        Ok(Removed::did(diffs, "the agent's service is gone"))
    }
}

/// The agent's own part of it.
trait Own {
    /// What is different.
    fn diffs(&self, node: &Node) -> Result<Vec<Diff>, Failure>;

    /// Writes the unit, and starts the agent anew.
    fn start(&self, node: &Node) -> Result<(), Failure>;
}

impl Own for Service {
    fn diffs(&self, node: &Node) -> Result<Vec<Diff>, Failure> {
        let mut diffs = Vec::new();
        let file = unit_file();
        let old = replace::read(&node.path(&file))?.unwrap_or_default();
        let new = unit::text(self, certificates(self, node));
        if old != new.as_bytes() {
            diffs.push(diff::text(&file, &old, new.as_bytes()));
        }
        if !units::is_enabled(node, Service::UNIT) {
            diffs.push(state("off at boot", "on at boot"));
        }
        if node.is_alive() {
            match running(self, node) {
                Running::Yes => {}
                Running::No => diffs.push(state("stopped", "running")),
                Running::Outdated => {
                    diffs.push(state("running from before", "restarted with this binary, unit and certificates"));
                }
            }
        }
        Ok(diffs)
    }

    fn start(&self, node: &Node) -> Result<(), Failure> {
        if node.is_alive() && !node.exists(Service::BINARY) {
            return Err(Failure::new(format!("{} is not there: it has to be put there first", Service::BINARY)));
        }
        // Left where the power went while a new binary took its place; the new one runs this.
        replace::remove(&beside(&node.path(Service::BINARY), ".old"))?;
        let new = unit::text(self, certificates(self, node));
        let path = node.path(&unit_file());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::io("cannot make", folder, &error))?;
        }
        replace::with_rights(&path, new.as_bytes(), Rights::ROOT_FILE)?;
        node.systemctl(&["daemon-reload"])?;
        node.systemctl(&["enable", Service::UNIT])?;
        // Counted failures of before must not keep it from starting now.
        let _ = node.systemctl(&["reset-failed", Service::UNIT]);
        node.systemctl(&["restart", Service::UNIT]).map_err(|failure| failure.when(last_words(node)))?;
        self.await_start(node)
    }
}

/// Whether somebody listens on the port: from the kernel's tables, because the agent would note a caller without a
/// certificate.
#[must_use]
pub fn listens(node: &Node, port: u16) -> bool {
    let tables = ["/proc/net/tcp6", "/proc/net/tcp"];
    tables.iter().any(|table| node.text(table).is_some_and(|table| has_listener(&table, port)))
}

/// From the text of /proc/net/tcp: the local address ends with the port, and state 0A is "listening".
fn has_listener(table: &str, port: u16) -> bool {
    let port = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().is_some_and(|local| local.ends_with(&port));
        local && fields.nth(1) == Some("0A")
    })
}

/// What can be asked of a service that was started.
trait Started {
    fn await_start(&self, node: &Node) -> Result<(), Failure>;
}

impl Started for Service {
    /// Waits until it listens. One that ends at once says why in the journal.
    fn await_start(&self, node: &Node) -> Result<(), Failure> {
        if !node.is_alive() {
            return Ok(());
        }
        let mut progress = node.report.progress(Kind::Service, Service::UNIT);
        let begun = Instant::now();
        let mut seen = false;
        while begun.elapsed() < STARTS_WITHIN {
            let runs = running(self, node);
            seen |= runs == Running::Yes;
            if runs == Running::Yes && listens(node, self.port) {
                return Ok(());
            }
            // It ran, and runs no more: systemd tries again every other second, in vain.
            if seen && runs == Running::No {
                break;
            }
            progress.tell(Step::Starting, format!("waiting until the agent listens on port {}", self.port), None);
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(Failure::new(format!("the agent does not listen on port {}: {}", self.port, last_words(node))))
    }
}

/// The end of what the service said in the journal.
fn last_words(node: &Node) -> String {
    let mut command = child::command("journalctl");
    command.args(["--unit", Service::UNIT, "--lines", "8", "--output", "cat", "--no-pager", "--quiet", "--boot"]);
    let said = node.run(&mut command, Duration::from_secs(20)).unwrap_or_default();
    // systemd's own lines say that it failed, which is known.
    let own = |line: &&str| {
        !line.starts_with(Service::UNIT)
            && !["Starting ", "Started ", "Stopping ", "Stopped "].iter().any(|own| line.starts_with(own))
    };
    let said: Vec<&str> = said.lines().filter(own).collect();
    let said = child::last_lines(&said.join("\n"), 2);
    if said.is_empty() { format!("see `journalctl -u {}`", Service::UNIT) } else { format!("it said: {said}") }
}

fn state(old: &str, new: &str) -> Diff {
    diff::value(Service::UNIT, Some(old.to_owned()), Some(new.to_owned()))
}

fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_told_from_connections() {
        let table = "  sl  local_address rem_address   st tx_queue\n   \
                     0: 00000000000000000000000000000000:1F2B 00000000000000000000000000000000:0000 0A 0:0\n   \
                     1: 0100007F:0016 0100007F:D431 01 0:0\n";
        assert!(has_listener(table, 7979));
        assert!(!has_listener(table, 22));
        assert!(!has_listener(table, 79));
    }
}

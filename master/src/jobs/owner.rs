//! Which process holds a lock: enough to name it, and to be sure that it is still that one.

use serde::{Deserialize, Serialize};

/// A process that works on a job. A pid alone says little: it is given again. With the moment of its start and the boot
/// that this is counted from, it names one process for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub job: String,
    pub pid: u32,
    /// Clock ticks from the boot to the process's start (proc(5), `stat`, field 22).
    pub started: u64,
    /// The kernel's random name of this boot.
    pub boot: String,
    pub host: String,
}

impl Owner {
    /// This process, for `job`.
    #[must_use]
    pub fn this_process(job: &str) -> Self {
        let pid = std::process::id();
        Self { job: job.to_owned(), pid, started: started(pid).unwrap_or(0), boot: boot(), host: host() }
    }

    /// Whether it was started since this machine's last boot, on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        !self.boot.is_empty() && self.boot == boot()
    }

    /// Whether that very process lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.is_here() && self.started != 0 && started(self.pid) == Some(self.started)
    }
}

fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind_name = stat.get(stat.rfind(')')? + 1..)?;
    behind_name.split_whitespace().nth(19)?.parse().ok()
}

fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_another_of_the_same_number() {
        let owner = Owner::this_process("j");
        assert!(owner.is_here() && owner.is_alive());
        assert!(!Owner { started: owner.started + 1, ..owner.clone() }.is_alive());
        assert!(!Owner { boot: "another".to_owned(), ..owner }.is_alive());
    }
}

//! What any program on the node can see: a dozen small files, read at each request.

pub mod boot;
pub mod clock;
pub mod disks;
pub mod load;
pub mod memory;
pub mod temperature;

use std::path::Path;

use td_protocol::health::Look;

use super::root::Root;

/// Reads all of it. Nothing of it touches a share, or waits for a device.
#[must_use]
pub fn look(root: &Root, cache: &Path) -> Look {
    let vmstat = root.text("/proc/vmstat").unwrap_or_default();
    let (arm_clock, arm_clock_most) = clock::read(root);
    Look {
        boot_id: boot::id(root),
        uptime: boot::uptime(root),
        memory: root.text("/proc/meminfo").and_then(|meminfo| memory::parse(&meminfo, &vmstat)),
        load: root.text("/proc/loadavg").and_then(|text| load::parse(&text)),
        oom_kills: memory::oom_kills(&vmstat),
        temperature: temperature::read(root),
        arm_clock,
        arm_clock_most,
        disks: disks::read(root, cache),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn a_node_of_files_is_looked_at() {
        let (dir, root) = node(&[
            ("/proc/sys/kernel/random/boot_id", "b-1\n"),
            ("/proc/uptime", "100.5 90.0\n"),
            ("/proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 50 kB\n"),
            ("/proc/vmstat", "pswpin 2\noom_kill 3\n"),
            ("/proc/loadavg", "1.00 0.50 0.25 1/80 900\n"),
        ]);
        let look = look(&root, dir.path());
        assert_eq!((look.boot_id.as_deref(), look.uptime, look.oom_kills), (Some("b-1"), Some(100.5), Some(3)));
        assert_eq!(look.memory.unwrap().total, 102_400);
        assert!((look.load.unwrap().fifteen - 0.25).abs() < 1e-9);
        assert_eq!((look.temperature, look.arm_clock), (None, None));
        assert_eq!(look.disks.len(), 1, "the root and the cache are on one file system");
    }

    #[test]
    fn an_empty_node_has_nothing_to_say() {
        let dir = tempfile::tempdir().unwrap();
        let look = look(&Root::new(dir.path()), Path::new("/nonexistent"));
        assert_eq!((look.boot_id, look.uptime, look.memory, look.load), (None, None, None, None));
    }
}

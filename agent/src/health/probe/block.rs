//! Cards and disks: their names, and how much was written to the root's.

use std::path::Path;

use crate::converge::mounts;
use crate::health::root::{Root, read};

/// Bytes of a sector in the kernel's counts, whatever the device's own (Documentation/block/stat.rst).
const SECTOR: u64 = 512;

/// The devices of /sys/block that are a card or disk.
#[must_use]
pub fn devices(root: &Root) -> Vec<String> {
    let others = ["loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd"];
    let mut names = root.names("/sys/block");
    names.retain(|name| !others.iter().any(|other| name.starts_with(other)));
    names
}

/// Bytes written to the device that the root lies on. None where the root lies on no device of its own.
#[must_use]
pub fn written(root: &Root) -> Option<u64> {
    let mounts = mounts::parse(&root.text("/proc/self/mountinfo")?);
    let number = &mounts.iter().rfind(|mount| mount.path == "/")?.device;
    let mut folder = std::fs::canonicalize(root.path(&format!("/sys/dev/block/{number}"))).ok()?;
    // A partition's folder lies in its card's.
    if folder.join("partition").exists() {
        folder.pop();
    }
    parse_written(&read(&folder.join("stat"))?)
}

/// From the file `stat`: the seventh number counts sectors written.
fn parse_written(stat: &str) -> Option<u64> {
    stat.split_whitespace().nth(6)?.parse::<u64>().ok()?.checked_mul(SECTOR)
}

/// The device's file, by its number.
#[must_use]
pub fn file(root: &Root, number: &str) -> Option<String> {
    let text = read(&root.path(&format!("/sys/dev/block/{number}")).join("uevent"))?;
    let name = text.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
    // A name with a way out of /dev would not be the kernel's.
    Path::new(name)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)))
        .then(|| format!("/dev/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn the_whole_card_is_counted() {
        let card = "/sys/devices/platform/mmc/block/mmcblk0";
        let (_dir, root) = node(&[
            ("/proc/self/mountinfo", "20 1 179:2 / / rw - ext4 /dev/root rw\n"),
            (&format!("{card}/stat"), "  100 0 900 10 200 5 4096 70 0 9 9\n"),
            (&format!("{card}/mmcblk0p2/stat"), "1 1 1 1 1 1 1 1 1 1 1\n"),
            (&format!("{card}/mmcblk0p2/partition"), "2\n"),
            (&format!("{card}/mmcblk0p2/uevent"), "MAJOR=179\nMINOR=2\nDEVNAME=mmcblk0p2\n"),
            ("/sys/dev/block/none", ""),
            ("/sys/block/mmcblk0/x", ""),
            ("/sys/block/loop0/x", ""),
        ]);
        let link = root.path("/sys/dev/block/179:2");
        std::os::unix::fs::symlink("../../devices/platform/mmc/block/mmcblk0/mmcblk0p2", link).unwrap();
        assert_eq!(written(&root), Some(4096 * 512));
        assert_eq!(file(&root, "179:2").as_deref(), Some("/dev/mmcblk0p2"));
        assert_eq!(file(&root, "0:5"), None);
        assert_eq!(devices(&root), ["mmcblk0"]);
    }

    #[test]
    fn a_root_on_no_device_says_nothing() {
        let (_dir, root) = node(&[("/proc/self/mountinfo", "20 1 0:45 / / rw - overlay overlay rw\n")]);
        assert_eq!(written(&root), None);
        assert_eq!(parse_written("1 2 3"), None);
    }
}

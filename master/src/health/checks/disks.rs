//! Room on the node's file systems: bytes and inodes.

use td_inventory::health::{DISK, INODES};
use td_protocol::health::{Disk, Place};

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::Seen;
use crate::health::text::{bytes, number, percent, plain};

pub static DISK_CHECK: Check = Check {
    name: "disk",
    meaning: "Room free on the fullest of the file systems that the node needs (its root, the boot partition, the agent's \
              cache, POV-Ray's scratch), of its size.",
    when: "",
    remedy: "Remove what is not needed: `apt-get clean`, `journalctl --vacuum-size=50M`, old files. The agent's own cache \
             keeps to its bound (`td-agent serve --cache-size`).",
    limit: Some(&DISK),
    look: |seen| {
        let rooms = on_disks(seen).filter_map(|disk| Some((disk, percent(disk.free, disk.size)?)));
        let Some((disk, part)) = rooms.min_by(|a, b| a.1.total_cmp(&b.1)) else {
            return Finding::unsupported("the node tells of no file system");
        };
        let path = plain(&disk.path);
        let what = format!("{path} has {} of {} free, {} %", bytes(disk.free), bytes(disk.size), number(part));
        Finding::measured(seen, &DISK, part, format!("{} %", number(part)), &what, "remove what is not needed")
    },
};

pub static INODES_CHECK: Check = Check {
    name: "inodes",
    meaning: "Inodes free on the file system that has fewest, of all. Without one no file can be made, however much room \
              there is. FAT and others that make them as they are needed do not count.",
    when: "",
    remedy: "Remove folders with very many small files; `du --inodes -x / | sort -n` on the node tells where they are.",
    limit: Some(&INODES),
    look: |seen| {
        if seen.report.look.disks.is_empty() {
            return Finding::unsupported("the node tells of no file system");
        }
        let rooms = on_disks(seen).filter_map(|disk| Some((disk, percent(disk.inodes_free, disk.inodes)?)));
        let Some((disk, part)) = rooms.min_by(|a, b| a.1.total_cmp(&b.1)) else {
            return Finding::ok("", "no file system there has a fixed number of them");
        };
        let path = plain(&disk.path);
        let what = format!("{path} has {} of {} inodes free, {} %", disk.inodes_free, disk.inodes, number(part));
        Finding::measured(
            seen,
            &INODES,
            part,
            format!("{} %", number(part)),
            &what,
            "remove folders of many small files",
        )
    },
};

/// Those whose room counts. What lies in memory is counted with the memory.
fn on_disks<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a Disk> + use<'a> {
    seen.report.look.disks.iter().filter(|disk| !disk.in_memory && disk.place != Place::Other)
}

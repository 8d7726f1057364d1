//! What any program on the node can see.

use serde::{Deserialize, Serialize};

/// A moment's readings from /proc, /sys and the file systems.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Differs after each boot.
    pub boot_id: Option<String>,
    /// Seconds since the boot.
    pub uptime: Option<f64>,
    pub memory: Option<Memory>,
    pub load: Option<Load>,
    /// Processes killed for want of memory since the boot (`oom_kill` in /proc/vmstat).
    pub oom_kills: Option<u64>,
    /// The processor's, degrees Celsius.
    pub temperature: Option<f64>,
    /// The momentary clock of the first core, Hz.
    pub arm_clock: Option<f64>,
    /// The most that core's governor may set, Hz.
    pub arm_clock_most: Option<f64>,
    /// Each file system once.
    pub disks: Vec<Disk>,
}

impl Look {
    /// The file system that is used for `place`.
    #[must_use]
    pub fn disk(&self, place: Place) -> Option<&Disk> {
        let order = [Place::Root, Place::Boot, Place::Cache, Place::Scratch];
        let until = order.iter().position(|&other| other == place)?;
        // The boot partition is never used for anything else.
        let may_be = order.iter().take(until + 1).rev().filter(|&&other| other != Place::Boot || place == Place::Boot);
        may_be.filter_map(|&other| self.disks.iter().find(|disk| disk.place == other)).next()
    }
}

/// Bytes, from /proc/meminfo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    pub total: u64,
    pub available: u64,
    pub swap_total: u64,
    pub swap_free: u64,
    /// Bytes that were read back from swap since the boot (`pswpin` in /proc/vmstat).
    pub swapped_in: u64,
}

/// From /proc/loadavg.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    pub one: f64,
    pub five: f64,
    pub fifteen: f64,
    pub cores: u32,
}

/// What a file system is used for. One that is used for several is told of once, as the first of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Root,
    Boot,
    /// Files and finished rows of jobs.
    Cache,
    /// What POV-Ray writes while it renders.
    Scratch,
    /// Of an agent that is newer than the master.
    #[default]
    #[serde(other)]
    Other,
}

/// Room of a file system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    pub place: Place,
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Bytes free for programs that are not root.
    pub free: u64,
    /// 0 where the file system makes inodes as they are needed.
    pub inodes: u64,
    pub inodes_free: u64,
    pub read_only: bool,
    /// Whether it lies in memory (tmpfs).
    pub in_memory: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_for_several_places_is_found_for_each() {
        let disk = |place, free| Disk { place, free, ..Disk::default() };
        let look = Look { disks: vec![disk(Place::Root, 1), disk(Place::Boot, 2)], ..Look::default() };
        let free = |look: &Look, place| look.disk(place).map(|disk| disk.free);
        assert_eq!((free(&look, Place::Scratch), free(&look, Place::Boot)), (Some(1), Some(2)));
        let look = Look { disks: vec![disk(Place::Root, 1), disk(Place::Boot, 2), disk(Place::Cache, 3)], ..look };
        assert_eq!((free(&look, Place::Scratch), free(&look, Place::Root)), (Some(3), Some(1)));
        assert_eq!((free(&look, Place::Other), free(&Look::default(), Place::Scratch)), (None, None));
    }
}

//! Room on the file systems that a render and the system itself need.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use td_protocol::health::{Disk, Place};

use crate::converge::mounts::{self, Mounted};
use crate::health::root::Root;

/// Where the firmware's files are, newer systems first.
const BOOT: [&str; 2] = ["/boot/firmware", "/boot"];

/// Each file system once, as the first thing that it is used for. Those that come over the network are left out: to ask
/// one whose server is gone can take for ever.
#[must_use]
pub fn read(root: &Root, cache: &Path) -> Vec<Disk> {
    let mounts = mounts::parse(&root.text("/proc/self/mountinfo").unwrap_or_default());
    let own = |folder: &&&str| mounts.iter().any(|mount| mount.path == ***folder && mount.fs != "autofs");
    let boot = BOOT.iter().find(own).map(|folder| (Place::Boot, (*folder).to_owned(), root.path(folder)));
    let named = |place, path: PathBuf| (place, path.display().to_string(), path);
    let places = std::iter::once((Place::Root, "/".to_owned(), root.path("/")))
        .chain(boot)
        .chain([named(Place::Cache, cache.to_owned()), named(Place::Scratch, cache.join("scratch"))]);
    let mut seen = Vec::new();
    let mut disks = Vec::new();
    for (place, name, path) in places {
        let mount = mount_of(&mounts, &name);
        if mount.is_some_and(|mount| is_remote(&mount.fs)) {
            continue;
        }
        let Ok(device) = std::fs::metadata(&path).map(|meta| meta.dev()) else { continue };
        let Ok(stat) = statvfs(&path) else { continue };
        if seen.contains(&device) {
            continue;
        }
        seen.push(device);
        disks.push(Disk {
            place,
            path: name,
            size: stat.f_blocks.saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            inodes: stat.f_files,
            inodes_free: stat.f_favail,
            // The agent's unit shows it the root as read-only; what the file system itself says is meant.
            read_only: mount.map_or(stat.f_flag.contains(StatVfsMountFlags::RDONLY), |mount| mount.is_frozen),
            in_memory: mount.is_some_and(|mount| matches!(mount.fs.as_str(), "tmpfs" | "ramfs")),
        });
    }
    disks
}

/// The mount that a path lies on: the longest that leads there, and of those on one place the last.
fn mount_of<'a>(mounts: &'a [Mounted], path: &str) -> Option<&'a Mounted> {
    let leads = mounts.iter().filter(|mount| Path::new(path).starts_with(&mount.path));
    leads.max_by_key(|mount| mount.path.len())
}

fn is_remote(fs: &str) -> bool {
    fs.starts_with("nfs") || fs.starts_with("fuse.") || matches!(fs, "autofs" | "cifs" | "smb3" | "9p" | "ceph" | "afs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    const MOUNTS: &str = "20 1 179:2 / / ro,noatime shared:1 - ext4 /dev/root rw\n\
                          21 20 0:30 / /mnt/td rw - nfs4 192.0.2.1:/srv/td rw\n\
                          22 20 0:31 / /var/lib/td/cache rw - tmpfs tmpfs rw\n";

    #[test]
    fn a_path_lies_on_the_longest_mount() {
        let mounts = mounts::parse(MOUNTS);
        let fs = |path| mount_of(&mounts, path).map(|mount| mount.fs.as_str());
        assert_eq!(fs("/var/lib/td/cache/scratch"), Some("tmpfs"));
        assert_eq!(fs("/var/lib/td/cachet"), Some("ext4"));
        assert_eq!(fs("/mnt/td/x"), Some("nfs4"));
        assert!(is_remote("nfs4") && is_remote("fuse.nfs") && !is_remote("ext4") && !is_remote("overlay"));
    }

    #[test]
    fn a_read_only_view_of_a_writable_disk_is_writable() {
        let (dir, root) = node(&[("/proc/self/mountinfo", MOUNTS)]);
        let disks = read(&root, dir.path());
        assert_eq!(disks.len(), 1);
        assert_eq!((disks[0].place, disks[0].path.as_str(), disks[0].read_only), (Place::Root, "/", false));
        assert!(disks[0].size >= disks[0].free && disks[0].size > 0);
        let frozen = MOUNTS.replace("/dev/root rw", "/dev/root ro,errors=remount-ro");
        let (dir, root) = node(&[("/proc/self/mountinfo", &frozen)]);
        assert!(read(&root, dir.path())[0].read_only);
    }

    #[test]
    fn a_cache_on_a_share_is_not_touched() {
        let (dir, root) = node(&[]);
        let cache = dir.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        let text = format!("1 0 0:5 / {} rw - nfs4 s:/x rw\n", dir.path().display());
        std::fs::create_dir_all(dir.path().join("proc/self")).unwrap();
        std::fs::write(dir.path().join("proc/self/mountinfo"), text).unwrap();
        let places: Vec<Place> = read(&root, &cache).iter().map(|disk| disk.place).collect();
        assert_eq!(places, [Place::Root]);
    }
}

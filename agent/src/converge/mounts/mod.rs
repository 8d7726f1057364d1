//! What is mounted, and what /etc/fstab mounts.

pub mod fstab;
pub mod unit;

/// One line of /proc/self/mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    pub path: String,
    /// The folder of the source that is mounted: `/` except for bind mounts.
    pub inside: String,
    pub fs: String,
    pub source: String,
    /// Here or as a whole.
    pub read_only: bool,
    /// Read-only as a whole: by its superblock, and not only for those who look through this mount.
    pub is_frozen: bool,
    /// `major:minor` of the device; major 0 for what lies on none.
    pub device: String,
}

/// All mounts, later ones over earlier ones. Reading the list touches no mount.
#[must_use]
pub fn read() -> Vec<Mounted> {
    parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

/// From the text of mountinfo, proc(5).
#[must_use]
pub fn parse(text: &str) -> Vec<Mounted> {
    let line = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(2);
        let (device, inside, path, options) = (before.next()?, before.next()?, before.next()?, before.next()?);
        let mut after = after.split(' ');
        let (fs, source) = (after.next()?, after.next()?);
        let superblock = after.next().unwrap_or_default();
        let is_ro = |options: &str| options.split(',').any(|option| option == "ro");
        // After an error ext4 leaves `rw` as it is from Linux 6.12 on, and refuses writes all the same.
        let is_dead = superblock.split(',').any(|option| matches!(option, "emergency_ro" | "shutdown"));
        let is_frozen = is_dead || is_ro(superblock);
        Some(Mounted {
            path: fstab::unescape(path),
            inside: fstab::unescape(inside),
            fs: fs.to_owned(),
            source: fstab::unescape(source),
            read_only: is_frozen || is_ro(options),
            is_frozen,
            device: device.to_owned(),
        })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_is_read() {
        let text = "22 28 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n\
                    90 28 0:45 / /mnt/a\\040b rw - nfs4 192.0.2.1:/srv/td rw,vers=4.2\n\
                    91 28 8:1 /srv/td /mnt/td ro shared:9 master:1 - ext4 /dev/root rw\nnonsense\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 3);
        assert_eq!((mounts[1].path.as_str(), mounts[1].source.as_str()), ("/mnt/a b", "192.0.2.1:/srv/td"));
        assert_eq!((mounts[2].inside.as_str(), mounts[2].read_only), ("/srv/td", true));
        assert_eq!((mounts[2].is_frozen, mounts[2].device.as_str()), (false, "8:1"));
    }

    /// As Linux 6.15 (`emergency_ro`) and `xfs_io -x -c shutdown` leave them, with `errors=remount-ro` and a failed card.
    #[test]
    fn a_file_system_that_refuses_writes_is_read_only_whatever_its_first_option() {
        for options in ["rw,emergency_ro,errors=remount-ro", "rw,shutdown", "ro,emergency_ro", "ro"] {
            let text = format!("29 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 {options}\n");
            assert_eq!(
                parse(&text).first().map(|mount| (mount.read_only, mount.is_frozen)),
                Some((true, true)),
                "{options}"
            );
        }
        let well = "29 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw,errors=remount-ro\n";
        assert_eq!(parse(well).first().map(|mount| mount.read_only), Some(false));
    }
}

//! Whether the root is mounted read-only, and whether it is meant to be.

use super::block;
use super::kernel_log::Told;
use crate::converge::mounts::{self, fstab};
use crate::health::root::Root;

/// Is it, and is it meant to be. ext4 turns a root read-only by itself when its card fails (`errors=remount-ro`).
#[must_use]
pub fn read(root: &Root) -> (Option<bool>, Option<bool>) {
    let mounts = root.text("/proc/self/mountinfo").unwrap_or_default();
    let is = mounts::parse(&mounts).iter().rfind(|mount| mount.path == "/").map(|mount| mount.read_only);
    let wanted = wanted(&root.text("/etc/fstab").unwrap_or_default(), &root.text("/proc/cmdline").unwrap_or_default());
    (is, is.map(|_| wanted))
}

/// The kernel's own word that it writes to the root's file system no more. From Linux 6.12 to 6.14 nothing but its log tells.
#[must_use]
pub fn given_up(root: &Root, told: &Told) -> Option<String> {
    let mounts = mounts::parse(&root.text("/proc/self/mountinfo")?);
    let device = block::file(root, &mounts.iter().rfind(|mount| mount.path == "/")?.device)?;
    told.given_up.iter().find(|name| device.strip_prefix("/dev/") == Some(name.as_str())).cloned()
}

/// By fstab's line; where it has none for the root, the kernel's own command line stands.
fn wanted(fstab: &str, cmdline: &str) -> bool {
    match fstab::entries(fstab).find(|entry| entry.path == "/") {
        Some(entry) => entry.options.split(',').any(|option| option == "ro"),
        None => cmdline.split_whitespace().rfind(|word| matches!(*word, "ro" | "rw")) == Some("ro"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn fstab_says_what_is_wanted() {
        let read_of = |mount: &str, fstab: &str, cmdline: &str| {
            let line = format!("20 1 179:2 / / {mount} - ext4 /dev/root {mount}\n");
            let (_dir, root) =
                node(&[("/proc/self/mountinfo", &line), ("/etc/fstab", fstab), ("/proc/cmdline", cmdline)]);
            read(&root)
        };
        let line = "PARTUUID=1 / ext4 defaults,noatime 0 1\n";
        assert_eq!(read_of("rw", line, "ro quiet"), (Some(false), Some(false)));
        assert_eq!(read_of("ro", line, "ro quiet"), (Some(true), Some(false)));
        assert_eq!(read_of("ro", "PARTUUID=1 / ext4 defaults,ro 0 1\n", ""), (Some(true), Some(true)));
        assert_eq!(read_of("ro", "", "rw ro"), (Some(true), Some(true)));
        let (_dir, bare) = node(&[]);
        assert_eq!(read(&bare), (None, None));
    }
}

//! Whether a file system asks for a check, by its own superblock.
//!
//! The fields of ext2, ext3 and ext4 are those of Documentation/filesystems/ext4/super.rst; numbers are little-endian, the
//! superblock starts 1024 bytes into the device.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::block;
use crate::clock::NEVER_SET;
use crate::converge::mounts;
use crate::health::look::boot;
use crate::health::root::Root;

const PLACE: u64 = 1024;
const LENGTH: usize = 1024;
const MAGIC: u16 = 0xef53;
/// Bit of `s_state`: "errors detected".
const ERRORS: u16 = 2;

/// A sentence for each mounted ext file system that wants a check. None where not a single one could be read.
#[must_use]
pub fn read(root: &Root) -> Option<Vec<String>> {
    let mounts = mounts::parse(&root.text("/proc/self/mountinfo")?);
    let mut seen = Vec::new();
    let mut sentences = Vec::new();
    for mount in mounts.iter().filter(|mount| matches!(mount.fs.as_str(), "ext2" | "ext3" | "ext4")) {
        if seen.contains(&&mount.device) {
            continue;
        }
        let mut bytes = [0; LENGTH];
        let Some(device) = block::file(root, &mount.device) else { continue };
        let read = File::open(root.path(&device)).and_then(|device| device.read_exact_at(&mut bytes, PLACE));
        if read.is_err() {
            continue;
        }
        seen.push(&mount.device);
        sentences.extend(why(&bytes, boot::date()).map(|why| format!("{} ({device}) {why}", mount.path)));
    }
    (!seen.is_empty()).then_some(sentences)
}

/// Why the file system wants a check, if it does; `now` in seconds since 1970.
fn why(superblock: &[u8; LENGTH], now: f64) -> Option<String> {
    let half = |at: usize| u16::from_le_bytes([superblock[at], superblock[at + 1]]);
    let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
    if half(0x38) != MAGIC {
        return None;
    }
    let (mounted, most_mounts) = (half(0x34), half(0x36).cast_signed());
    let (state, checked, interval, errors) = (half(0x3a), word(0x40), word(0x44), word(0x194));
    if state & ERRORS != 0 {
        return Some(match errors {
            0 => "has errors: check it at the next boot".to_owned(),
            count => format!("has errors, {count} were noted since its last check"),
        });
    }
    if most_mounts > 0 && i32::from(mounted) >= i32::from(most_mounts) {
        return Some(format!("was mounted {mounted} times since its last check, and asks for one every {most_mounts}"));
    }
    let is_due = interval > 0 && now > NEVER_SET.as_secs_f64() && now > f64::from(checked) + f64::from(interval);
    is_due.then(|| {
        let days = |seconds: f64| (seconds / 86_400.0).floor();
        let since = days(now - f64::from(checked));
        format!("was checked {since} days ago, and asks for it every {}", days(f64::from(interval)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: f64 = 1_795_413_120.0;

    fn superblock(fields: &[(usize, &[u8])]) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0x38..0x3a].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[0x3a] = 1;
        // No bound on mounts, as mke2fs leaves it.
        bytes[0x36..0x38].copy_from_slice(&(-1_i16).to_le_bytes());
        for (at, field) in fields {
            bytes[*at..at + field.len()].copy_from_slice(field);
        }
        bytes
    }

    #[test]
    fn a_clean_file_system_asks_for_nothing() {
        assert_eq!(why(&superblock(&[]), NOW), None);
        assert_eq!(why(&superblock(&[(0x34, &[200, 0])]), NOW), None);
        assert_eq!(why(&[0; LENGTH], NOW), None);
        assert_eq!(why(&superblock(&[(0x38, &[0, 0]), (0x3a, &[2])]), NOW), None, "no ext");
    }

    #[test]
    fn each_reason_has_its_sentence() {
        let said = |fields: &[(usize, &[u8])], now| why(&superblock(fields), now);
        assert_eq!(
            said(&[(0x3a, &[3]), (0x194, &[7])], NOW).as_deref(),
            Some("has errors, 7 were noted since its last check")
        );
        assert_eq!(
            said(&[(0x34, &[30]), (0x36, &[30, 0])], NOW).as_deref(),
            Some("was mounted 30 times since its last check, and asks for one every 30")
        );
        let interval: &[(usize, &[u8])] =
            &[(0x40, &(NOW as u32 - 10 * 86_400).to_le_bytes()), (0x44, &604_800_u32.to_le_bytes())];
        assert_eq!(said(interval, NOW).as_deref(), Some("was checked 10 days ago, and asks for it every 7"));
        assert_eq!(said(interval, 1000.0), None, "a clock that was never set");
    }

    /// A real one, of mke2fs and debugfs.
    #[test]
    fn real_file_systems_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        File::create(&image).unwrap().set_len(4 << 20).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let ended = std::process::Command::new(program).args(arguments).arg(&image).output();
            assert!(ended.expect("e2fsprogs is there").status.success(), "{program} {arguments:?}");
        };
        let read = || {
            let mut bytes = [0; LENGTH];
            File::open(&image).unwrap().read_exact_at(&mut bytes, PLACE).unwrap();
            why(&bytes, NOW)
        };
        run("/sbin/mke2fs", &["-q", "-F", "-t", "ext4"]);
        assert_eq!(read(), None);
        run("/sbin/tune2fs", &["-c", "5", "-C", "6"]);
        assert_eq!(read().as_deref(), Some("was mounted 6 times since its last check, and asks for one every 5"));
        run("/sbin/debugfs", &["-w", "-R", "set_super_value state 2"]);
        assert_eq!(read().as_deref(), Some("has errors: check it at the next boot"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), LENGTH), now in any::<f64>()) {
            let mut whole = [0; LENGTH];
            whole.copy_from_slice(&bytes);
            whole[0x38..0x3a].copy_from_slice(&MAGIC.to_le_bytes());
            let _ = why(&whole, now);
        }
    }
}

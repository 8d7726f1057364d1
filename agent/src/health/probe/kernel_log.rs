//! The kernel's log since the boot: failed reads and writes of cards and disks, and file systems that ask for a check.
//!
//! The log is a ring, so what was counted is kept with the number of the last record that was seen, and each run reads on
//! from there (the ring itself can only be read from its start).

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::health::root::Root;

const FILE: &str = "/dev/kmsg";
/// A record is shorter: CONSOLE_EXT_LOG_MAX in kernel/printk.
const RECORD_BYTES: usize = 16 << 10;
/// A ring of a megabyte has fewer.
const MOST_RECORDS: usize = 50_000;
const MOST_TIME: Duration = Duration::from_secs(2);
/// Sentences that are kept of file systems.
const MOST_SENTENCES: usize = 4;

/// What the log has told so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// The last record that was seen.
    pub sequence: Option<u64>,
    pub errors: u64,
    pub last_error: Option<String>,
    /// What the kernel said of file systems that want a check.
    pub checks: Vec<String>,
    /// Devices whose file systems it has made read-only for an error, and not mounted anew since.
    pub given_up: Vec<String>,
}

/// Reads what is new. False where there is no log to read.
pub fn read(root: &Root, devices: &[String], told: &mut Told) -> bool {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(root.path(FILE));
    let Ok(mut log) = opened else { return false };
    // A container has a pipe in its place.
    if log.metadata().is_ok_and(|meta| meta.file_type().is_fifo()) {
        return false;
    }
    let begun = Instant::now();
    let mut buffer = vec![0; RECORD_BYTES];
    for _ in 0..MOST_RECORDS {
        match log.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => told.hear(&String::from_utf8_lossy(&buffer[..length]), devices),
            // Records were overwritten while this was reading: it goes on with the oldest that is left.
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        if begun.elapsed() > MOST_TIME {
            break;
        }
    }
    true
}

impl Told {
    /// Takes one record, as /dev/kmsg gives it (Documentation/ABI/testing/dev-kmsg).
    fn hear(&mut self, record: &str, devices: &[String]) {
        let Some((sequence, message)) = parse(record) else { return };
        if self.sequence.is_some_and(|seen| sequence <= seen) {
            return;
        }
        self.sequence = Some(sequence);
        if is_card_error(message, devices) {
            self.errors += 1;
            self.last_error = Some(message.to_owned());
        }
        match remounted(message) {
            Some((device, true)) => self.given_up.retain(|other| other != device),
            Some((device, false)) if !self.given_up.iter().any(|other| other == device) => {
                self.given_up.push(device.to_owned());
            }
            _ => {}
        }
        if asks_for_check(message) && self.checks.len() < MOST_SENTENCES {
            let sentence = format!("the kernel says: {message}");
            if !self.checks.contains(&sentence) {
                self.checks.push(sentence);
            }
        }
    }
}

/// The device of an ext4 that the kernel has made read-only for an error (false), or that was mounted anew so that it can be
/// written (true): fs/ext4/super.c. Until Linux 5.15 the latter has `Opts:` in place of `r/w`, and nothing in place of `ro`.
fn remounted(message: &str) -> Option<(&str, bool)> {
    let (device, what) = message.strip_prefix("EXT4-fs (")?.split_once("): ")?;
    if what.starts_with("Remounting filesystem read-only") {
        return Some((device, false));
    }
    let is_ro = || what.split([' ', '.']).any(|word| word == "ro");
    (what.starts_with("re-mounted") && !is_ro()).then_some((device, true))
}

/// Number and text of the kernel's own records. Programs can write there too: theirs have a facility.
fn parse(record: &str) -> Option<(u64, &str)> {
    let (prefix, text) = record.split_once(';')?;
    let mut fields = prefix.split(',');
    let priority = fields.next()?.parse::<u32>().ok()?;
    let sequence = fields.next()?.parse().ok()?;
    let message = text.lines().next().unwrap_or_default();
    (priority < 8).then_some((sequence, message))
}

/// Whether a line tells of a read or write of one of `devices` that failed. The texts are those of the kernel's sources:
///
/// | text | source |
/// |---|---|
/// | `I/O error, dev mmcblk0, sector 8 op 0x0:(READ) ...`, older `blk_update_request: I/O error, dev ...`; also `critical medium error, dev ...`, `timeout error, dev ...` | block/blk-core.c, block/blk-mq.c |
/// | `Buffer I/O error on dev mmcblk0p2, logical block 5, ...`, older `... on device ...` | fs/buffer.c |
/// | `EXT4-fs error (device mmcblk0p2): ...`, `EXT4-fs (mmcblk0p2): Remounting filesystem read-only`, `... I/O error while writing superblock` | fs/ext4/super.c |
/// | `JBD2: Detected IO errors while flushing file data on mmcblk0p2-8`, `Aborting journal on device mmcblk0p2-8.` | fs/jbd2 |
/// | `FAT-fs (mmcblk0p1): error, ...`, `FAT-fs (mmcblk0p1): Filesystem has been set read-only`, `... FAT read failed`, `Directory bread(block 9) failed` | fs/fat |
/// | `mmcblk0: error -110 requesting status`, `mmcblk0: timed out sending ...`, `mmcblk0: recovery failed!` | drivers/mmc/core/block.c |
/// | `mmc0: Timeout waiting for hardware interrupt.`, `mmc0: Card stuck being busy! ...`, `mmc0: card never left busy state`, `mmc0: error -110 whilst initialising SD card` | drivers/mmc/core, drivers/mmc/host (sdhci, bcm2835) |
///
/// Lines of a host like `mmc1` count only where that host has a card: Wi-Fi hangs on such hosts, too.
fn is_card_error(message: &str, devices: &[String]) -> bool {
    const ANYWHERE: [&str; 9] = [
        "error, dev ",
        "Buffer I/O error on dev",
        "EXT4-fs error (device ",
        "Remounting filesystem read-only",
        "Filesystem has been set read-only",
        "I/O error",
        "IO error",
        "Aborting journal on device",
        "): error, ",
    ];
    const OF_FAT: [&str; 2] = [" read failed", ") failed"];
    const OF_THE_CARD: [&str; 4] = ["error", "timed out", "timeout", "failed"];
    const OF_THE_HOST: [&str; 5] =
        ["imeout waiting for", "Card stuck", "card never left busy state", "error -", "recovery failed"];
    let has = |words: &[&str]| words.iter().any(|words| message.contains(words));
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let names = |device: &String| message.split(|c| !is_word(c)).any(|word| word.starts_with(device.as_str()));
    if devices.iter().any(names) && (has(&ANYWHERE) || message.starts_with("FAT-fs (") && has(&OF_FAT)) {
        return true;
    }
    let Some((who, what)) = message.split_once(':') else { return false };
    let says = |words: &[&str]| words.iter().any(|words| what.contains(words));
    devices.iter().any(|device| {
        let is_host = || device.strip_prefix("mmcblk").is_some_and(|number| who.strip_prefix("mmc") == Some(number));
        who == device && says(&OF_THE_CARD) || is_host() && says(&OF_THE_HOST)
    })
}

/// Whether a line says that a file system should be checked: fs/ext4/super.c (`mounting fs with errors, running e2fsck is
/// recommended`, `error count since last fsck: 4`), fs/fat/inode.c (`Volume was not properly unmounted. Some data may be
/// corrupt. Please run fsck.`).
fn asks_for_check(message: &str) -> bool {
    let texts = ["running e2fsck is recommended", "error count since last fsck", "Please run fsck"];
    texts.iter().any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::root::tests::node;

    fn is_error(message: &str) -> bool {
        is_card_error(message, &["mmcblk0".to_owned(), "sda".to_owned()])
    }

    #[test]
    fn errors_of_cards_are_known() {
        for message in [
            "I/O error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
            "blk_update_request: I/O error, dev mmcblk0, sector 8",
            "critical medium error, dev sda, sector 100",
            "Buffer I/O error on dev mmcblk0p2, logical block 5, lost async page write",
            "Buffer I/O error on device mmcblk0p2, logical block 5",
            "EXT4-fs error (device mmcblk0p2): ext4_lookup:1854: inode #12: comm ls: iget: bad extra_isize",
            "EXT4-fs (mmcblk0p2): Remounting filesystem read-only",
            "JBD2: Detected IO errors while flushing file data on mmcblk0p2-8",
            "Aborting journal on device mmcblk0p2-8.",
            "FAT-fs (mmcblk0p1): error, fat_get_cluster: invalid cluster chain (i_pos 0)",
            "FAT-fs (mmcblk0p1): Directory bread(block 8193) failed",
            "mmcblk0: error -110 requesting status",
            "mmcblk0: timed out sending r/w cmd command, card status 0x900",
            "mmc0: Timeout waiting for hardware interrupt.",
            "mmc0: Card stuck being busy! __mmc_poll_for_busy",
            "mmc0: error -110 whilst initialising SD card",
        ] {
            assert!(is_error(message), "{message}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for message in [
            "mmcblk0: mmc0:aaaa SC16G 14.8 GiB",
            "mmc0: new high speed SDHC card at address aaaa",
            "mmc1: error -110 whilst initialising SDIO card",
            "mmc1: Timeout waiting for hardware interrupt.",
            "EXT4-fs (mmcblk0p2): mounted filesystem with ordered data mode. Opts: (null)",
            "EXT4-fs (mmcblk0p2): re-mounted. Opts: (null)",
            "I/O error, dev sr0, sector 0",
            "I/O error, dev loop0, sector 0",
            "usb 1-1: device descriptor read/64, error -71",
            "FAT-fs (mmcblk0p1): Volume was not properly unmounted. Some data may be corrupt. Please run fsck.",
            "",
        ] {
            assert!(!is_error(message), "{message}");
        }
    }

    #[test]
    fn records_are_counted_once_and_only_the_kernels() {
        let devices = ["mmcblk0".to_owned()];
        let mut told = Told::default();
        let error = "3,120,5000,-;mmcblk0: error -110 requesting status\n SUBSYSTEM=mmc\n";
        for record in [error, error, "11,121,5001,-;mmcblk0: error of a program\n", "garbage", "6,122,1,-;x"] {
            told.hear(record, &devices);
        }
        assert_eq!((told.errors, told.sequence), (1, Some(122)));
        assert_eq!(told.last_error.as_deref(), Some("mmcblk0: error -110 requesting status"));
        let fat = "4,123,1,-;FAT-fs (mmcblk0p1): Volume was not properly unmounted. Please run fsck.\n";
        told.hear(fat, &devices);
        told.hear(&fat.replace("123", "124"), &devices);
        assert_eq!(told.checks.len(), 1);
        assert_eq!(told.errors, 1);
    }

    #[test]
    fn what_was_made_read_only_for_an_error_is_so_until_it_is_mounted_anew() {
        let mut told = Told::default();
        let mut number = 0;
        let mut after = |message: &str| {
            number += 1;
            told.hear(&format!("3,{number},1,-;{message}\n"), &["mmcblk0".to_owned()]);
            told.given_up.clone()
        };
        assert!(
            after("EXT4-fs (mmcblk0p2): mounted filesystem 4f1b ro with ordered data mode. Quota mode: none.")
                .is_empty()
        );
        assert!(after("EXT4-fs (mmcblk0p2): re-mounted 4f1b r/w.").is_empty());
        assert_eq!(after("EXT4-fs (mmcblk0p2): Remounting filesystem read-only"), ["mmcblk0p2"]);
        assert_eq!(after("EXT4-fs (mmcblk0p2): Remounting filesystem read-only"), ["mmcblk0p2"]);
        assert_eq!(after("EXT4-fs (mmcblk0p2): re-mounted 4f1b ro."), ["mmcblk0p2"]);
        assert_eq!(after("EXT4-fs (sda1): re-mounted 4f1b r/w."), ["mmcblk0p2"]);
        assert!(after("EXT4-fs (mmcblk0p2): re-mounted 4f1b r/w. Quota mode: none.").is_empty());
        assert_eq!(after("EXT4-fs (mmcblk0p2): Remounting filesystem read-only"), ["mmcblk0p2"]);
        assert!(after("EXT4-fs (mmcblk0p2): re-mounted. Opts: (null)").is_empty());
    }

    #[test]
    fn the_file_is_read_to_its_end() {
        // A plain file gives several records at once, of which the first is heard.
        let (_dir, root) = node(&[("/dev/kmsg", "3,1,1,-;I/O error, dev sda, sector 1\n")]);
        let mut told = Told::default();
        assert!(read(&root, &["sda".to_owned()], &mut told));
        assert_eq!(told.errors, 1);
        let (_dir, bare) = node(&[]);
        assert!(!read(&bare, &[], &mut told));
    }

    proptest! {
        #[test]
        fn no_record_panics(text in "\\PC{0,80}", prefix in "[0-9,;:-]{0,12}") {
            Told::default().hear(&format!("{prefix}{text}"), &["mmcblk0".to_owned()]);
        }
    }
}

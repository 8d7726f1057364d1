//! What `td-agent probe` sees as root: devices, the kernel's log, the host's mounts, packages and units.

use serde::{Deserialize, Serialize};

/// The file that the probe writes (`/run/td/probe.json`) and the server passes on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Probed {
    /// [`super::VERSION`].
    pub version: u32,
    /// td's version of the agent that probed.
    pub td: String,
    /// Of the boot in which it was seen.
    pub boot_id: String,
    /// Each minute.
    pub fast: Option<Fast>,
    /// At boot, after a change of what it depends on, and once a day.
    pub slow: Option<Slow>,
}

/// What a minute can change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fast {
    /// Seconds of the boot clock (which counts sleep too) when it was seen: its age does not depend on the node's date.
    pub at: f64,
    /// CPU seconds that this run of the probe took.
    pub cpu: f64,
    /// None where no Raspberry Pi's firmware can be asked.
    pub firmware: Option<Firmware>,
    pub root_read_only: Option<bool>,
    /// Whether the root was mounted `ro` by /etc/fstab's own word: then that is no fault.
    pub root_wanted_read_only: Option<bool>,
    /// The root's device, where only the kernel's log tells that its file system is read-only: its options say `rw`.
    pub root_given_up: Option<String>,
    /// Lines of the kernel's log since the boot that tell of failed reads or writes of a card or disk.
    pub card_errors: Option<u64>,
    /// The last of them.
    pub card_error: Option<String>,
    /// Bytes written to the root's device since the boot.
    pub written: Option<u64>,
    /// None where the node is to have no share.
    pub share: Option<ShareTrial>,
    pub links: Vec<Link>,
    /// Failed units of systemd. None where there is no systemd to ask.
    pub failed_units: Option<Vec<String>>,
}

/// What the firmware says (`vcgencmd`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Firmware {
    /// `get_throttled`: bit 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft temperature limit, now; the same
    /// 16 bits higher: since the boot.
    pub throttled: Option<u32>,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// `measure_clock arm`, Hz.
    pub arm_clock: Option<f64>,
    /// `get_config arm_freq`, MHz.
    pub arm_freq: Option<u32>,
    /// `get_mem gpu`, MB.
    pub gpu_mem: Option<u32>,
}

/// A stat of the share, and a small file written there and read back, in a child process that may be left behind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShareTrial {
    pub path: String,
    /// Whether something is mounted there (an automount that waits is not).
    pub mounted: bool,
    /// Seconds that it took; None when it has not answered yet.
    pub answered: Option<f64>,
    /// Seconds for which the oldest child has hung by now.
    pub hangs: Option<f64>,
    /// What failed: a sentence.
    pub problem: Option<String>,
    /// The server's clock minus the node's, seconds, by the time that the server gave the written file.
    pub clock_ahead: Option<f64>,
    /// Whether this node is the share's server and only looked at its own disk.
    pub is_server: bool,
}

/// A network interface that is up and no loopback.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    pub name: String,
    /// Mbit/s; None where the driver does not say (Wi-Fi, some virtual ones).
    pub speed: Option<u32>,
    pub full_duplex: Option<bool>,
    pub wireless: bool,
    /// Packets and errors since the boot, both directions.
    pub packets: u64,
    pub errors: u64,
    /// Times that the carrier went away or came since the boot.
    pub carrier_changes: Option<u64>,
}

/// What changes seldom.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slow {
    /// As [`Fast::at`].
    pub at: f64,
    pub cpu: f64,
    /// POV-Ray's version by its own word; None when it is not there.
    pub povray: Option<String>,
    pub render: Option<RenderTrial>,
    /// ImageMagick's version by dpkg; None when it is not there.
    pub imagemagick: Option<String>,
    /// Whether dpkg could be asked at all.
    pub packages_known: bool,
    /// Why a reboot waits: packages' names, or the changed settings. Empty: none does.
    pub pending_reboot: Option<Vec<String>>,
    /// Whether a file system asks for a check, by its own superblock: each a sentence.
    pub file_system_checks: Option<Vec<String>>,
}

/// A small scene rendered as the agent's user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RenderTrial {
    pub passed: bool,
    pub seconds: f64,
    /// What failed: a sentence.
    pub problem: Option<String>,
}

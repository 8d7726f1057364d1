//! What a node is.

use serde::{Deserialize, Serialize};

/// The form's version; readers pass over fields that they do not know.
pub const VERSION: u32 = 1;

/// What `td-agent facts` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// [`VERSION`].
    pub version: u32,
    /// td's version of the agent.
    pub td: String,
    pub hostname: String,
    /// From /etc/machine-id. Two nodes with the same are one machine, or one card copied.
    pub machine_id: Option<String>,
    /// Differs after each boot.
    pub boot_id: String,
    /// As the device tree has it: `Raspberry Pi Model B Rev 2`. None on a PC.
    pub model: Option<String>,
    pub serial: Option<String>,
    pub os: Os,
    /// The kernel's release: `6.12.25+rpt-rpi-v6`.
    pub kernel: String,
    /// As `uname -m`: `armv6l`, `armv7l`, `aarch64`, `x86_64`. It may be wider than what runs on it: see `userland`.
    pub machine: String,
    pub userland: Userland,
    pub cores: u32,
    /// Bytes, without what the GPU has.
    pub memory: u64,
    pub boot: BootFolder,
    /// Of `/` and of the folders that td writes to, each file system once.
    pub disks: Vec<Disk>,
    pub clock: ClockState,
    /// Seconds since the boot.
    pub uptime: f64,
    pub nfs: Nfs,
    /// Whether systemd is process 1.
    pub systemd: bool,
    /// POV-Ray's version, `3.7.0.10`, or why there is none that can be used.
    pub povray: Option<String>,
    /// ImageMagick's version by dpkg.
    pub imagemagick: Option<String>,
    pub firmware: Firmware,
    /// Its service, when it has one.
    pub service: Option<ServiceState>,
}

/// From /etc/os-release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Os {
    /// `debian`, `raspbian`, `ubuntu`.
    pub id: String,
    /// `12`
    pub version: Option<String>,
    /// `bookworm`
    pub codename: Option<String>,
    /// For people: `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
    /// Whether this is Raspberry Pi's own image, which calls itself `debian` where it has 64 bits.
    pub raspberry_pi: bool,
}

/// What programs are made of here, whatever the kernel is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Userland {
    /// 32 or 64, from the header of /bin/sh.
    pub bits: u32,
    /// dpkg's name: `armhf`, `arm64`, `amd64`. On Raspberry Pi OS `armhf` is ARMv6.
    pub dpkg: Option<String>,
}

/// Where config.txt is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFolder {
    /// `/boot/firmware`, or `/boot` on older systems; `None` where neither holds a config.txt nor should.
    pub path: Option<String>,
    pub state: BootState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootState {
    /// config.txt is there.
    Ready,
    /// The folder is there, config.txt is not.
    NoConfig,
    /// /etc/fstab has it and it is not mounted.
    NotMounted,
    /// This machine has none.
    None,
}

/// Room of a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that are free for programs that are not root.
    pub free: u64,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockState {
    /// Seconds since 1970, as the node has them.
    pub now: f64,
    /// Whether the kernel's clock is kept by a time server.
    pub synchronized: bool,
    /// What keeps it: `systemd-timesyncd`, `chrony`, `ntpd`.
    pub by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nfs {
    /// `mount.nfs` is there.
    pub client: bool,
    /// `exportfs` is there.
    pub server: bool,
    /// What is mounted, automounts that wait included.
    pub mounts: Vec<Mount>,
    /// What is exported, as the kernel has it.
    pub exports: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub source: String,
    pub path: String,
    /// `nfs4`, `autofs`.
    pub fs: String,
}

/// As the Raspberry Pi's firmware reports it; `None` where there is none to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// MB.
    pub gpu_mem: Option<u32>,
    /// MHz, the setting and not the momentary clock.
    pub arm_freq: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    pub enabled: bool,
    /// The running process.
    pub pid: Option<u32>,
}

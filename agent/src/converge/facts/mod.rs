//! What this node is, read from files; vcgencmd is the only program that is asked.

use std::io::Read as _;
use std::time::{SystemTime, UNIX_EPOCH};

use td_protocol::converge::facts::{self, ClockState, Disk, Facts, Firmware, Mount, Nfs, Os, ServiceState, Userland};
use td_protocol::converge::resource::Service;
use td_protocol::version;

use super::boot::{firmware, folder};
use super::clock;
use super::mounts;
use super::nfs::export;
use super::node::{Node, device_tree};
use super::packages::{status, word_size};
use super::units;

/// Folders whose room counts.
const FOLDERS: [&str; 4] = ["/", "/var/lib", "/srv", "/tmp"];

/// Gathers the facts.
#[must_use]
pub fn gather(node: &Node) -> Facts {
    let uname = rustix::system::uname();
    let word = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let line = |path: &str| node.text(path).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let wanted = |name: &str| matches!(name, "imagemagick" | "dpkg");
    let packages = status::read(&node.path("/var/lib/dpkg/status"), &wanted).unwrap_or_default();
    let package = |name: &str| packages.get(name).filter(|package| package.is_installed());
    let running = firmware::running(node);
    Facts {
        version: facts::VERSION,
        td: version::TD.to_owned(),
        hostname: word(uname.nodename()),
        machine_id: line("/etc/machine-id"),
        boot_id: line("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        model: node.device_tree_model(),
        serial: device_tree(node, "serial-number"),
        os: os(node),
        kernel: word(uname.release()),
        machine: word(uname.machine()),
        userland: Userland {
            bits: word_size(node).unwrap_or(usize::BITS),
            dpkg: package("dpkg").map(|dpkg| dpkg.architecture.clone()),
        },
        cores: std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1)),
        memory: memory(&node.text("/proc/meminfo").unwrap_or_default()),
        boot: folder::find(node),
        disks: disks(node),
        clock: ClockState {
            now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64()),
            synchronized: is_synchronized(),
            by: clock::keeper(node).map(str::to_owned),
        },
        uptime: line("/proc/uptime")
            .and_then(|text| text.split(' ').next().and_then(|seconds| seconds.parse().ok()))
            .unwrap_or(0.0),
        nfs: Nfs {
            client: node.exists("/sbin/mount.nfs") && package_of_mount_nfs(node),
            server: node.exists("/usr/sbin/exportfs"),
            mounts: shares(),
            exports: export::exported(&node.text("/var/lib/nfs/etab").unwrap_or_default()),
        },
        systemd: units::has_systemd(node),
        povray: word_size::installed(node).map(|package| upstream(&package.version)),
        imagemagick: package("imagemagick").map(|package| upstream(&package.version)),
        firmware: Firmware { gpu_mem: running.gpu_mem, arm_freq: running.arm_freq },
        service: node.exists(&format!("/etc/systemd/system/{}", Service::UNIT)).then(|| ServiceState {
            enabled: units::is_enabled(node, Service::UNIT),
            pid: units::processes(node, Service::UNIT).first().copied(),
        }),
    }
}

/// A mount.nfs that nfs-common did not bring is somebody's script.
fn package_of_mount_nfs(node: &Node) -> bool {
    let wanted = |name: &str| name == "nfs-common";
    let packages = status::read(&node.path("/var/lib/dpkg/status"), &wanted);
    // Not Debian: the program alone tells.
    packages.map_or(true, |packages| packages.get("nfs-common").is_some_and(status::Package::is_installed))
}

/// The operating system by os-release(5).
#[must_use]
pub fn os(node: &Node) -> Os {
    let text = node.text("/etc/os-release").or_else(|| node.text("/usr/lib/os-release")).unwrap_or_default();
    let value = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    let id = value("ID").unwrap_or_else(|| "linux".to_owned());
    Os {
        name: value("PRETTY_NAME").unwrap_or_else(|| id.clone()),
        version: value("VERSION_ID"),
        codename: value("VERSION_CODENAME"),
        raspberry_pi: node.exists("/etc/rpi-issue") || node.exists("/etc/apt/sources.list.d/raspi.list"),
        id,
    }
}

/// Bits of what /bin/sh is made of: the class in its ELF header.
fn word_size(node: &Node) -> Option<u32> {
    let mut head = [0; 5];
    std::fs::File::open(node.path("/bin/sh")).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    match head {
        [0x7f, b'E', b'L', b'F', 1] => Some(32),
        [0x7f, b'E', b'L', b'F', 2] => Some(64),
        _ => None,
    }
}

/// Bytes, from MemTotal of /proc/meminfo.
fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// `3.7.0.10` of `1:3.7.0.10-1+b2`.
#[must_use]
pub fn upstream(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream).to_owned()
}

fn disks(node: &Node) -> Vec<Disk> {
    use std::os::unix::fs::MetadataExt as _;
    let mut seen = Vec::new();
    let mut disks = Vec::new();
    for folder in FOLDERS {
        let path = node.path(folder);
        let Some(device) = std::fs::metadata(&path).ok().map(|meta| meta.dev()) else {
            continue;
        };
        if seen.contains(&device) {
            continue;
        }
        seen.push(device);
        if let Ok(stat) = rustix::fs::statvfs(&path) {
            disks.push(Disk {
                path: folder.to_owned(),
                size: stat.f_blocks.saturating_mul(stat.f_frsize),
                free: stat.f_bavail.saturating_mul(stat.f_frsize),
                read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
            });
        }
    }
    disks
}

/// NFS mounts and automounts, from the list of mounts: nothing is touched.
fn shares() -> Vec<Mount> {
    let all = mounts::read().into_iter();
    let shares = all.filter(|mount| {
        super::nfs::mount::is_nfs(&mount.fs) || (mount.fs == "autofs" && !mount.path.starts_with("/proc/"))
    });
    shares.map(|mount| Mount { source: mount.source, path: mount.path, fs: mount.fs }).collect()
}

/// Whether the kernel takes its clock to be right: adjtimex(2) without changing anything.
fn is_synchronized() -> bool {
    // SAFETY: all-zero is a valid timex that asks for nothing, and it lives through the call.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        let state = libc::adjtimex(&mut timex);
        (state, timex.status)
    };
    state >= 0 && status & libc::STA_UNSYNC == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_upstreams() {
        assert_eq!(upstream("1:3.7.0.10-1+b2"), "3.7.0.10");
        assert_eq!(upstream("8:6.9.11.60+dfsg-1.6"), "6.9.11.60+dfsg");
        assert_eq!(upstream("3.7"), "3.7");
        assert_eq!(memory("MemTotal:         444184 kB\n"), 444_184 * 1024);
    }
}

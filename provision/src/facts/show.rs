//! Facts for people.

use std::fmt::Write as _;

use td_inventory::Node;
use td_protocol::converge::facts::{BootState, Facts};

use crate::words;

/// A node's facts as a block of lines.
pub fn facts(node: &Node, facts: &Facts) -> String {
    let mut out = format!("{}\n", node.name);
    let mut row = |what: &str, value: String| {
        let _ = writeln!(out, "  {what:12} {}", words::one_line(&value, 400));
    };
    let unknown = || "unknown".to_owned();
    row("model", facts.model.clone().unwrap_or_else(|| "no Raspberry Pi (no device tree)".to_owned()));
    row("serial", facts.serial.clone().unwrap_or_else(unknown));
    row("host name", facts.hostname.clone());
    row("system", facts.os.name.clone());
    let dpkg = facts.userland.dpkg.as_deref().unwrap_or("unknown");
    let narrow =
        if facts.machine == "aarch64" && facts.userland.bits == 32 { " (64-bit kernel, 32-bit programs)" } else { "" };
    row("architecture", format!("{}, {}-bit, {dpkg}{narrow}", facts.machine, facts.userland.bits));
    row("kernel", facts.kernel.clone());
    row("cores", facts.cores.to_string());
    row("memory", mib(facts.memory));
    let boot = facts.boot.path.clone().unwrap_or_else(|| "none".to_owned());
    let state = match facts.boot.state {
        BootState::Ready | BootState::None => "",
        BootState::NoConfig => " (no config.txt in it)",
        BootState::NotMounted => " (NOT MOUNTED)",
    };
    row("boot folder", format!("{boot}{state}"));
    for disk in &facts.disks {
        let read_only = if disk.read_only { ", READ-ONLY" } else { "" };
        row("disk", format!("{}: {} free of {}{read_only}", disk.path, mib(disk.free), mib(disk.size)));
    }
    let by = facts.clock.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let kept = if facts.clock.synchronized { "synchronised" } else { "not synchronised" };
    row("clock", format!("{kept}{by}, up {:.0} s", facts.uptime));
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    row("NFS", format!("client {}, server {}", yes(facts.nfs.client), yes(facts.nfs.server)));
    for mount in &facts.nfs.mounts {
        row("mount", format!("{} on {} ({})", mount.source, mount.path, mount.fs));
    }
    for export in &facts.nfs.exports {
        row("export", export.clone());
    }
    row("POV-Ray", facts.povray.clone().unwrap_or_else(|| "none".to_owned()));
    row("ImageMagick", facts.imagemagick.clone().unwrap_or_else(|| "none".to_owned()));
    let gpu = facts.firmware.gpu_mem.map(|mb| format!("gpu {mb} MB"));
    let arm = facts.firmware.arm_freq.map(|mhz| format!("arm {mhz} MHz"));
    let firmware: Vec<String> = gpu.into_iter().chain(arm).collect();
    if !firmware.is_empty() {
        row("firmware", firmware.join(", "));
    }
    let service = match &facts.service {
        None => "none".to_owned(),
        Some(state) if state.pid.is_some() => "runs".to_owned(),
        Some(_) => "does not run".to_owned(),
    };
    row("td-agent", format!("{service}, looked at by {}", facts.td));
    out
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

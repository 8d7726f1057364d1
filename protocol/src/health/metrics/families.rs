//! What is told, name by name.

use super::MetricKind::{self, Counter, Gauge};
use crate::health::{Disk, Fast, Firmware, Link, Memory, Place, Report, ShareTrial, Slow};
use crate::hello::PovrayState;

/// Takes labels and a value.
type Sink<'a> = &'a mut dyn FnMut(&[(&str, &str)], f64);

/// One name with all its samples.
pub struct Family {
    pub name: &'static str,
    pub kind: MetricKind,
    pub help: &'static str,
    pub samples: fn(&Report, Sink<'_>),
}

const fn gauge(name: &'static str, help: &'static str, samples: fn(&Report, Sink<'_>)) -> Family {
    Family { name, kind: Gauge, help, samples }
}

const fn counter(name: &'static str, help: &'static str, samples: fn(&Report, Sink<'_>)) -> Family {
    Family { name, kind: Counter, help, samples }
}

/// In the order of writing.
pub const FAMILIES: [Family; 53] = [
    gauge("td_agent_info", "The agent's version.", |report, tell| tell(&[("version", &report.td)], 1.0)),
    gauge("td_clock_timestamp_seconds", "The node's clock when it was asked.", |report, tell| {
        one(tell, report.clock);
    }),
    gauge("td_slots", "POV-Ray processes at a time.", |report, tell| one(tell, report.slots.map(f64::from))),
    gauge("td_slots_busy", "Slots in which POV-Ray runs.", |report, tell| one(tell, report.busy.map(f64::from))),
    gauge("td_povray_usable", "Whether the agent can render.", |report, tell| {
        one(tell, report.povray.as_ref().map(|povray| flag(matches!(povray, PovrayState::Ready { .. }))));
    }),
    gauge("td_certificate_expiry_timestamp_seconds", "The end of the node's certificate.", |report, tell| {
        one(tell, report.certificate_end);
    }),
    gauge("td_uptime_seconds", "Time since the boot.", |report, tell| one(tell, report.look.uptime)),
    gauge("td_boot_time_seconds", "When the node booted, by its own clock.", |report, tell| one(tell, booted(report))),
    gauge("td_shut_down_in_order", "Whether the boot before this one ended by a shutdown.", |report, tell| {
        one(tell, report.shut_down_in_order.map(flag));
    }),
    gauge("td_memory_total_bytes", "Memory.", |report, tell| memory(report, tell, |memory| memory.total)),
    gauge("td_memory_available_bytes", "Memory that programs can have without swapping.", |report, tell| {
        memory(report, tell, |memory| memory.available);
    }),
    gauge("td_swap_total_bytes", "Swap space.", |report, tell| memory(report, tell, |memory| memory.swap_total)),
    gauge("td_swap_free_bytes", "Swap space that is free.", |report, tell| {
        memory(report, tell, |memory| memory.swap_free);
    }),
    counter("td_swapped_in_bytes_total", "Read back from swap since the boot.", |report, tell| {
        memory(report, tell, |memory| memory.swapped_in);
    }),
    gauge("td_load1", "Load average of one minute.", |report, tell| one(tell, report.look.load.map(|load| load.one))),
    gauge("td_load5", "Load average of five minutes.", |report, tell| {
        one(tell, report.look.load.map(|load| load.five));
    }),
    gauge("td_load15", "Load average of fifteen minutes.", |report, tell| {
        one(tell, report.look.load.map(|load| load.fifteen));
    }),
    gauge("td_cores", "Processor cores.", |report, tell| {
        one(tell, report.look.load.map(|load| f64::from(load.cores)));
    }),
    counter("td_oom_kills_total", "Processes killed for want of memory since the boot.", |report, tell| {
        one(tell, report.look.oom_kills.map(|kills| kills as f64));
    }),
    gauge(
        "td_temperature_celsius",
        "The processor's temperature, by the kernel and by the firmware.",
        |report, tell| {
            by_source(tell, report.look.temperature, firmware(report).and_then(|firmware| firmware.temperature));
        },
    ),
    gauge(
        "td_arm_clock_hertz",
        "The ARM cores' clock at this moment, by the kernel and by the firmware.",
        |report, tell| {
            by_source(tell, report.look.arm_clock, firmware(report).and_then(|firmware| firmware.arm_clock));
        },
    ),
    gauge(
        "td_arm_clock_max_hertz",
        "The highest clock: the kernel's bound, and the firmware's arm_freq.",
        |report, tell| {
            let set = firmware(report).and_then(|firmware| firmware.arm_freq).map(|mhz| f64::from(mhz) * 1e6);
            by_source(tell, report.look.arm_clock_most, set);
        },
    ),
    gauge("td_gpu_memory_bytes", "Memory that the firmware keeps for the GPU.", |report, tell| {
        one(tell, firmware(report).and_then(|firmware| firmware.gpu_mem).map(|mb| f64::from(mb) * 1_048_576.0));
    }),
    gauge("td_throttled", "What the firmware holds the processor back for, now and since the boot.", throttled),
    gauge("td_disk_size_bytes", "Size of a file system.", |report, tell| disks(report, tell, |disk| disk.size)),
    gauge("td_disk_free_bytes", "Bytes free for programs that are not root.", |report, tell| {
        disks(report, tell, |disk| disk.free);
    }),
    gauge("td_disk_inodes", "Inodes of a file system; 0 where it makes them as they are needed.", |report, tell| {
        disks(report, tell, |disk| disk.inodes);
    }),
    gauge("td_disk_inodes_free", "Inodes that are free.", |report, tell| disks(report, tell, |disk| disk.inodes_free)),
    gauge("td_disk_read_only", "Whether a file system is mounted read-only.", |report, tell| {
        disks(report, tell, |disk| u64::from(disk.read_only));
    }),
    gauge("td_root_read_only", "Whether the root is mounted read-only, seen by root.", |report, tell| {
        one(tell, fast(report).and_then(|fast| fast.root_read_only).map(flag));
    }),
    counter(
        "td_card_errors_total",
        "Lines of the kernel's log on failed reads and writes since the boot.",
        |report, tell| {
            one(tell, fast(report).and_then(|fast| fast.card_errors).map(|errors| errors as f64));
        },
    ),
    counter("td_card_written_bytes_total", "Written to the root's device since the boot.", |report, tell| {
        one(tell, fast(report).and_then(|fast| fast.written).map(|written| written as f64));
    }),
    gauge("td_share_mounted", "Whether something is mounted at the share's place.", |report, tell| {
        share(report, tell, |share| Some(flag(share.mounted)));
    }),
    gauge("td_share_works", "Whether a file could be written to the share and read back.", |report, tell| {
        share(report, tell, |share| Some(flag(share.problem.is_none() && share.answered.is_some())));
    }),
    gauge("td_share_answer_seconds", "Time that this took.", |report, tell| {
        share(report, tell, |share| share.answered)
    }),
    gauge("td_share_hung_seconds", "Time for which the share has not answered.", |report, tell| {
        share(report, tell, |share| Some(share.hangs.unwrap_or(0.0)));
    }),
    gauge("td_share_clock_ahead_seconds", "The share's server's clock minus the node's.", |report, tell| {
        share(report, tell, |share| share.clock_ahead);
    }),
    gauge("td_link_speed_bytes", "Speed of a network interface in bytes per second.", |report, tell| {
        links(report, tell, |link| link.speed.map(|mbit| f64::from(mbit) * 125_000.0));
    }),
    gauge("td_link_full_duplex", "Whether a network interface sends and receives at once.", |report, tell| {
        links(report, tell, |link| link.full_duplex.map(flag));
    }),
    counter("td_link_packets_total", "Packets, both directions, since the boot.", |report, tell| {
        links(report, tell, |link| Some(link.packets as f64));
    }),
    counter("td_link_errors_total", "Errors, both directions, since the boot.", |report, tell| {
        links(report, tell, |link| Some(link.errors as f64));
    }),
    counter("td_link_carrier_changes_total", "Times that the carrier came or went since the boot.", |report, tell| {
        links(report, tell, |link| link.carrier_changes.map(|changes| changes as f64));
    }),
    gauge("td_failed_units", "Units of systemd that have failed.", |report, tell| {
        one(tell, fast(report).and_then(|fast| fast.failed_units.as_ref()).map(|units| units.len() as f64));
    }),
    gauge("td_povray_info", "POV-Ray's version.", |report, tell| {
        info(tell, slow(report).and_then(|slow| slow.povray.as_deref()));
    }),
    gauge("td_imagemagick_info", "ImageMagick's version.", |report, tell| {
        info(tell, slow(report).and_then(|slow| slow.imagemagick.as_deref()));
    }),
    gauge("td_test_render_passed", "Whether a small scene rendered as it should.", |report, tell| {
        one(tell, slow(report).and_then(|slow| slow.render.as_ref()).map(|render| flag(render.passed)));
    }),
    gauge("td_test_render_seconds", "Time that the small scene took.", |report, tell| {
        one(tell, slow(report).and_then(|slow| slow.render.as_ref()).map(|render| render.seconds));
    }),
    gauge("td_reboot_reasons", "Reasons for which a reboot waits.", |report, tell| {
        one(tell, slow(report).and_then(|slow| slow.pending_reboot.as_ref()).map(|reasons| reasons.len() as f64));
    }),
    gauge("td_file_system_checks_due", "File systems that ask for a check.", |report, tell| {
        one(tell, slow(report).and_then(|slow| slow.file_system_checks.as_ref()).map(|checks| checks.len() as f64));
    }),
    gauge("td_write_rate_bytes", "Bytes per second onto the cache's disk, where it was measured.", |report, tell| {
        one(tell, report.write_rate);
    }),
    gauge("td_probe_age_seconds", "Time since the root's part was seen, by half.", |report, tell| {
        by_half(tell, report.fast_age, report.slow_age);
    }),
    gauge(
        "td_probe_last_run_timestamp_seconds",
        "When the root's part was seen, by half and the node's own clock.",
        |report, tell| {
            let when = |at: Option<f64>| Some((booted(report)? + at?).round());
            by_half(tell, when(fast(report).map(|fast| fast.at)), when(slow(report).map(|slow| slow.at)));
        },
    ),
    gauge("td_probe_cpu_seconds", "CPU time that the last run of each half took.", |report, tell| {
        by_half(tell, fast(report).map(|fast| fast.cpu), slow(report).map(|slow| slow.cpu));
    }),
];

/// Whole seconds: the two clocks are read one after the other.
fn booted(report: &Report) -> Option<f64> {
    Some((report.clock? - report.look.uptime?).round())
}

fn fast(report: &Report) -> Option<&Fast> {
    report.probed.as_ref()?.fast.as_ref()
}

fn slow(report: &Report) -> Option<&Slow> {
    report.probed.as_ref()?.slow.as_ref()
}

fn firmware(report: &Report) -> Option<&Firmware> {
    fast(report)?.firmware.as_ref()
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn one(tell: Sink<'_>, value: Option<f64>) {
    if let Some(value) = value {
        tell(&[], value);
    }
}

fn info(tell: Sink<'_>, version: Option<&str>) {
    if let Some(version) = version {
        tell(&[("version", version)], 1.0);
    }
}

fn by_source(tell: Sink<'_>, kernel: Option<f64>, firmware: Option<f64>) {
    for (source, value) in [("kernel", kernel), ("firmware", firmware)] {
        if let Some(value) = value {
            tell(&[("source", source)], value);
        }
    }
}

fn by_half(tell: Sink<'_>, fast: Option<f64>, slow: Option<f64>) {
    for (half, value) in [("fast", fast), ("slow", slow)] {
        if let Some(value) = value {
            tell(&[("half", half)], value);
        }
    }
}

fn memory(report: &Report, tell: Sink<'_>, value: fn(&Memory) -> u64) {
    one(tell, report.look.memory.as_ref().map(|memory| value(memory) as f64));
}

fn disks(report: &Report, tell: Sink<'_>, value: fn(&Disk) -> u64) {
    for disk in &report.look.disks {
        let place = match disk.place {
            Place::Root => "root",
            Place::Boot => "boot",
            Place::Cache => "cache",
            Place::Scratch => "scratch",
            Place::Other => "other",
        };
        tell(&[("place", place), ("path", &disk.path)], value(disk) as f64);
    }
}

fn share(report: &Report, tell: Sink<'_>, value: fn(&ShareTrial) -> Option<f64>) {
    if let Some(share) = fast(report).and_then(|fast| fast.share.as_ref())
        && let Some(value) = value(share)
    {
        tell(&[("path", &share.path)], value);
    }
}

fn links(report: &Report, tell: Sink<'_>, value: fn(&Link) -> Option<f64>) {
    for link in fast(report).map(|fast| fast.links.as_slice()).unwrap_or_default() {
        if let Some(value) = value(link) {
            tell(&[("link", &link.name)], value);
        }
    }
}

fn throttled(report: &Report, tell: Sink<'_>) {
    const CONDITIONS: [&str; 4] = ["under_voltage", "frequency_capped", "throttled", "soft_temperature_limit"];
    let Some(bits) = firmware(report).and_then(|firmware| firmware.throttled) else { return };
    for (when, shift) in [("now", 0), ("since_boot", 16)] {
        for (bit, condition) in CONDITIONS.iter().enumerate() {
            let is = bits >> (shift + bit) & 1;
            tell(&[("condition", condition), ("when", when)], f64::from(is));
        }
    }
}

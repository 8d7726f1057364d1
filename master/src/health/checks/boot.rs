//! Boot settings in effect against the inventory.

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::Seen;

pub static GPU_MEM_CHECK: Check = Check {
    name: "gpu-mem",
    meaning: "The memory that the firmware keeps for the GPU, against `boot: { gpu_mem: }` of the inventory.",
    when: "warn: another than the inventory says",
    remedy: "`td-provision apply` writes config.txt, and boots the node anew where that is needed.",
    limit: None,
    look: |seen| {
        let now = seen.firmware().and_then(|firmware| firmware.gpu_mem);
        setting(seen, now, seen.expected.gpu_mem, "gpu_mem", "MB")
    },
};

pub static ARM_FREQ_CHECK: Check = Check {
    name: "arm-freq",
    meaning: "The highest clock of the ARM cores that config.txt sets, against `boot: { arm_freq: }` of the inventory.",
    when: "warn: another than the inventory says",
    remedy: "`td-provision apply` writes config.txt, and boots the node anew where that is needed.",
    limit: None,
    look: |seen| {
        let now = seen.firmware().and_then(|firmware| firmware.arm_freq);
        setting(seen, now, seen.expected.arm_freq, "arm_freq", "MHz")
    },
};

fn setting(seen: &Seen<'_>, now: Option<u32>, wanted: Option<u32>, name: &str, unit: &str) -> Finding {
    let Some(now) = now else { return Finding::unsupported(seen.no_firmware()) };
    let value = format!("{now} {unit}");
    match wanted {
        None => Finding::ok(value, format!("{name} is {now} {unit}, and the inventory leaves it open")),
        Some(wanted) if wanted == now => Finding::ok(value, format!("{name} is {now} {unit}, as the inventory says"))
            .wanted(format!("{wanted} {unit}")),
        Some(wanted) => Finding::warn(
            value,
            format!("{name} is {now} {unit}, the inventory says {wanted} {unit}: td-provision apply"),
        )
        .wanted(format!("{wanted} {unit}")),
    }
}

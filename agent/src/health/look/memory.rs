//! /proc/meminfo and /proc/vmstat.

use td_protocol::health::Memory;

/// From both texts. A kernel before 3.14 has no MemAvailable: then nothing is told.
#[must_use]
pub fn parse(meminfo: &str, vmstat: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory {
        total: bytes("MemTotal")?,
        available: bytes("MemAvailable")?,
        swap_total: bytes("SwapTotal").unwrap_or(0),
        swap_free: bytes("SwapFree").unwrap_or(0),
        swapped_in: counted(vmstat, "pswpin").unwrap_or(0).saturating_mul(rustix::param::page_size() as u64),
    })
}

/// Processes killed for want of memory since the boot; kernels before 4.13 do not count them.
#[must_use]
pub fn oom_kills(vmstat: &str) -> Option<u64> {
    counted(vmstat, "oom_kill")
}

fn counted(vmstat: &str, key: &str) -> Option<u64> {
    let value = |line: &str| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok();
    vmstat.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kilobytes_become_bytes() {
        let meminfo = "MemTotal:         444184 kB\nMemFree: 1 kB\nMemAvailable:     300000 kB\nSwapTotal:  102396 kB\n\
                       SwapFree:       102000 kB\n";
        let memory = parse(meminfo, "pswpin 3\npswpout 9\noom_kill 2\n").unwrap();
        assert_eq!((memory.total, memory.available), (444_184 << 10, 300_000 << 10));
        assert_eq!((memory.swap_total, memory.swap_free), (102_396 << 10, 102_000 << 10));
        assert_eq!(memory.swapped_in, 3 * rustix::param::page_size() as u64);
        assert_eq!(parse("MemTotal: 1 kB\n", ""), None);
    }

    #[test]
    fn kills_are_counted_by_their_whole_name() {
        assert_eq!(oom_kills("oom_killed 9\noom_kill 4\n"), Some(4));
        assert_eq!(oom_kills("pswpin 4\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-zA-Z:0-9 \n]{0,80}") {
            let _ = (parse(&text, &text), oom_kills(&text));
        }
    }
}

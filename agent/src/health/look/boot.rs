//! Which boot this is, and how long ago it was.

use rustix::time::{ClockId, clock_gettime};

use crate::health::root::Root;

/// Another one after each boot.
#[must_use]
pub fn id(root: &Root) -> Option<String> {
    root.line("/proc/sys/kernel/random/boot_id")
}

/// Seconds since the boot.
#[must_use]
pub fn uptime(root: &Root) -> Option<f64> {
    parse(&root.text("/proc/uptime")?)
}

fn parse(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// The clock that starts at the boot and that nobody sets, seconds.
#[must_use]
pub fn clock() -> f64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The node's date, seconds since 1970.
#[must_use]
pub fn date() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_the_uptime() {
        assert_eq!(parse("350735.47 234388.90\n"), Some(350_735.47));
        assert_eq!(parse(""), None);
        let before = clock();
        assert!(clock() >= before && before > 0.0);
    }
}

//! The processor's clock, by the kernel's cpufreq.

use crate::health::root::Root;

const FOLDER: &str = "/sys/devices/system/cpu/cpu0/cpufreq";

/// The momentary clock and the most that the governor may set, Hz. The files have kHz
/// (Documentation/admin-guide/pm/cpufreq.rst).
#[must_use]
pub fn read(root: &Root) -> (Option<f64>, Option<f64>) {
    let hertz = |name: &str| root.number::<u64>(&format!("{FOLDER}/{name}")).map(|khz| khz as f64 * 1e3);
    (hertz("scaling_cur_freq"), hertz("scaling_max_freq"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn kilohertz_become_hertz() {
        let (_dir, root) = node(&[(&format!("{FOLDER}/scaling_cur_freq"), "700000\n")]);
        assert_eq!(read(&root), (Some(7e8), None));
    }
}

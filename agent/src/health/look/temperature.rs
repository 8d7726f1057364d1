//! The processor's temperature, by the kernel's thermal zones.

use crate::health::root::Root;

const FOLDER: &str = "/sys/class/thermal";

/// Degrees Celsius.
#[must_use]
pub fn read(root: &Root) -> Option<f64> {
    let zones = root.names(FOLDER).into_iter().filter(|name| name.starts_with("thermal_zone")).filter_map(|zone| {
        let kind = root.line(&format!("{FOLDER}/{zone}/type"))?;
        Some((kind, root.number::<i64>(&format!("{FOLDER}/{zone}/temp"))?))
    });
    choose(&zones.collect::<Vec<_>>())
}

/// The first zone of the processor: `cpu-thermal` on Raspberry Pis, `x86_pkg_temp` on PCs. Others tell of batteries, radios
/// and cases. The files have thousandths of a degree (Documentation/driver-api/thermal/sysfs-api.rst).
fn choose(zones: &[(String, i64)]) -> Option<f64> {
    let is_processor =
        |kind: &str| ["cpu", "soc", "bcm2835_thermal", "x86_pkg_temp"].iter().any(|p| kind.starts_with(p));
    let (_, thousandths) = zones.iter().find(|(kind, _)| is_processor(kind))?;
    Some(*thousandths as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn the_processors_zone_counts() {
        let (_dir, root) = node(&[
            ("/sys/class/thermal/thermal_zone0/type", "iwlwifi_1\n"),
            ("/sys/class/thermal/thermal_zone0/temp", "61000\n"),
            ("/sys/class/thermal/thermal_zone1/type", "cpu-thermal\n"),
            ("/sys/class/thermal/thermal_zone1/temp", "47236\n"),
            ("/sys/class/thermal/cooling_device0/type", "cpu\n"),
        ]);
        assert_eq!(read(&root), Some(47.236));
        assert_eq!(choose(&[("battery".to_owned(), 30_000)]), None);
    }
}

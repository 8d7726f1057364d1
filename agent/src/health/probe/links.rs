//! Network interfaces that are up, from /sys/class/net (Documentation/ABI/testing/sysfs-class-net).

use td_protocol::health::Link;

use crate::health::root::Root;

const FOLDER: &str = "/sys/class/net";
/// `operstate` of an interface that carries nothing.
const DOWN: [&str; 4] = ["down", "lowerlayerdown", "notpresent", "dormant"];

/// Those of hardware; where there is none (a container), all of them.
#[must_use]
pub fn read(root: &Root) -> Vec<Link> {
    let names: Vec<String> = root.names(FOLDER).into_iter().filter(|name| name != "lo").collect();
    let has_hardware = |name: &String| root.exists(&format!("{FOLDER}/{name}/device"));
    let only_hardware = names.iter().any(has_hardware);
    names.iter().filter(|name| !only_hardware || has_hardware(name)).filter_map(|name| link(root, name)).collect()
}

fn link(root: &Root, name: &str) -> Option<Link> {
    let line = |file: &str| root.line(&format!("{FOLDER}/{name}/{file}"));
    let count = |file: &str| root.number::<u64>(&format!("{FOLDER}/{name}/statistics/{file}")).unwrap_or(0);
    if DOWN.contains(&line("operstate")?.as_str()) {
        return None;
    }
    let is_wireless = ["wireless", "phy80211"].iter().any(|file| root.exists(&format!("{FOLDER}/{name}/{file}")));
    Some(Link {
        name: name.to_owned(),
        // -1 where the driver does not know; some do not even let it be read.
        speed: line("speed").and_then(|speed| speed.parse::<u32>().ok()).filter(|&speed| speed > 0 && !is_wireless),
        full_duplex: match line("duplex").as_deref() {
            Some("full") => Some(true),
            Some("half") => Some(false),
            _ => None,
        },
        wireless: is_wireless,
        packets: count("rx_packets") + count("tx_packets"),
        errors: count("rx_errors") + count("tx_errors"),
        carrier_changes: line("carrier_changes").and_then(|changes| changes.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn hardware_that_is_up_is_told() {
        let (_dir, root) = node(&[
            ("/sys/class/net/lo/operstate", "unknown\n"),
            ("/sys/class/net/docker0/operstate", "up\n"),
            ("/sys/class/net/eth0/device/x", ""),
            ("/sys/class/net/eth0/operstate", "up\n"),
            ("/sys/class/net/eth0/speed", "100\n"),
            ("/sys/class/net/eth0/duplex", "half\n"),
            ("/sys/class/net/eth0/carrier_changes", "3\n"),
            ("/sys/class/net/eth0/statistics/rx_packets", "10\n"),
            ("/sys/class/net/eth0/statistics/tx_packets", "20\n"),
            ("/sys/class/net/eth0/statistics/rx_errors", "1\n"),
            ("/sys/class/net/wlan0/device/x", ""),
            ("/sys/class/net/wlan0/wireless/x", ""),
            ("/sys/class/net/wlan0/operstate", "down\n"),
        ]);
        let links = read(&root);
        let wired = Link {
            name: "eth0".to_owned(),
            speed: Some(100),
            full_duplex: Some(false),
            wireless: false,
            packets: 30,
            errors: 1,
            carrier_changes: Some(3),
        };
        assert_eq!(links, [wired]);
    }

    #[test]
    fn a_container_has_no_hardware() {
        let (_dir, root) = node(&[("/sys/class/net/host0/operstate", "up\n"), ("/sys/class/net/host0/speed", "-1\n")]);
        let links = read(&root);
        assert_eq!((links.len(), links[0].name.as_str(), links[0].speed), (1, "host0", None));
    }
}

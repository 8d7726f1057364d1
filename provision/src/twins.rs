//! One machine under two names: found before anything is changed on it twice at once.

use td_protocol::converge::facts::Facts;

/// Two nodes that are certainly one machine.
pub fn twins<'a>(nodes: &[(&'a str, &Facts)]) -> Vec<(&'a str, &'a str, &'static str)> {
    pairs(nodes, |a, b| {
        // A boot's number is random, a serial is burnt in; a machine-id is only a file, which a copied card copies.
        if a.boot_id == b.boot_id {
            Some("are one machine under two names (same boot_id): take one of them out of the inventory")
        } else if a.serial.is_some() && a.serial == b.serial {
            Some("are one machine under two names (same serial number): take one of them out of the inventory")
        } else {
            None
        }
    })
}

/// Two nodes whose cards are copies of one.
pub fn copies<'a>(nodes: &[(&'a str, &Facts)]) -> Vec<(&'a str, &'a str, &'static str)> {
    pairs(nodes, |a, b| {
        let one = a.boot_id == b.boot_id || (a.serial.is_some() && a.serial == b.serial);
        (a.machine_id.is_some() && a.machine_id == b.machine_id && !one).then_some(
            "have the same /etc/machine-id (one card was copied), which DHCP may take for one machine; \
             on one of them: sudo rm /etc/machine-id && sudo systemd-machine-id-setup, then reboot",
        )
    })
}

/// Both: what is to be said of a cluster.
pub fn all<'a>(nodes: &[(&'a str, &Facts)]) -> Vec<(&'a str, &'a str, &'static str)> {
    let mut found = twins(nodes);
    found.extend(copies(nodes));
    found
}

fn pairs<'a>(
    nodes: &[(&'a str, &Facts)],
    what: impl Fn(&Facts, &Facts) -> Option<&'static str>,
) -> Vec<(&'a str, &'a str, &'static str)> {
    let mut found = Vec::new();
    for (index, (name, facts)) in nodes.iter().enumerate() {
        for (other, others) in &nodes[index + 1..] {
            if let Some(why) = what(facts, others) {
                found.push((*name, *other, why));
            }
        }
    }
    found
}

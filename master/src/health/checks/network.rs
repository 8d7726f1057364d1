//! The network: how fast the link is, and whether it loses packets.

use td_inventory::health::{LINK_ERRORS, NETWORK};
use td_protocol::health::Link;

use super::Check;
use crate::health::finding::{Finding, Verdict};
use crate::health::seen::Seen;
use crate::health::text::{number, plain};

pub static NETWORK_CHECK: Check = Check {
    name: "network",
    meaning: "Speed and duplex of the fastest network cable that is up. A bad plug makes 10 Mbit/s of 100, and half duplex \
              where one side does not negotiate.",
    when: "warn: half duplex",
    remedy: "Try another cable and another port of the switch; `ethtool eth0` on the node tells what was negotiated.",
    limit: Some(&NETWORK),
    look: network,
};

pub static LINK_ERRORS_CHECK: Check = Check {
    name: "link-errors",
    meaning: "Packets with errors since the boot, of all, on the link that has most of them.",
    when: "",
    remedy: "Try another cable and another port of the switch; `ip -s link` on the node tells which errors. The count starts \
             anew with the next boot.",
    limit: Some(&LINK_ERRORS),
    look: |seen| {
        let links = match links(seen) {
            Ok(links) => links,
            Err(why) => return Finding::unsupported(why),
        };
        let part = |link: &Link| match link.packets.saturating_add(link.errors) {
            0 => 0.0,
            all => 100.0 * link.errors as f64 / all as f64,
        };
        let Some(worst) = links.iter().max_by(|a, b| part(a).total_cmp(&part(b))) else {
            return Finding::unsupported("the node tells of no network link");
        };
        let name = plain(&worst.name);
        let what = match worst.errors {
            0 => format!("{name} has had no errors in {} packets", worst.packets),
            errors => format!("{name} has had {errors} errors in {} packets", worst.packets),
        };
        let part = part(worst);
        Finding::measured(seen, &LINK_ERRORS, part, format!("{} %", number(part)), &what, "another cable, another port")
    },
};

fn links<'a>(seen: &Seen<'a>) -> Result<&'a [Link], String> {
    let fast = seen.fast().ok_or_else(|| seen.unprobed())?;
    if fast.links.is_empty() {
        return Err("the node tells of no network link".to_owned());
    }
    Ok(&fast.links)
}

fn network(seen: &Seen<'_>) -> Finding {
    let links = match links(seen) {
        Ok(links) => links,
        Err(why) => return Finding::unsupported(why),
    };
    let fastest = links.iter().filter_map(|link| Some((link, link.speed?))).max_by_key(|(_, speed)| *speed);
    let Some((link, speed)) = fastest else {
        return match links.iter().find(|link| link.wireless) {
            Some(link) => {
                Finding::ok("Wi-Fi", format!("{} is Wi-Fi, whose speed changes all the time", plain(&link.name)))
            }
            None => Finding::unsupported("no link there tells its speed"),
        };
    };
    let name = plain(&link.name);
    let what = format!("{name} runs at {speed} Mbit/s");
    let value = format!("{speed} Mbit/s");
    let finding = Finding::measured(seen, &NETWORK, f64::from(speed), value, &what, "another cable, another port");
    if link.full_duplex == Some(false) && finding.verdict == Verdict::Ok {
        let sentence = format!("{name} runs at half duplex: another cable, or set both sides to negotiate");
        return Finding { verdict: Verdict::Warn, sentence, value: format!("{speed} Mbit/s half"), ..finding };
    }
    finding
}

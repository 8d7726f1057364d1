//! The clock: something keeps it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, Timespec};
use td_protocol::converge::resource::{Clock, ClockSource, Resource};

use super::diff;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace::{self, Rights};
use super::units;

/// Programs that keep the clock, with their units: any that is on will do.
pub const KEEPERS: [(&str, &str); 6] = [
    ("systemd-timesyncd", "systemd-timesyncd.service"),
    ("chrony", "chrony.service"),
    ("chrony", "chronyd.service"),
    ("ntpd", "ntp.service"),
    ("ntpsec", "ntpsec.service"),
    ("openntpd", "openntpd.service"),
];
const TIMESYNCD: &str = "systemd-timesyncd.service";
const CHRONY: &str = "chrony.service";
const CHRONY_FILE: &str = "/etc/chrony/conf.d/td.conf";
/// No clock that is right is before this: 2025-01-01, seconds since 1970.
const EARLIEST: u64 = 1_735_689_600;

/// What td adds to chrony's settings.
#[must_use]
pub fn chrony(source: &ClockSource) -> Option<String> {
    let lines: Vec<String> = match source {
        ClockSource::System => return None,
        ClockSource::ChronyServer { clients } => {
            // Its own clock counts, badly, where it has no source: then the nodes agree at least with one another.
            let allow = clients.iter().map(|client| format!("allow {client}"));
            allow.chain(std::iter::once("local stratum 10".to_owned())).collect()
        }
        ClockSource::ChronyClient { server } => vec![format!("server {server} iburst")],
    };
    Some(format!("# kept by td-provision: do not edit\n{}\n", lines.join("\n")))
}

/// The program that keeps the clock: the first that is on.
#[must_use]
pub fn keeper(node: &Node) -> Option<&'static str> {
    KEEPERS.iter().find(|(_, unit)| units::is_enabled(node, unit)).map(|(name, _)| *name)
}

fn is_before_all(node: &Node) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    node.is_alive() && now < EARLIEST
}

/// Sets a clock that is plainly wrong to the master's: without it no archive's signature holds.
///
/// # Errors
/// When the system refuses.
pub fn set_if_wrong(node: &Node) -> Result<bool, Failure> {
    let Some(now) = node.state.now.filter(|_| is_before_all(node)) else {
        return Ok(false);
    };
    let Ok(now) = Duration::try_from_secs_f64(now) else {
        return Ok(false);
    };
    if now.as_secs() < EARLIEST {
        return Ok(false);
    }
    let time = Timespec { tv_sec: i64::try_from(now.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
    rustix::time::clock_settime(ClockId::Realtime, time)
        .map_err(|error| Failure::new(format!("the clock is before 2025 and cannot be set: {error}")))?;
    Ok(true)
}

impl Converge for Clock {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let mut check = Check::default();
        if is_before_all(node) && node.state.now.is_some() {
            check.diffs.push(diff::value("the clock", Some("before 2025".to_owned()), Some("the master's".to_owned())));
        }
        let Some(text) = chrony(&self.source) else {
            match keeper(node) {
                Some(keeper) => check.message = format!("{keeper} keeps the clock"),
                None if units::exists(node, TIMESYNCD) || will_be_installed(node, "systemd-timesyncd") => {
                    check.message = "systemd-timesyncd keeps the clock".to_owned();
                    check.diffs.push(diff::value(TIMESYNCD, Some("off".to_owned()), Some("on".to_owned())));
                }
                None => {
                    return Err(Failure::new(
                        "nothing keeps the clock on this node, and systemd-timesyncd is not installed: add it to \
                         `packages` in the inventory",
                    ));
                }
            }
            return Ok(check);
        };
        check.message = "chrony keeps the clock".to_owned();
        let old = replace::read(&node.path(CHRONY_FILE))?.unwrap_or_default();
        if old != text.as_bytes() {
            check.diffs.push(diff::text(CHRONY_FILE, &old, text.as_bytes()));
        }
        if !units::is_enabled(node, CHRONY) {
            check.diffs.push(diff::value(CHRONY, Some("off".to_owned()), Some("on".to_owned())));
        }
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        set_if_wrong(node)?;
        let Some(text) = chrony(&self.source) else {
            if keeper(node).is_none() {
                if !units::exists(node, TIMESYNCD) {
                    return Err(Failure::new("systemd-timesyncd is not installed: its package failed"));
                }
                node.systemctl(&["enable", "--now", TIMESYNCD])?;
            }
            return Ok(format!("{} keeps the clock", keeper(node).unwrap_or("systemd-timesyncd")).into());
        };
        if !units::exists(node, CHRONY) {
            return Err(Failure::new("chrony is not installed: its package has to be among what is converged"));
        }
        if !node.text("/etc/chrony/chrony.conf").is_some_and(|conf| conf.contains("/etc/chrony/conf.d")) {
            return Err(Failure::new(
                "/etc/chrony/chrony.conf does not read /etc/chrony/conf.d: add the line `confdir /etc/chrony/conf.d`",
            ));
        }
        let path = node.path(CHRONY_FILE);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::io("cannot make", folder, &error))?;
        }
        replace::with_rights(&path, text.as_bytes(), Rights::ROOT_FILE)?;
        node.systemctl(&["enable", CHRONY])?;
        node.systemctl(&["restart", CHRONY])?;
        Ok("chrony keeps the clock".to_owned().into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let path = node.path(CHRONY_FILE);
        let Some(old) = replace::read(&path)? else {
            return Ok(Removed::nothing("what keeps the clock stays on"));
        };
        replace::remove(&path)?;
        if units::exists(node, CHRONY) {
            node.systemctl(&["try-restart", CHRONY])?;
        }
        Ok(Removed::did(vec![diff::text(CHRONY_FILE, &old, b"")], "td's settings of chrony are gone, chrony stays on"))
    }
}

fn will_be_installed(node: &Node, package: &str) -> bool {
    node.state.resources.iter().any(|resource| match resource {
        Resource::Packages(packages) => packages.names.iter().any(|name| name == package),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chrony_gets_what_it_is_to_do() {
        let clients = vec!["192.0.2.111".parse().unwrap(), "2001:db8::2".parse().unwrap()];
        insta::assert_snapshot!(chrony(&ClockSource::ChronyServer { clients }).unwrap(), @r"
        # kept by td-provision: do not edit
        allow 192.0.2.111
        allow 2001:db8::2
        local stratum 10
        ");
        let server = "192.0.2.110".parse().unwrap();
        insta::assert_snapshot!(chrony(&ClockSource::ChronyClient { server }).unwrap(), @r"
        # kept by td-provision: do not edit
        server 192.0.2.110 iburst
        ");
        assert_eq!(chrony(&ClockSource::System), None);
    }
}

//! `td-agent probe` as a unit, and the timer that starts it each minute.

use td_protocol::converge::event::Diff;
use td_protocol::converge::resource::{Probe, Service};

use crate::converge::diff;
use crate::converge::failure::Failure;
use crate::converge::node::Node;
use crate::converge::replace::{self, Rights};
use crate::converge::units;
use crate::health::kept;
use crate::systemd;

/// Both units, as they are to be.
fn files(service: &Service, probe: &Probe) -> [(String, String); 2] {
    [(path(Probe::UNIT), unit(service, probe)), (path(Probe::TIMER), timer())]
}

fn path(unit: &str) -> String {
    format!("/etc/systemd/system/{unit}")
}

/// What is different.
///
/// # Errors
/// When a file cannot be read.
pub fn check(service: &Service, node: &Node) -> Result<Vec<Diff>, Failure> {
    let Some(probe) = &service.probe else { return Ok(Vec::new()) };
    let mut diffs = Vec::new();
    for (file, new) in files(service, probe) {
        let old = replace::read(&node.path(&file))?.unwrap_or_default();
        if old != new.as_bytes() {
            diffs.push(diff::text(&file, &old, new.as_bytes()));
        }
    }
    let state = |old: &str, new: &str| diff::value(Probe::TIMER, Some(old.to_owned()), Some(new.to_owned()));
    if !units::is_enabled(node, Probe::TIMER) {
        diffs.push(state("off at boot", "on at boot"));
    }
    if node.is_alive() && !runs() {
        diffs.push(state("stopped", "running"));
    }
    Ok(diffs)
}

/// Whether the timer runs. Where systemd does not tell, it is not started over and over for that.
fn runs() -> bool {
    let told = systemd::units_named(&[Probe::TIMER]);
    told.map_or(true, |units| units.iter().any(|unit| unit.name == Probe::TIMER && unit.active == "active"))
}

/// Makes it so.
///
/// # Errors
/// With what systemd said.
pub fn converge(service: &Service, node: &Node) -> Result<(), Failure> {
    let Some(probe) = &service.probe else { return Ok(()) };
    // It runs again only when all is in place: an apply that is cut off before is seen by the next.
    if node.exists(&path(Probe::TIMER)) {
        node.systemctl(&["stop", Probe::TIMER])?;
    }
    for (file, text) in files(service, probe) {
        replace::with_rights(&node.path(&file), text.as_bytes(), Rights::ROOT_FILE)?;
    }
    node.systemctl(&["daemon-reload"])?;
    node.systemctl(&["enable", Probe::TIMER])?;
    node.systemctl(&["start", Probe::TIMER])?;
    Ok(())
}

/// Takes both units back, and what the probe has left in memory.
///
/// # Errors
/// With what is left.
pub fn remove(node: &Node) -> Result<Vec<Diff>, Failure> {
    let mut diffs = Vec::new();
    if node.exists(&path(Probe::TIMER)) {
        node.systemctl(&["disable", "--now", Probe::TIMER])?;
    }
    if node.exists(&path(Probe::UNIT)) {
        node.systemctl(&["stop", Probe::UNIT])?;
    }
    for unit in [Probe::TIMER, Probe::UNIT] {
        let file = path(unit);
        if let Some(old) = replace::read(&node.path(&file))? {
            replace::remove(&node.path(&file))?;
            diffs.push(diff::text(&file, &old, b""));
        }
    }
    if !diffs.is_empty() {
        node.systemctl(&["daemon-reload"])?;
    }
    let _ = std::fs::remove_dir_all(node.path(kept::FOLDER));
    Ok(diffs)
}

/// No setting here makes a mount namespace (`ProtectHome`, `PrivateTmp` ...): the host's mounts are what is looked at.
fn unit(service: &Service, probe: &Probe) -> String {
    let mut arguments = format!("--name {} --user {}", service.name, service.user);
    if let Some(share) = &probe.share {
        arguments.push_str(&format!(" --share {share}"));
        if probe.serves_share {
            arguments.push_str(" --server");
        }
    }
    format!(
        "# kept by td-provision: do not edit, `systemctl edit {unit}` makes a file beside it\n\
         [Unit]\n\
         Description=td's look at this node's health\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={binary} probe {arguments}\n\
         {FOOT}",
        unit = Probe::UNIT,
        binary = Service::BINARY,
    )
}

const FOOT: &str = "\
# What hangs on a dead share is left behind, and not waited for; there is one at most.
KillMode=process
TimeoutStartSec=600
# It starts 1440 times a day: that is nothing to write to a card about.
StandardOutput=null
StandardError=journal
SyslogLevel=err
LogLevelMax=err
LogRateLimitIntervalSec=1h
LogRateLimitBurst=4
CPUWeight=50
LimitCORE=0
TasksMax=64
UMask=0022
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_SYSLOG CAP_SETUID CAP_SETGID CAP_KILL CAP_DAC_READ_SEARCH
RestrictAddressFamilies=AF_UNIX
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
";

fn timer() -> String {
    format!(
        "# kept by td-provision: do not edit, `systemctl edit {}` makes a file beside it\n\
         [Unit]\n\
         Description=td's look at this node's health, each minute\n\
         \n\
         [Timer]\n\
         OnBootSec=15\n\
         OnUnitActiveSec=60\n\
         AccuracySec=5\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        Probe::TIMER
    )
}

#[cfg(test)]
mod tests {
    use td_protocol::converge::desired::DesiredState;

    use super::*;
    use crate::converge::report::Report;
    use crate::converge::stop::Stop;

    fn service(probe: Option<Probe>) -> Service {
        Service {
            name: "pi111".to_owned(),
            user: "td".to_owned(),
            port: 7979,
            slots: None,
            tls: "/etc/td".to_owned(),
            cache: "/var/lib/td/cache".to_owned(),
            write_paths: Vec::new(),
            arguments: Vec::new(),
            probe,
        }
    }

    #[test]
    fn the_units_are_as_they_were_reviewed() {
        let probe = Probe { share: Some("/mnt/td".to_owned()), serves_share: true };
        let [(_, unit), (_, timer)] = files(&service(None), &probe);
        insta::assert_snapshot!(format!("{unit}\n--- the timer\n{timer}"));
    }

    #[test]
    fn units_come_stay_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let report = Report::new(Box::new(std::io::sink()), Stop::default());
        let node = Node::at(dir.path(), DesiredState::new("pi1"), report, Stop::default());
        let service = service(Some(Probe::default()));
        std::fs::create_dir_all(node.path("/etc/systemd/system/timers.target.wants")).unwrap();
        assert_eq!(check(&service, &node).unwrap().len(), 3);
        converge(&service, &node).unwrap();
        // `systemctl enable` runs on machines only.
        std::os::unix::fs::symlink("../x", node.path("/etc/systemd/system/timers.target.wants/td-probe.timer"))
            .unwrap();
        assert_eq!(check(&service, &node).unwrap().len(), 0);
        std::fs::write(node.path("/etc/systemd/system/td-probe.timer"), "[Timer]\n").unwrap();
        assert_eq!(check(&service, &node).unwrap().len(), 1);
        assert_eq!(remove(&node).unwrap().len(), 2);
        assert_eq!(remove(&node).unwrap().len(), 0);
        assert!(check(&self::service(None), &node).unwrap().is_empty(), "nobody asked for it");
    }
}

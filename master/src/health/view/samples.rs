//! Surveys for the tests of the views.

use td_protocol::health::{Disk, Fast, Firmware, Load, Memory, Place, Probed, RenderTrial, Report, ShareTrial, Slow};
use td_protocol::hello::{Fingerprint, PovrayState};
use td_protocol::version;

use crate::fleet::once::Unreachable;
use crate::fleet::trouble::Why;
use crate::health::seen::{Expected, Moment};
use crate::health::survey::{NodeHealth, Survey, judge};

const NOW: f64 = 1_795_413_600.0;

/// A node on which all is well.
pub fn well() -> Report {
    let fingerprint =
        Fingerprint { povray: "3.7.0.10".into(), word_size: 32, picture: td_protocol::hash::ContentHash::of(b"") };
    let firmware = Firmware {
        throttled: Some(0),
        temperature: Some(51.9),
        arm_clock: Some(800e6),
        arm_freq: Some(800),
        gpu_mem: Some(16),
    };
    let share = ShareTrial { path: "/mnt/td".into(), mounted: true, answered: Some(0.02), ..ShareTrial::default() };
    let fast = Fast {
        firmware: Some(firmware),
        root_read_only: Some(false),
        card_errors: Some(0),
        share: Some(ShareTrial { clock_ahead: Some(0.1), ..share }),
        failed_units: Some(Vec::new()),
        ..Fast::default()
    };
    let slow = Slow {
        povray: Some("3.7.0.10".into()),
        render: Some(RenderTrial { passed: true, seconds: 1.5, problem: None }),
        imagemagick: Some("6.9.11.60".into()),
        packages_known: true,
        pending_reboot: Some(Vec::new()),
        file_system_checks: Some(Vec::new()),
        ..Slow::default()
    };
    let mut report = Report {
        version: 1,
        td: version::TD.into(),
        clock: Some(NOW),
        slots: Some(1),
        busy: Some(1),
        povray: Some(PovrayState::Ready { fingerprint, state_file_proven: true, speed: 1.0 }),
        certificate_end: Some(NOW + 400.0 * 86_400.0),
        probed: Some(Probed { fast: Some(fast), slow: Some(slow), ..Probed::default() }),
        fast_age: Some(21.0),
        slow_age: Some(3000.0),
        shut_down_in_order: Some(true),
        ..Report::default()
    };
    report.look.uptime = Some(90_000.0);
    report.look.memory = Some(Memory {
        total: 460_000_000,
        available: 300_000_000,
        swap_total: 104_000_000,
        swap_free: 104_000_000,
        swapped_in: 0,
    });
    report.look.load = Some(Load { one: 1.02, five: 1.0, fifteen: 0.9, cores: 1 });
    report.look.oom_kills = Some(0);
    report.look.temperature = Some(52.4);
    report.look.disks = vec![Disk {
        place: Place::Root,
        path: "/".into(),
        size: 8_000_000_000,
        free: 5_000_000_000,
        inodes: 500_000,
        inodes_free: 400_000,
        ..Disk::default()
    }];
    report
}

fn node(name: &str, answer: Result<Report, Unreachable>) -> NodeHealth {
    let expected = Expected {
        gpu_mem: Some(16),
        arm_freq: Some(800),
        share: Some("/mnt/td".into()),
        is_node: true,
        ..Expected::default()
    };
    let moment = Moment { asked: NOW - 0.1, answered: NOW + 0.1 };
    NodeHealth {
        name: name.into(),
        address: "192.0.2.110:7979".into(),
        answer: answer.map(|report| judge(report, moment, &expected)),
        seconds: 0.125,
    }
}

fn of(nodes: Vec<NodeHealth>) -> Survey {
    Survey { nodes, asked: NOW, seconds: 0.25, timeout: 2.0 }
}

fn warm() -> Report {
    let mut report = well();
    report.look.temperature = Some(77.1);
    report
}

fn broken() -> Report {
    let mut report = warm();
    if let Some(disk) = report.look.disks.first_mut() {
        disk.free = 12_000_000;
    }
    if let Some(fast) = report.probed.as_mut().and_then(|probed| probed.fast.as_mut()) {
        fast.firmware = Some(Firmware { throttled: Some(0x5_0005), gpu_mem: Some(64), ..Firmware::default() });
        fast.failed_units = Some(vec!["nfs-server.service".into()]);
    }
    report
}

fn off() -> Unreachable {
    Unreachable::new(Why::Timeout, "no connection in time: it is switched off, frozen, or behind a firewall")
}

/// Eight nodes of all kinds.
pub fn survey() -> Survey {
    let refused = Unreachable::new(Why::Refused, "connection refused: no agent listens there");
    of(vec![
        node("pi110", Ok(well())),
        node("pi111", Ok(broken())),
        node("pi112", Ok(Report { td: "0.0.9".into(), ..Report::default() })),
        node("pi113", Ok(well())),
        node("pi114", Ok(well())),
        node("pi115", Ok(well())),
        node("pi116", Err(off())),
        node("pi117", Err(refused)),
    ])
}

/// A thousand nodes, of which the 501st is warm.
pub fn thousand() -> Survey {
    of((0..1000).map(|n| node(&format!("n{n:03}"), Ok(if n == 500 { warm() } else { well() }))).collect())
}

/// One node: 0 well, 1 warm, 2 broken, 4 off.
pub fn one(how: u8) -> Survey {
    of(vec![node(
        "pi110",
        match how {
            0 => Ok(well()),
            1 => Ok(warm()),
            2 => Ok(broken()),
            _ => Err(off()),
        },
    )])
}

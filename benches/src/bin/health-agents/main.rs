//! Many agents in one process, for `benches/health.sh`: they say how they are, and nothing else.
//!
//! `health-agents CREDENTIALS PORT NAME...` listens on PORT of every loopback address. Each connection is taken over mutual
//! TLS, with the configuration of a real `td-agent` and the certificate of the name that the master asks for. Says "ready"
//! when it listens, and ends when its standard input does. All is well with them, but for those that are named with an
//! ailment (`pi112:hot`): `hot`, `throttled`, `full`, `units`, and `rising`, whose temperature climbs a degree with each answer.

#[path = "../replay-agents/door.rs"]
mod door;

use std::collections::HashMap;
use std::error::Error;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use td_protocol::health::{Disk, Fast, Firmware, Load, Memory, Place, Probed, RenderTrial, Report, Slow};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [credentials, port, names @ ..] = arguments.as_slice() else {
        return Err("see the text at the head of benches/src/bin/health-agents/main.rs".into());
    };
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let mut agents = HashMap::new();
    for name in names {
        let (name, ailment) = name.split_once(':').unwrap_or((name, ""));
        let tls = door::config(Path::new(credentials), name)?;
        let report = with(report(name), ailment)?;
        let asked = Arc::new(AtomicU32::new(0));
        let step = if ailment == "rising" { 1.0 } else { 0.0 };
        let answer = move || async move {
            let times = asked.fetch_add(1, Ordering::Relaxed);
            let mut report = report;
            report.look.temperature = report.look.temperature.map(|degrees| degrees + step * f64::from(times));
            Json(report)
        };
        agents.insert(name.to_owned(), (tls, Router::new().route("/health", get(answer))));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("0.0.0.0", port.parse::<u16>()?)).await?;
        println!("ready");
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            never = door::serve(listener, agents) => match never {},
            _ = ended => Ok(()),
        }
    })
}

/// The same with an ailment.
fn with(mut report: Report, ailment: &str) -> Result<Report> {
    let fast = report.probed.as_mut().and_then(|probed| probed.fast.as_mut());
    match (ailment, fast) {
        ("", _) => {}
        ("hot", _) => report.look.temperature = Some(77.4),
        ("rising", _) => report.look.temperature = Some(72.0),
        ("throttled", Some(Fast { firmware: Some(firmware), .. })) => firmware.throttled = Some(0x5_0005),
        ("units", Some(fast)) => fast.failed_units = Some(vec!["nfs-server.service".to_owned()]),
        ("full", _) => report.look.disks.iter_mut().for_each(|disk| disk.free = 12_000_000),
        _ => return Err(format!("{ailment} is no ailment").into()),
    }
    Ok(report)
}

/// What a Raspberry Pi 1 with a probe says when all is well.
fn report(name: &str) -> Report {
    let firmware = Firmware {
        throttled: Some(0),
        temperature: Some(52.0),
        arm_clock: Some(8e8),
        arm_freq: Some(800),
        gpu_mem: Some(16),
    };
    let fast = Fast {
        firmware: Some(firmware),
        root_read_only: Some(false),
        card_errors: Some(0),
        failed_units: Some(Vec::new()),
        ..Fast::default()
    };
    let slow = Slow {
        povray: Some("3.7.0.10".to_owned()),
        render: Some(RenderTrial { passed: true, seconds: 1.5, problem: None }),
        packages_known: true,
        imagemagick: Some("6.9.11.60".to_owned()),
        pending_reboot: Some(Vec::new()),
        file_system_checks: Some(Vec::new()),
        ..Slow::default()
    };
    let mut report = Report {
        version: td_protocol::health::VERSION,
        td: td_protocol::version::TD.to_owned(),
        name: name.to_owned(),
        slots: Some(1),
        busy: Some(1),
        probed: Some(Probed { fast: Some(fast), slow: Some(slow), ..Probed::default() }),
        fast_age: Some(30.0),
        slow_age: Some(3000.0),
        ..Report::default()
    };
    report.look.uptime = Some(1e6);
    report.look.temperature = Some(52.4);
    report.look.memory = Some(Memory {
        total: 460_000_000,
        available: 300_000_000,
        swap_total: 104_000_000,
        swap_free: 104_000_000,
        swapped_in: 0,
    });
    report.look.load = Some(Load { one: 1.0, five: 1.0, fifteen: 1.0, cores: 1 });
    report.look.disks = vec![Disk {
        place: Place::Root,
        path: "/".to_owned(),
        size: 8_000_000_000,
        free: 5_000_000_000,
        inodes: 500_000,
        inodes_free: 400_000,
        ..Disk::default()
    }];
    report
}

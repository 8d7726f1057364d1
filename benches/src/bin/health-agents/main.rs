//! Many agents in one process, for `benches/health.sh`: they say how they are, and nothing else.
//!
//! `health-agents CREDENTIALS PORT NAME...` listens on PORT of every loopback address. Each connection is taken over mutual
//! TLS, with the configuration of a real `td-agent` and the certificate of the name that the master asks for. Says "ready"
//! when it listens, and ends when its standard input does.

#[path = "../replay-agents/door.rs"]
mod door;

use std::collections::HashMap;
use std::error::Error;
use std::io::Read as _;
use std::path::Path;

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
        let tls = door::config(Path::new(credentials), name)?;
        let report = report(name);
        let router = Router::new().route("/health", get(move || async move { Json(report) }));
        agents.insert(name.clone(), (tls, router));
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

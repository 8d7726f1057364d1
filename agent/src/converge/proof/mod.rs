//! Proofs: what the node can do, tried.

pub mod programs;
pub mod references;
pub mod render;
pub mod share;

use std::time::Instant;

use td_protocol::converge::desired::Proofs;
use td_protocol::converge::event::{Proof, ProofDone, ProofResult};
use td_protocol::converge::resource::{Boot, Resource, Service};

use super::boot::firmware;
use super::node::Node;
use super::service::{self, Running};

/// What one proof showed.
#[derive(Debug)]
pub struct Shown {
    pub result: ProofResult,
    pub message: String,
    pub seen: Vec<String>,
}

impl Shown {
    pub fn new(result: ProofResult, message: impl Into<String>) -> Self {
        Self { result, message: message.into(), seen: Vec::new() }
    }
}

/// Runs the proofs that the desired state calls for, one after the other.
pub fn run(node: &Node, proofs: Proofs, needs_reboot: bool) -> impl Iterator<Item = ProofDone> + '_ {
    let mut wanted: Vec<(Proof, Box<dyn FnOnce() -> Shown + '_>)> = Vec::new();
    if proofs != Proofs::Default {
        let all = proofs == Proofs::All;
        for resource in node.state.in_order() {
            match resource {
                Resource::Boot(boot) => wanted.extend(firmware_proofs(boot, node, needs_reboot)),
                Resource::NfsMount(mount) => {
                    // A nonce is written for the other nodes to see, however cheap the rest is to be.
                    let write = all || node.state.nonce.is_some();
                    wanted.push((Proof::Mount, Box::new(move || share::proof(node, mount, write))));
                }
                Resource::Service(service) => wanted.push((Proof::Service, Box::new(move || runs(service, node)))),
                Resource::Packages(packages) if all => {
                    let has = |name: &str| packages.names.iter().any(|package| package == name);
                    if has("povray") {
                        wanted.push((Proof::Povray, Box::new(|| programs::povray(packages.povray_word_size))));
                        wanted.push((Proof::Render, Box::new(move || render::proof(node))));
                    }
                    if has("imagemagick") {
                        wanted.push((Proof::Imagemagick, Box::new(programs::imagemagick)));
                    }
                }
                _ => {}
            }
        }
    }
    wanted.sort_by_key(|(proof, _)| order(*proof));
    wanted.into_iter().map(|(proof, show)| {
        let begun = Instant::now();
        let Shown { result, message, seen } = show();
        ProofDone { proof, result, message, seen, seconds: begun.elapsed().as_secs_f64() }
    })
}

fn order(proof: Proof) -> u8 {
    match proof {
        Proof::GpuMem => 0,
        Proof::ArmFreq => 1,
        Proof::Mount => 2,
        Proof::Service => 3,
        Proof::Povray => 4,
        Proof::Imagemagick => 5,
        Proof::Render => 6,
    }
}

type Wanted<'a> = (Proof, Box<dyn FnOnce() -> Shown + 'a>);

fn firmware_proofs<'a>(boot: &'a Boot, node: &'a Node, needs_reboot: bool) -> Vec<Wanted<'a>> {
    let mut wanted: Vec<Wanted<'a>> = Vec::new();
    if let Some(mb) = boot.gpu_mem {
        wanted.push((
            Proof::GpuMem,
            Box::new(move || {
                let answer = firmware::ask(node, &["get_mem", "gpu"]);
                let is = answer.as_deref().and_then(firmware::parse_gpu_mem);
                compare(is, mb, "MB of memory for the GPU", needs_reboot)
            }),
        ));
    }
    if let Some(mhz) = boot.arm_freq {
        wanted.push((
            Proof::ArmFreq,
            Box::new(move || {
                let answer = firmware::ask(node, &["get_config", "arm_freq"]);
                let is = answer.as_deref().and_then(firmware::parse_arm_freq);
                let mut shown = compare(is, mhz, "MHz for the ARM cores", needs_reboot);
                // What it runs at this moment: an idle core may be clocked down.
                let measured = firmware::ask(node, &["measure_clock", "arm"]);
                if let Some(now) = measured.as_deref().and_then(firmware::parse_clock) {
                    shown.message.push_str(&format!(" ({now} MHz measured just now)"));
                }
                shown
            }),
        ));
    }
    wanted
}

fn compare(is: Option<u32>, wanted: u32, what: &str, needs_reboot: bool) -> Shown {
    match is {
        None => Shown::new(
            ProofResult::Unsupported,
            format!("no firmware tells {what}: vcgencmd is not there or does not answer"),
        ),
        Some(is) if is == wanted => Shown::new(ProofResult::Passed, format!("the firmware reports {is} {what}")),
        Some(is) => {
            let result = if needs_reboot { ProofResult::AfterReboot } else { ProofResult::Failed };
            Shown::new(result, format!("the firmware reports {is} {what}, {wanted} are set"))
        }
    }
}

fn runs(service: &Service, node: &Node) -> Shown {
    let failed = |message: &str| Shown::new(ProofResult::Failed, message);
    match service::running(service, node) {
        Running::No => return failed("the agent does not run: see `journalctl -u td-agent`"),
        Running::Outdated => return failed("the agent runs from an older binary, unit or certificates: apply again"),
        Running::Yes => {}
    }
    let port = service.port;
    if service::listens(node, port) {
        Shown::new(ProofResult::Passed, format!("the agent listens on port {port}"))
    } else {
        failed(&format!("the agent runs and does not listen on port {port}: see `journalctl -u td-agent`"))
    }
}

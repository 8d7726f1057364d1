//! The command line's side of facts and converge.

use std::io::{BufRead as _, Read as _, Write as _};
use std::process::ExitCode;

use sha2::{Digest as _, Sha256};
use td_protocol::converge::desired::{DesiredState, MAX_BYTES};
use td_protocol::converge::event::{Event, FactsTold, Mode, Refused, RefusedReason, Start};
use td_protocol::hash::ContentHash;

use super::facts;
use super::failure::Failure;
use super::lock::{self, Refusal};
use super::node::Node;
use super::proof::{render, share};
use super::report::Report;
use super::run::{self, Ended};
use super::stop::Stop;
use crate::cli;

/// Exit codes, as of all of td's programs.
const FAILED: u8 = 1;
const REFUSED: u8 = 2;
const INTERRUPTED: u8 = 130;

/// `td-agent facts`.
#[must_use]
pub fn facts() -> ExitCode {
    let node = Node::bare();
    let text = serde_json::to_string_pretty(&facts::gather(&node)).unwrap_or_default();
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// `td-agent converge`.
#[must_use]
pub fn converge(options: &cli::Converge) -> ExitCode {
    let stop = Stop::on_signals();
    let report = Report::new(Box::new(std::io::stdout()), stop);
    let refuse = |report: &Report, reason, message: String, code| {
        eprintln!("td-agent: {message}");
        report.tell(&Event::Refused(Refused { reason, message }));
        ExitCode::from(code)
    };
    let mode = options.mode();
    let state = match read_state(options.lifeline) {
        Ok(state) => state,
        Err(failure) => return refuse(&report, RefusedReason::Input, failure.0, REFUSED),
    };
    if options.lifeline {
        stop.on_end_of_input();
    }
    if !rustix::process::geteuid().is_root() {
        let message = "td-agent converge needs root: it changes this machine's settings".to_owned();
        return refuse(&report, RefusedReason::NotRoot, message, REFUSED);
    }
    let node = Node::here(state, report, stop);
    node.report.tell(&Event::Start(Start {
        node: node.state.node.clone(),
        mode,
        td: td_protocol::version::TD.to_owned(),
        binary: own_hash(),
        boot_id: node.text("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned(),
    }));
    let mut _held = None;
    if matches!(mode, Mode::Apply | Mode::Remove) {
        match lock::lock(&node.path(lock::PATH), &lock::caller()) {
            Ok(lock) => _held = Some(lock),
            Err(Refusal::Held(failure)) => return refuse(&node.report, RefusedReason::Locked, failure.0, FAILED),
            Err(Refusal::Failed(failure)) => return refuse(&node.report, RefusedReason::Locked, failure.0, FAILED),
        }
    }
    if node.state.facts {
        let facts = facts::gather(&node);
        node.report.tell(&Event::Facts(Box::new(FactsTold { facts })));
    }
    match run::run(&node, mode) {
        Ended::Done => ExitCode::SUCCESS,
        Ended::Interrupted => ExitCode::from(INTERRUPTED),
        Ended::Refused => ExitCode::from(FAILED),
    }
}

/// `td-agent converge-share`.
#[must_use]
pub fn share(look: &cli::ConvergeShare) -> ExitCode {
    said(share::child(&look.place, &look.node, look.what == "write", look.nonce.as_deref()))
}

/// `td-agent converge-render`.
#[must_use]
pub fn render() -> ExitCode {
    said(render::child().map(|line| println!("{line}")))
}

fn said(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(FAILED)
        }
    }
}

/// One line where the caller keeps standard input open, else all of it.
fn read_state(one_line: bool) -> Result<DesiredState, Failure> {
    let input = std::io::stdin().lock();
    let mut limited = input.take(MAX_BYTES as u64 + 1);
    let mut bytes = Vec::new();
    let read = if one_line { limited.read_until(b'\n', &mut bytes) } else { limited.read_to_end(&mut bytes) };
    read.map_err(|error| Failure::new(format!("cannot read the desired state: {error}")))?;
    DesiredState::from_json(&bytes).map_err(|error| Failure::new(error.to_string()))
}

/// The hash of this program's file, also where another lies in its place by now.
fn own_hash() -> ContentHash {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    if let Ok(mut file) = std::fs::File::open("/proc/self/exe") {
        while let Ok(read) = file.read(&mut buffer) {
            if read == 0 {
                return ContentHash(hash.finalize().into());
            }
            hash.update(&buffer[..read]);
        }
    }
    ContentHash([0; 32])
}

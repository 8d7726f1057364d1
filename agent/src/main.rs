//! The td-agent program.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use td_agent::cli::{Cli, Command, Probe};
use td_agent::converge::command;
use td_agent::health::probe::{Failed, child, run as run_probe};
use td_agent::health::textfile;
use td_agent::povray::large_file;
use td_agent::{self_test, serve};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What to log is read from TD_LOG as `debug` or `td=debug`; words that are neither are as none.
    let log = std::env::var("TD_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let log = log.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(log).init();
    // Only the server needs a runtime.
    let options = match cli.command {
        Command::Serve(options) => options,
        Command::SelfTest(asked) if asked.speed => {
            return self_test::speed::run().map_or_else(|e| failed(&e), |()| ExitCode::SUCCESS);
        }
        Command::SelfTest(_) if self_test::run() => return ExitCode::SUCCESS,
        Command::SelfTest(_) => return ExitCode::FAILURE,
        Command::Probe(options) => return probe(&options),
        Command::ProbeChild { words } => return told(child(&words)),
        Command::Facts => return command::facts(),
        Command::Converge(options) => return command::converge(&options),
        Command::ConvergeShare(look) => return command::share(&look),
        Command::LargeFileLibrary(asked) => return write_out(&large_file::library(asked.machine)),
        Command::ConvergeRender => return command::render(),
    };
    large_blocks_go_back();
    // One thread serves: a Raspberry Pi 1 has one core, and the work is done by the threads of the strips.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(serve::run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// What is as large as a row of blocks goes back to the kernel when a strip has ended. After the first such piece glibc would keep
/// pieces of that size for the thread that had it, and each strip has a thread of its own.
fn large_blocks_go_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes two numbers, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 512 << 10);
    }
}

fn probe(options: &Probe) -> ExitCode {
    if let Some(folder) = &options.textfile {
        return told(textfile::write(options, folder));
    }
    match run_probe(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused @ Failed::NotRoot) => {
            eprintln!("td-agent: {refused}");
            ExitCode::from(2)
        }
        Err(error) => told(Err(error.to_string())),
    }
}

fn told(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn write_out(bytes: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.into()),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("td-agent: {error:#}");
    // As td's own codes: 2 is refused input, 1 a failure.
    let refused = error.is::<serve::NotLoopback>() || error.is::<serve::tls::CredentialsError>();
    if refused { ExitCode::from(2) } else { ExitCode::FAILURE }
}

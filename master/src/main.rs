//! The td program.

use std::process::ExitCode;

use td::cli;
use td::exit::ExitStatus;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let is_error = error.use_stderr();
            let _ = error.print();
            // Nagios takes 2 for a service that is down.
            let for_nagios = std::env::args_os().any(|argument| argument == "--nagios");
            return match (is_error, for_nagios) {
                (false, _) => ExitCode::SUCCESS,
                (true, true) => ExitStatus::Nagios(3).into(),
                (true, false) => ExitStatus::Refused.into(),
            };
        }
    };
    // What to log is read from TD_LOG as `debug` or `td=debug`; words that are neither are as none.
    let log = std::env::var("TD_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let log = log.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(log).init();
    // reqwest makes no client without one, not even for a Unix socket. One that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    one_arena();
    // Two threads check segments while a third waits for the agents.
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
            let status = runtime.block_on(cli::run(cli));
            // A look-up of a name that hangs in the resolver must not hold up the end.
            runtime.shutdown_background();
            status.into()
        }
        Err(error) => {
            eprintln!("td: cannot start: {error}");
            ExitStatus::Failed.into()
        }
    }
}

/// All threads take memory from one place: glibc would give each its own, and what one has freed the others could not use,
/// some MB with hundreds of agents. They seldom wait for each other: most of td's time is spent waiting for agents.
fn one_arena() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes two numbers, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

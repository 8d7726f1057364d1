//! The td program.

use std::process::ExitCode;

use td::cli;
use td::exit::ExitStatus;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let is_error = error.use_stderr();
            let _ = error.print();
            return if is_error { ExitStatus::Refused.into() } else { ExitCode::SUCCESS };
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("TD_LOG").unwrap_or_else(|_| "warn".into()))
        .with_ansi(false)
        .init();
    // reqwest makes no client without one, not even for a Unix socket. One that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Two threads check segments while a third waits for the agents.
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(cli::run(cli)).into(),
        Err(error) => {
            eprintln!("td: cannot start: {error}");
            ExitStatus::Failed.into()
        }
    }
}

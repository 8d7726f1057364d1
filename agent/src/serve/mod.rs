//! The agent's server: where it listens, how it ends.

mod answers;
mod connections;
mod door;
mod routes;
pub mod tls;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use td_protocol::share::ShareRole;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

use crate::agent::{Agent, Setup};
use crate::cli;
use crate::health::certificate;
use crate::health::history::EVERY;
use crate::{lifeline, lock};

/// How long a second agent waits for the first to leave the cache folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// How long strips get to end when the agent ends.
const END_PATIENCE: Duration = Duration::from_secs(3);
/// Pause between two looks at what is kept beyond its time.
const ROOM_EVERY: Duration = Duration::from_secs(6 * 3600);

/// An address that is refused.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} can be reached from other machines, which takes TLS: name the folder of this node's certificates with --tls, or \
     listen on 127.0.0.1, on ::1, or on a Unix socket"
)]
pub struct NotLoopback(SocketAddr);

/// Runs the agent until it is asked to end.
///
/// # Errors
/// When it cannot listen, or its folders cannot be used.
pub async fn run(options: cli::Serve) -> anyhow::Result<()> {
    // Before anything is touched: an agent that may not listen has nothing to do.
    let tls = options.tls.as_deref().map(tls::server_config).transpose()?;
    if let Some(address) = options.listen.filter(|address| tls.is_none() && !address.ip().is_loopback()) {
        return Err(NotLoopback(address).into());
    }
    let _lock = lock::lock(&options.cache, LOCK_PATIENCE)?;
    let slots = options.slots.unwrap_or_else(cores);
    let setup = Setup {
        name: options.name.unwrap_or_else(host_name),
        slots,
        spares: options.spares.unwrap_or(slots),
        povray_word_size: options.povray_word_size,
        blob_bound: options.cache_size.saturating_mul(1 << 20),
        band_bound: options.cache_size.saturating_mul(1 << 20),
        cache: std::path::absolute(&options.cache)?,
        share: match (options.publish, options.share) {
            (Some(folder), _) => Some((ShareRole::Publishes, folder)),
            (None, folder) => folder.map(|folder| (ShareRole::Reads, folder)),
        },
        certificate_end: options.tls.as_deref().and_then(|folder| certificate::end(&folder.join("agent.pem"))),
        root: options.root,
        is_service: !options.embedded,
    };
    let folder = setup.cache.clone();
    let agent = Agent::open(setup).with_context(|| format!("cannot use the cache folder {}", folder.display()))?;
    let router = routes::router(Arc::clone(&agent));
    if agent.health.keeps_history() {
        tokio::spawn(take_samples(Arc::clone(&agent)));
    }
    tokio::spawn(keep_room(Arc::clone(&agent)));
    let idle = Arc::clone(&agent);
    tokio::spawn(async move { idle.have_spares().await });
    let end = async {
        tokio::select! {
            () = asked_to_end() => {}
            () = master_ended(options.embedded) => {}
        }
    };
    if let Some(path) = options.socket {
        let listener = bind_socket(&path)?;
        tokio::select! {
            served = axum::serve(listener, router) => served?,
            () = end => {}
        }
        let _ = std::fs::remove_file(&path);
        if let Some(folder) = path.parent().filter(|_| options.embedded) {
            // The master made it for this socket alone, and may have been killed. A folder with files in it stays.
            let _ = std::fs::remove_dir(folder);
        }
    } else if let Some(address) = options.listen {
        let listener = bind(address).await?;
        eprintln!("td-agent listens on {}", listener.local_addr()?);
        if let Some(tls) = tls {
            tokio::select! {
                never = connections::serve(listener, TlsAcceptor::from(Arc::new(tls)), router) => match never {},
                () = end => {}
            }
        } else {
            tokio::select! {
                served = axum::serve(listener, router) => served?,
                () = end => {}
            }
        }
    }
    // Before POV-Rays are waited for: who stops the machine may have less patience.
    agent.health.end();
    stop(&agent).await;
    Ok(())
}

/// Takes samples of the node's health for as long as the agent runs.
async fn take_samples(agent: Arc<Agent>) {
    let mut clock = tokio::time::interval(Duration::from_secs(EVERY.into()));
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        agent.health.sample(agent.slots.busy()).await;
    }
}

/// Removes what was kept for long enough, also where no job comes.
async fn keep_room(agent: Arc<Agent>) {
    let mut clock = tokio::time::interval(ROOM_EVERY);
    loop {
        clock.tick().await;
        agent.make_room().await;
    }
}

/// Ends all that renders, POV-Ray first, and waits until the scratch folders are gone.
async fn stop(agent: &Agent) {
    agent.end();
    let all_ended = async {
        while std::fs::read_dir(agent.scratch_folder()).is_ok_and(|mut entries| entries.next().is_some()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(END_PATIENCE, all_ended).await;
}

fn bind_socket(path: &Path) -> anyhow::Result<tokio::net::UnixListener> {
    use std::os::unix::fs::FileTypeExt as _;
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A socket that nobody listens on was left behind by an agent that was killed.
        Ok(meta) if meta.file_type().is_socket() && std::os::unix::net::UnixStream::connect(path).is_err() => {
            std::fs::remove_file(path).with_context(|| format!("cannot replace the socket {}", path.display()))?;
        }
        Ok(meta) if meta.file_type().is_socket() => {
            anyhow::bail!("another agent listens on {}: name another socket", path.display());
        }
        Ok(_) => anyhow::bail!("{} exists and is no socket: name another path", path.display()),
        Err(error) => return Err(error).with_context(|| format!("cannot use {}", path.display())),
    }
    let listener =
        tokio::net::UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn bind(address: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
    match tokio::net::TcpListener::bind(address).await {
        // `[::]` means every address, and is what a node's unit says; IPv6 may be switched off there.
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED => {
            let every = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            let bound = tokio::net::TcpListener::bind(every).await;
            bound.map_err(|_| error).with_context(|| format!("cannot listen on {address}"))
        }
        bound => bound.with_context(|| format!("cannot listen on {address}")),
    }
}

async fn asked_to_end() {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn master_ended(embedded: bool) {
    if !embedded {
        return std::future::pending().await;
    }
    if let Ok(end) = lifeline::watch() {
        let _ = end.await;
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

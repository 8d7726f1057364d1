//! An embedded agent lives as long as its master: the master holds the other end of its standard input.

use std::io::Read as _;

use tokio::sync::oneshot;

/// Completes when standard input ends, which it does when the master ends, however that happens.
///
/// # Errors
/// When the watching thread cannot be started.
pub fn watch() -> std::io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
        let mut stdin = std::io::stdin();
        let mut buffer = [0; 64];
        while matches!(stdin.read(&mut buffer), Ok(read) if read > 0) {}
        let _ = ended.send(());
    })?;
    Ok(end)
}

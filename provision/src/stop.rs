//! Ctrl-C. The first one asks everything to end in good order; the second one ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether it was asked to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens to SIGINT, SIGTERM and SIGHUP from now on.
    ///
    /// # Errors
    /// The system allows no signal handler.
    pub fn on_signals() -> std::io::Result<Stop> {
        let (sender, receiver) = watch::channel(false);
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signals = signal(kind)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    if sender.send_replace(true) {
                        crate::terminal::restore();
                        std::process::exit(130);
                    }
                }
            });
        }
        Ok(Stop(receiver))
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Comes back when it is asked, else never.
    pub async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens to signals any more.
            std::future::pending::<()>().await;
        }
    }
}

//! Being asked to stop: by a signal, or because whoever asked is gone.
//!
//! What is under way is finished, so that no resource is left half done; the rest is skipped. A second apply does it.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether the call is to stop. A copy of it may ask, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stop(());

impl Stop {
    /// From now on SIGINT, SIGTERM and SIGHUP ask to stop instead of ending the program.
    #[must_use]
    pub fn on_signals() -> Self {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: the handler stores to an atomic and does nothing else, which is safe in a signal handler.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = asked as extern "C" fn(libc::c_int) as usize;
                // Calls that were interrupted go on: nobody waits in a read for long.
                action.sa_flags = libc::SA_RESTART;
                libc::sigemptyset(&mut action.sa_mask);
                libc::sigaction(signal, &action, std::ptr::null_mut());
            }
        }
        Self(())
    }

    /// The end of standard input asks to stop: the caller holds its other end for as long as it lives.
    pub fn on_end_of_input(self) {
        let watch = std::thread::Builder::new().name("lifeline".to_owned()).stack_size(64 << 10);
        // Without the thread a lost caller is noticed at the next event.
        let _ = watch.spawn(move || {
            let mut buffer = [0; 64];
            let mut input = std::io::stdin();
            while matches!(input.read(&mut buffer), Ok(read) if read > 0) {}
            self.ask();
        });
    }

    pub fn ask(self) {
        ASKED.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_asked(self) -> bool {
        ASKED.load(Ordering::Relaxed)
    }
}

extern "C" fn asked(_signal: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed);
}

//! What the end of a POV-Ray means.

use std::path::Path;
use std::process::ExitStatus;

use td_protocol::strip::Failure;

use crate::povray::process::ending_signal;
use crate::scratch;

/// Free room below which a failure is put down to a full disk, in bytes.
const FULL_BELOW: u64 = 1 << 20;

/// POV-Ray gives its threads some seconds to start and ends with 1 when they do not.
const SLOW_START: &str = "Timed out waiting for worker thread startup";

/// A render that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub failure: Failure,
    /// A sentence for the user.
    pub message: String,
    /// The end of what POV-Ray printed.
    pub povray: String,
}

impl Ending {
    #[must_use]
    pub fn node(message: impl Into<String>) -> Self {
        Self { failure: Failure::Node, message: message.into(), povray: String::new() }
    }

    #[must_use]
    pub fn cancelled() -> Self {
        Self { failure: Failure::Cancelled, message: "it was cancelled".to_owned(), povray: String::new() }
    }

    #[must_use]
    pub fn stalled(seconds: f64, povray: String) -> Self {
        let message = format!("POV-Ray made no progress for {seconds:.0} seconds and was stopped");
        Self { failure: Failure::Stalled, message, povray }
    }
}

/// Whether POV-Ray says itself that it is the scene's fault.
#[must_use]
pub fn is_of_the_scene(povray: &str) -> bool {
    povray.contains("Parse Error") || povray.contains("error in parser")
}

/// Tells why a POV-Ray that the agent did not stop ended without its picture.
#[must_use]
pub fn of(status: ExitStatus, had_parsed: bool, povray: String, scratch_folder: &Path) -> Ending {
    let is_full = scratch::available(scratch_folder) < FULL_BELOW;
    let (failure, message) = if is_full {
        (Failure::ScratchFull, format!("the disk of {} is full", scratch_folder.display()))
    } else if let Some(signal) = ending_signal(status) {
        let guess = if signal == 9 { ", as the kernel does when memory is short" } else { "" };
        (Failure::Killed { signal }, format!("POV-Ray was killed by signal {signal}{guess}"))
    } else if povray.contains(SLOW_START) {
        (Failure::Node, "the node was too busy for POV-Ray to start its threads".to_owned())
    } else if had_parsed && !povray.contains("Parse Error") {
        (Failure::Node, format!("POV-Ray gave up in the middle of the picture ({status})"))
    } else {
        (Failure::Scene, format!("POV-Ray refused the scene ({status})"))
    };
    Ending { failure, message, povray }
}

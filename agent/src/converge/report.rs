//! Telling events.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use td_protocol::converge::event::{Event, Progress, Step};
use td_protocol::converge::kind::Kind;

use super::stop::Stop;

/// How often the same step is told again.
const EVERY: Duration = Duration::from_secs(2);

/// Writes events as JSON lines. When nobody reads any more, it asks to stop.
pub struct Report {
    out: Mutex<Box<dyn Write + Send>>,
    stop: Stop,
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report").finish_non_exhaustive()
    }
}

impl Report {
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, stop: Stop) -> Self {
        Self { out: Mutex::new(out), stop }
    }

    pub fn tell(&self, event: &Event) {
        let mut line = event.to_line();
        line.push('\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.stop.ask();
        }
    }

    /// A teller of progress for one resource.
    #[must_use]
    pub fn progress<'a>(&'a self, kind: Kind, name: &'a str) -> Teller<'a> {
        Teller { report: self, kind, name, last: None }
    }
}

/// Tells the progress of one resource, not more often than people read.
#[derive(Debug)]
pub struct Teller<'a> {
    report: &'a Report,
    kind: Kind,
    name: &'a str,
    last: Option<(Instant, Step)>,
}

impl Teller<'_> {
    /// Tells, unless the same step was told a moment ago.
    pub fn tell(&mut self, step: Step, message: impl Into<String>, fraction: Option<f64>) {
        if let Some((at, told)) = self.last
            && told == step
            && at.elapsed() < EVERY
        {
            return;
        }
        self.last = Some((Instant::now(), step));
        let (kind, name) = (self.kind, self.name.to_owned());
        self.report.tell(&Event::Progress(Progress { kind, name, step, message: message.into(), fraction }));
    }
}

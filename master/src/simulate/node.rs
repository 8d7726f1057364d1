//! One simulated node: an agent with one slot.

use td_protocol::rows::Rows;

use crate::schedule::{LeaseId, WriteCost};

use super::picture::Picture;

/// What the strip is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Tracing,
    /// Way (b): after the trace; a strip that was shrunk starts POV-Ray again for it.
    Restarting,
    Writing,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Strip {
    pub lease: LeaseId,
    pub rows: Rows,
    pub end: u32,
    block: u32,
    at: u32,
    phase: Phase,
    /// Work left in this phase: seconds for starts, seconds at speed 1 otherwise.
    left: f64,
    since: f64,
    /// CPU seconds of the block at work.
    cpu: f64,
    shrunk: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub speed: f64,
    /// Share of its speed that it has now.
    pub factor: f64,
    /// Share of its processor that it gets: what it does not get is no CPU time.
    pub share: f64,
    /// POV-Ray is stopped; the agent is not.
    pub stopped: bool,
    pub dead: bool,
    /// Messages in both directions wait.
    pub cut: bool,
    /// The master was told that it is lost.
    pub declared_lost: bool,
    pub strip: Option<Strip>,
    /// Steps planned before this number was raised are void.
    pub plan: u64,
    pub rows_rendered: u64,
}

/// What a step of a strip came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Traces,
    /// Rows are traced and sent, after this many CPU seconds.
    Rows(Rows, f64),
    /// Rows before this one are traced, none is sent.
    Progress(u32, f64),
    /// More is to come.
    Goes,
}

impl Node {
    pub fn new(speed: f64) -> Self {
        Self {
            speed,
            factor: 1.0,
            share: 1.0,
            stopped: false,
            dead: false,
            cut: false,
            declared_lost: false,
            strip: None,
            plan: 0,
            rows_rendered: 0,
        }
    }

    /// Relative speed now.
    pub fn speed_now(&self) -> f64 {
        if self.dead || self.stopped { 0.0 } else { self.speed * self.factor * self.share }
    }

    pub fn start(&mut self, now: f64, lease: LeaseId, rows: Rows, block: u32, start: f64) {
        self.strip = Some(Strip {
            lease,
            rows,
            end: rows.end,
            block,
            at: rows.start,
            phase: Phase::Starting,
            left: start,
            since: now,
            cpu: 0.0,
            shrunk: false,
        });
    }

    fn rate(&self, phase: Phase) -> f64 {
        match phase {
            _ if self.dead || self.stopped => 0.0,
            Phase::Starting | Phase::Restarting => 1.0,
            Phase::Tracing | Phase::Writing => self.speed * self.factor * self.share,
        }
    }

    /// Does the work up to `now`; before any change of speed.
    pub fn work_until(&mut self, now: f64) {
        let Some(mut strip) = self.strip else { return };
        let rate = self.rate(strip.phase);
        let passed = (now - strip.since).max(0.0);
        strip.left = (strip.left - passed * rate).max(0.0);
        if rate > 0.0 {
            strip.cpu += passed * self.share;
        }
        strip.since = now;
        self.strip = Some(strip);
    }

    /// Seconds until the strip's next step; none while it stands still.
    pub fn until_step(&self) -> Option<f64> {
        let strip = self.strip?;
        let rate = self.rate(strip.phase);
        (rate > 0.0).then(|| strip.left / rate)
    }

    /// The step that is due.
    pub fn step(&mut self, picture: &Picture, write: WriteCost, start: f64, height: u32) -> Step {
        let Some(mut strip) = self.strip else {
            return Step::Goes;
        };
        let cpu = strip.cpu;
        strip.cpu = 0.0;
        let writes = !write.is_none();
        let step = match strip.phase {
            Phase::Starting => {
                strip.phase = Phase::Tracing;
                strip.left = picture.cost(strip.block_at_work());
                Step::Traces
            }
            Phase::Tracing => {
                let rows = strip.block_at_work();
                self.rows_rendered += u64::from(rows.len());
                strip.at = rows.end;
                if strip.at < strip.end {
                    strip.left = picture.cost(strip.block_at_work());
                } else if writes {
                    strip.phase = if strip.shrunk { Phase::Restarting } else { Phase::Writing };
                    strip.left = if strip.shrunk { start } else { write.seconds(strip.end, height) };
                }
                if writes { Step::Progress(rows.end, cpu) } else { Step::Rows(rows, cpu) }
            }
            Phase::Restarting => {
                strip.phase = Phase::Writing;
                strip.left = write.seconds(strip.end, height);
                Step::Goes
            }
            Phase::Writing => Step::Rows(Rows::new(strip.rows.start, strip.end), cpu),
        };
        self.strip = Some(strip);
        step
    }

    /// The share of the blocks of the row at work that are finished, and its CPU seconds so far. The outer columns are taken
    /// to be cheaper than those in the middle, as they are in most pictures.
    pub fn working(&self, picture: &Picture) -> Option<(f64, f64)> {
        let strip = self.strip.filter(|strip| strip.phase == Phase::Tracing)?;
        let cost = picture.cost(strip.block_at_work()).max(1e-9);
        let share = (1.0 - strip.left / cost).clamp(0.0, 1.0);
        let done = share + 0.1 * (std::f64::consts::TAU * share).sin();
        Some((done.clamp(0.0, 1.0), strip.cpu))
    }

    /// Whether the strip has sent all of its rows, given its last step.
    pub fn ended(&self, step: Step) -> bool {
        matches!(step, Step::Rows(rows, _) if self.strip.is_some_and(|strip| rows.end >= strip.end))
    }

    /// The agent's decision about a wish to end at `new_end`: the end that it accepts.
    pub fn shrink(&mut self, lease: LeaseId, new_end: u32) -> Option<u32> {
        let strip = self.strip.as_mut().filter(|strip| strip.lease == lease)?;
        let least = strip.block_at_work().end.max(strip.at);
        let end = new_end.max(least).min(strip.end);
        if matches!(strip.phase, Phase::Starting | Phase::Tracing) && end < strip.end {
            strip.end = end;
            strip.shrunk = true;
        }
        Some(strip.end)
    }
}

impl Strip {
    pub(super) fn block_at_work(&self) -> Rows {
        Rows::new(self.at, self.at.saturating_add(self.block).min(self.end))
    }
}

//! What strips and nodes tell, made into events for the scheduler.

use std::time::Instant;

use td_protocol::strip::{Failure, Way, Working};

use crate::compose::SpoolError;
use crate::cpu::thread_cpu;
use crate::fleet::client::AgentError;
use crate::render::attempt::AttemptEnd;
use crate::render::looping::{Lease, Run};
use crate::render::scene_failure::scene_failure;
use crate::render::strips::StripHeard;
use crate::schedule::{Event, LeaseId, Sharing, SlotId, WriteCost};

/// When a strip was where.
#[derive(Debug, Clone, Copy)]
struct Timing {
    slot: SlotId,
    first_row: u32,
    begun: f64,
    start_seconds: Option<f64>,
}

impl Timing {
    fn of(lease: &Lease) -> Self {
        let Lease { slot, rows, begun, start_seconds, .. } = lease;
        Self { slot: *slot, first_row: rows.start + 1, begun: *begun, start_seconds: *start_seconds }
    }
}

impl Run<'_, '_> {
    pub(super) fn take_strip(&mut self, slot: SlotId, lease: LeaseId, what: StripHeard) -> Result<(), AttemptEnd> {
        if !self.leases.contains_key(&lease) {
            // Its node was lost meanwhile, and the scheduler has given its rows to others.
            return Ok(());
        }
        if let Some(node) = self.attempt.crew.node_of(slot).map(|node| node.id) {
            let now = self.now();
            self.beats.heard(now, node, None);
        }
        let is_out = self.attempt.crew.node_of(slot).is_some_and(|node| self.verifying.out.contains(&node.id));
        match what {
            StripHeard::Alive { working: None } => Ok(()),
            StripHeard::Alive { working: Some(Working { done, cpu }) } => {
                self.tell_scheduler(Event::Working { slot, lease, done, cost_seconds: cpu })
            }
            // It draws wrong, and was told to stop.
            StripHeard::Segment { .. } | StripHeard::Progress { .. } if is_out => Ok(()),
            StripHeard::Tracing { seconds } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.start_seconds = Some(seconds);
                }
                self.tell_scheduler(Event::StartCost { slot, seconds })
            }
            StripHeard::Progress { end, cpu } => {
                self.tell_scheduler(Event::Progress { slot, lease, end, cost_seconds: cpu })
            }
            StripHeard::Segment { meta, data, cpu, ahead } => {
                let rows = meta.rows;
                let done = Event::RowsDone { slot, lease, rows, cost_seconds: cpu, ahead_seconds: ahead };
                self.tally.slot(slot).cpu += cpu;
                if self.attempt.policy.sharing != Sharing::Rows {
                    let folder = &self.attempt.folder;
                    let added = self.held.add(lease, meta, &data);
                    added.map_err(|error| {
                        SpoolError::io(folder, "keeping rows of a strip that is not whole yet", error)
                    })?;
                    self.makers.insert(lease, slot);
                } else {
                    let before = self.scheduler.rows_settled();
                    let begun = thread_cpu();
                    let maker = self.attempt.crew.maker_on(slot);
                    let _ = self.attempt.spool.add_from(maker, &meta, &data)?;
                    self.account.keeping += thread_cpu().saturating_sub(begun);
                    self.tell_scheduler(done)?;
                    self.tally.slot(slot).rows += self.scheduler.rows_settled().saturating_sub(before);
                    return Ok(());
                }
                self.tell_scheduler(done)
            }
            StripHeard::Ended { cpu, agent_cpu, write_cpu, yielded } => {
                self.tally.slot(slot).povray_cpu += cpu;
                self.tally.slot(slot).agent_cpu += agent_cpu;
                if let Some(ended) = self.end_lease(slot, lease) {
                    self.tell_ended(Timing::of(&ended), Some(cpu), Some(agent_cpu));
                }
                if let Some(node) = self.attempt.crew.node_of(slot).map(|node| node.id) {
                    // It finishes what it begins: an earlier loss counts no more.
                    self.recalls.remove(&node);
                }
                self.learn_write_cost(slot, write_cpu)?;
                self.tell_scheduler(if yielded {
                    Event::StripYielded { slot, lease }
                } else {
                    Event::StripEnded { slot, lease }
                })
            }
            StripHeard::Failed { failure, message, povray } => {
                let ended = self.end_lease(slot, lease);
                if ended.as_ref().is_some_and(|lease| lease.given_up) {
                    return self.tell_scheduler(Event::StripEnded { slot, lease });
                }
                let had_traced = ended.is_some_and(|lease| lease.start_seconds.is_some());
                self.strip_failed(slot, lease, &failure, &message, &povray, had_traced)
            }
            StripHeard::Lost { error } => {
                let ended = self.end_lease(slot, lease);
                if ended.as_ref().is_some_and(|lease| lease.given_up) {
                    return self.tell_scheduler(Event::StripEnded { slot, lease });
                }
                self.strip_lost(slot, lease, error)
            }
        }
    }

    /// What is known of the strips whose last word nobody waits for: all rows are there.
    pub(super) fn tell_unended(&mut self) {
        let mut left: Vec<Timing> = self.leases.values().map(Timing::of).collect();
        left.sort_by_key(|timing| timing.slot);
        for timing in left {
            self.tell_ended(timing, None, None);
        }
    }

    /// For whoever wants to know where the time went.
    fn tell_ended(&mut self, timing: Timing, cpu: Option<f64>, agent_cpu: Option<f64>) {
        let now = self.now();
        let node =
            self.attempt.crew.node_of(timing.slot).map_or_else(String::new, |node| node.client.name().to_owned());
        self.attempt.progress.detail(
            "strip_ended",
            [
                ("node", node.into()),
                ("slot", timing.slot.0.into()),
                ("first_row", timing.first_row.into()),
                ("elapsed", now.into()),
                ("seconds", (now - timing.begun).into()),
                ("start_seconds", timing.start_seconds.into()),
                ("cpu", cpu.into()),
                ("agent_cpu", agent_cpu.into()),
            ],
        );
    }

    /// What POV-Ray's writer really cost on a node; the scheduler counts in seconds of a slot of speed 1.
    fn learn_write_cost(&mut self, slot: SlotId, cpu: f64) -> Result<(), AttemptEnd> {
        if self.way != Way::Writer || !(cpu.is_finite() && cpu > 0.0) {
            return Ok(());
        }
        let speed = self.attempt.crew.node_of(slot).map_or(1.0, |node| node.speed);
        self.written.0 += cpu * speed;
        self.written.1 += 1;
        let seconds = self.written.0 / f64::from(self.written.1);
        self.tell_scheduler(Event::WriteCost(WriteCost { top: seconds, bottom: seconds }))
    }

    fn end_lease(&mut self, slot: SlotId, lease: LeaseId) -> Option<Lease> {
        self.tally.end(slot, Instant::now());
        self.leases.remove(&lease)
    }

    fn strip_failed(
        &mut self,
        slot: SlotId,
        lease: LeaseId,
        failure: &Failure,
        message: &str,
        povray: &str,
        had_traced: bool,
    ) -> Result<(), AttemptEnd> {
        self.held.forget(lease);
        let is_hopeless = match failure {
            Failure::Scene => true,
            // A scene that does not get through its parsing does so nowhere.
            Failure::Stalled => !had_traced,
            _ => false,
        };
        if is_hopeless {
            return Err(self.scene_failure(failure, message, povray, had_traced));
        }
        let node = self.attempt.crew.node_of(slot).map_or_else(String::new, |node| node.client.name().to_owned());
        self.attempt.progress.note(&format!("{node}: {message}; its rows are rendered again"));
        self.tell_scheduler(Event::StripFailed { slot, lease, reason: message.to_owned() })
    }

    fn strip_lost(&mut self, slot: SlotId, lease: LeaseId, error: AgentError) -> Result<(), AttemptEnd> {
        self.held.forget(lease);
        let Some((node, name)) = self.attempt.crew.node_of(slot).map(|node| (node.id, node.client.name().to_owned()))
        else {
            return Ok(());
        };
        match error {
            AgentError::Unreachable { .. } | AgentError::Refused { status: 404, .. } => {
                self.lose_node(node, &error.to_string())
            }
            AgentError::Garbage { .. } | AgentError::Version(_) => {
                let reason = error.to_string();
                self.attempt.progress.note(&format!("{reason}: it is not used any more"));
                self.troubles.insert(node, reason.clone());
                self.retired.insert(node);
                self.tell_scheduler(Event::NodeOut { node, reason })
            }
            // Its POV-Ray would draw rows that do not fit: asking again would not help.
            AgentError::Refused { status: 409, message, .. } => {
                let text = format!("{name} gets no more strips of this job: {message}");
                self.attempt.progress.note(&text);
                self.troubles.insert(node, text);
                self.retired.insert(node);
                self.tell_scheduler(Event::NodeOut { node, reason: message })
            }
            AgentError::Refused { message, .. } => {
                self.attempt.progress.note(&format!("{name} refused a strip: {message}"));
                self.tell_scheduler(Event::StripFailed { slot, lease, reason: message })
            }
        }
    }

    pub(super) fn scene_failure(&self, failure: &Failure, message: &str, povray: &str, had_traced: bool) -> AttemptEnd {
        scene_failure(self.attempt.contents.assets, failure, message, povray, had_traced)
    }
}

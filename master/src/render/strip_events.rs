//! What strips and nodes tell, made into events for the scheduler.

use std::time::Instant;

use td_protocol::strip::{Failure, Way};

use crate::fleet::client::AgentError;
use crate::render::attempt::AttemptEnd;
use crate::render::failure::RenderError;
use crate::render::heartbeat::watch_node;
use crate::render::looping::{Lease, MOST_RECALLS, Run};
use crate::render::opening;
use crate::render::scene_failure::scene_failure;
use crate::render::strips::StripHeard;
use crate::render::verify::Made;
use crate::schedule::{Event, LeaseId, NodeId, Sharing, SlotId, WriteCost};

/// How long a lost agent may take to answer again.
const RECALL_PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);

impl Run<'_, '_> {
    pub(super) async fn take_strip(
        &mut self,
        slot: SlotId,
        lease: LeaseId,
        what: StripHeard,
    ) -> Result<(), AttemptEnd> {
        if !self.leases.contains_key(&lease) {
            // Its node was lost meanwhile, and the scheduler has given its rows to others.
            return Ok(());
        }
        match what {
            StripHeard::Tracing { seconds } => {
                if let Some(lease) = self.leases.get_mut(&lease) {
                    lease.traced = true;
                }
                self.tell_scheduler(Event::StartCost { slot, seconds })
            }
            StripHeard::Progress { end } => {
                self.tell_scheduler(Event::Progress { slot, lease, end, cost_seconds: 0.0 })
            }
            StripHeard::Segment { meta, data, cpu } => {
                let rows = meta.rows;
                self.tally.slot(slot).cpu += cpu;
                if self.attempt.verify_rows.is_some()
                    && let Some(node) = self.attempt.crew.node_of(slot)
                {
                    self.made.push(Made { rows, sha256: meta.sha256, node: node.id });
                }
                if self.attempt.policy.sharing != Sharing::Rows {
                    let folder = self.attempt.folder.clone();
                    self.held.add(lease, meta, &data).map_err(|source| RenderError::Folder { path: folder, source })?;
                    self.makers.insert(lease, slot);
                } else {
                    let before = self.scheduler.rows_settled();
                    let _ = self.attempt.spool.add(&meta, &data)?;
                    self.tell_scheduler(Event::RowsDone { slot, lease, rows, cost_seconds: cpu })?;
                    self.tally.slot(slot).rows += self.scheduler.rows_settled().saturating_sub(before);
                    return Ok(());
                }
                self.tell_scheduler(Event::RowsDone { slot, lease, rows, cost_seconds: cpu })
            }
            StripHeard::Ended { cpu, agent_cpu, write_cpu } => {
                self.tally.slot(slot).povray_cpu += cpu;
                self.tally.slot(slot).agent_cpu += agent_cpu;
                self.end_lease(slot, lease);
                self.learn_write_cost(slot, write_cpu)?;
                self.tell_scheduler(Event::StripEnded { slot, lease })
            }
            StripHeard::Failed { failure, message, povray } => {
                let ended = self.end_lease(slot, lease);
                if ended.as_ref().is_some_and(|lease| lease.given_up) {
                    return self.tell_scheduler(Event::StripEnded { slot, lease });
                }
                let had_traced = ended.is_some_and(|lease| lease.traced);
                self.strip_failed(slot, lease, &failure, &message, &povray, had_traced)
            }
            StripHeard::Lost { error } => {
                let ended = self.end_lease(slot, lease);
                if ended.as_ref().is_some_and(|lease| lease.given_up) {
                    return self.tell_scheduler(Event::StripEnded { slot, lease });
                }
                self.strip_lost(slot, lease, error).await
            }
        }
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

    async fn strip_lost(&mut self, slot: SlotId, lease: LeaseId, error: AgentError) -> Result<(), AttemptEnd> {
        self.held.forget(lease);
        let Some(node) = self.attempt.crew.node_of(slot).map(|node| node.id) else { return Ok(()) };
        match error {
            AgentError::Unreachable { .. } | AgentError::Refused { status: 404, .. } => {
                self.lose_node(node, &error.to_string()).await
            }
            AgentError::Garbage { .. } | AgentError::Version(_) => {
                let reason = error.to_string();
                self.attempt.progress.note(&format!("{reason}: it is not used any more"));
                self.troubles.insert(node, "not used any more".to_owned());
                self.tell_scheduler(Event::NodeOut { node, reason })
            }
            AgentError::Refused { message, .. } => {
                self.attempt.progress.note(&format!("a strip was refused: {message}"));
                self.tell_scheduler(Event::StripFailed { slot, lease, reason: message })
            }
        }
    }

    /// All slots of a node are gone; it is called back at once, since an agent may only have been started anew.
    pub(super) async fn lose_node(&mut self, node: NodeId, reason: &str) -> Result<(), AttemptEnd> {
        let Some(found) = self.attempt.crew.node(node) else { return Ok(()) };
        let (name, slots) = (found.client.name().to_owned(), found.slots.clone());
        let lost: Vec<LeaseId> =
            self.leases.iter().filter(|(_, lease)| slots.contains(&lease.slot)).map(|(&id, _)| id).collect();
        for id in lost {
            if let Some(lease) = self.leases.remove(&id) {
                self.tally.end(lease.slot, Instant::now());
                if let Some(task) = lease.task {
                    task.abort();
                }
            }
            self.held.forget(id);
        }
        let recalls = self.recalls.entry(node).or_default();
        *recalls += 1;
        let may_return = *recalls <= MOST_RECALLS;
        self.attempt.progress.note(&format!("{name} was lost ({reason}); it is called again"));
        // Others wait for their next strips meanwhile: an agent that is there answers soon.
        let is_back = may_return && tokio::time::timeout(RECALL_PATIENCE, self.call_back(node)).await.unwrap_or(false);
        if !is_back {
            self.troubles.insert(node, "lost".to_owned());
            if let Some(watcher) = self.watchers.remove(&node) {
                watcher.abort();
            }
            for slot in slots {
                self.tell_scheduler(Event::SlotLost { slot })?;
            }
            return Ok(());
        }
        let speed = self.attempt.crew.node(node).map_or(1.0, |node| node.speed);
        for slot in slots {
            self.tell_scheduler(Event::SlotUp { slot, node, speed, start_seconds: None })?;
        }
        Ok(())
    }

    async fn call_back(&mut self, node: NodeId) -> bool {
        if let Err(error) = self.attempt.crew.call_back(node).await {
            self.attempt.progress.note(&error.to_string());
            return false;
        }
        let Some(found) = self.attempt.crew.node(node) else { return false };
        let client = found.client.clone();
        match opening::open(&client, &self.attempt.spec, &self.attempt.contents).await {
            Ok(_) => {
                // An agent that was started anew listens elsewhere.
                let watcher = watch_node(client, self.attempt.spec.id.clone(), node, self.tell.clone());
                if let Some(before) = self.watchers.insert(node, watcher) {
                    before.abort();
                }
                true
            }
            Err(error) => {
                self.attempt.progress.note(&error.to_string());
                false
            }
        }
    }

    pub(super) fn scene_failure(&self, failure: &Failure, message: &str, povray: &str, had_traced: bool) -> AttemptEnd {
        scene_failure(self.attempt.contents.assets, failure, message, povray, had_traced)
    }
}

//! Nodes that fall silent, are lost, come back or come late. Nothing here waits for a node: the loop goes on with the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::health::Fitness;
use crate::render::attempt::AttemptEnd;
use crate::render::failure::RenderError;
use crate::render::heard::Heard;
use crate::render::heartbeat::watch_node;
use crate::render::looping::Run;
use crate::render::opening::Opening;
use crate::render::recall::{Recall, Returned};
use crate::schedule::{Event, LeaseId, NodeId, StuckReason};

/// How often a node may be lost without having finished a strip in between.
const MOST_RECALLS: u32 = 5;
/// How long a render waits for any node to come back when all are lost. A cable is out for half a minute at times.
const ALL_LOST: Duration = Duration::from_secs(60);
/// After so long that wait is told.
const TELL_AFTER: Duration = Duration::from_secs(2);
/// How often the heartbeats are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// When the loop did not run for so long (a suspended laptop, a SIGSTOP), the nodes were not silent: it was deaf.
const DEAF: Duration = Duration::from_secs(2);

/// Since when no node is left.
#[derive(Debug)]
pub(super) struct AllLost {
    since: Instant,
    reason: StuckReason,
    told: bool,
}

impl Run<'_, '_> {
    /// All slots of a node are gone. Its rows go back at once; it is called in a task of its own.
    pub(super) fn lose_node(&mut self, node: NodeId, reason: &str) -> Result<(), AttemptEnd> {
        if !self.up.remove(&node) {
            return Ok(());
        }
        let Some(found) = self.attempt.crew.node(node) else { return Ok(()) };
        let (name, slots, client) = (found.client.name().to_owned(), found.slots.clone(), found.client.clone());
        let fingerprint = found.fingerprint.clone();
        let lost: Vec<LeaseId> =
            self.leases.iter().filter(|(_, lease)| slots.contains(&lease.slot)).map(|(&id, _)| id).collect();
        for id in lost {
            if let Some(lease) = self.leases.remove(&id) {
                self.tally.end(lease.slot, Instant::now());
                if let Some(task) = lease.task {
                    task.abort();
                }
            }
            self.deferred.retain(|task| task.lease != id);
            self.held.forget(id);
        }
        self.beats.forget(node);
        self.witness_lost(node);
        if let Some(watcher) = self.watchers.remove(&node) {
            watcher.abort();
        }
        let times = self.recalls.entry(node).or_default();
        *times += 1;
        let times = *times;
        if times <= MOST_RECALLS {
            self.attempt
                .progress
                .note(&format!("{name} was lost ({reason}); its rows are free, and it is called again"));
            let recall = Recall {
                client,
                fingerprint,
                job: Arc::new(self.attempt.spec.clone()),
                parcel: self.attempt.parcel.clone(),
                own: self.attempt.crew.take_own()?,
            };
            let tell = self.tell.clone();
            let task = tokio::spawn(async move {
                let result = Box::new(recall.run().await);
                let _ = tell.send(Heard::Called { node, result }).await;
            });
            self.calling.insert(node, task);
        } else {
            self.attempt.progress.note(&format!("{name} was lost {times} times ({reason}): it is not used any more"));
        }
        self.troubles.insert(node, format!("{name} was lost ({reason})"));
        let probed_there = self.probing.take_if(|slot| slots.contains(slot)).is_some();
        for slot in slots {
            self.tell_scheduler(Event::SlotLost { slot })?;
        }
        if probed_there {
            if let Some(task) = self.probe_task.take() {
                task.abort();
            }
            self.start_probe()?;
        }
        Ok(())
    }

    /// A lost node is back, or cannot be had back.
    pub(super) fn take_called(
        &mut self,
        node: NodeId,
        result: Result<Returned, RenderError>,
    ) -> Result<(), AttemptEnd> {
        self.calling.remove(&node);
        if self.verifying.out.contains(&node) {
            return Ok(());
        }
        let returned = match result {
            Ok(returned) => returned,
            Err(error) => {
                self.attempt.progress.note(&error.to_string());
                self.troubles.insert(node, error.to_string());
                return self.give_up_if_nobody_can_come();
            }
        };
        let finished = returned.finished.clone();
        self.attempt.crew.put_back(node, returned);
        if let Some(found) = self.attempt.crew.node(node) {
            let text = format!("{} is back", found.client.name());
            self.attempt.progress.note(&text);
        }
        self.take_over_finished(node, &finished)
    }

    /// A node that took long to open the job joins.
    pub(super) fn take_late(&mut self, opening: Opening) -> Result<(), AttemptEnd> {
        let name = self.attempt.crew.node(opening.node).map_or_else(String::new, |node| node.client.name().to_owned());
        match opening.result {
            Ok(opened) => {
                opened.tell(&name, self.attempt.progress);
                self.attempt.progress.note(&format!("{name} joins"));
                self.troubles.remove(&opening.node);
                self.take_over_finished(opening.node, &opened.answer.finished)
            }
            Err(error) => {
                self.attempt.progress.note(&format!("left out: {error}"));
                self.troubles.insert(opening.node, error.to_string());
                self.give_up_if_nobody_can_come()
            }
        }
    }

    /// The job is open on this node: from now on it takes strips and is listened to.
    pub(super) fn node_up(&mut self, node: NodeId) -> Result<(), AttemptEnd> {
        let Some(found) = self.attempt.crew.node(node).filter(|node| !self.verifying.out.contains(&node.id)) else {
            return Ok(());
        };
        let (client, slots, speed) = (found.client.clone(), found.slots.clone(), found.speed);
        let now = self.now();
        self.up.insert(node);
        match self.resting.get(&node) {
            Some(why) => _ = self.troubles.insert(node, why.clone()),
            None => _ = self.troubles.remove(&node),
        }
        self.beats.heard(now, node, None);
        let listens = self.attempt.crew.is_running();
        let watcher = watch_node(client, self.attempt.spec.id.clone(), node, listens, self.tell.clone());
        if let Some(before) = self.watchers.insert(node, watcher) {
            before.abort();
        }
        if self.probe_wanted {
            self.start_probe()?;
        }
        for slot in slots {
            let start_seconds = self.start_work.map(|work| work / speed.max(1e-9));
            self.tell_scheduler(Event::SlotUp { slot, node, speed, start_seconds })?;
        }
        // Slots that come up are as good as they measured, until the node's next word: it may have been lost while unfit.
        if matches!(self.fitness.remove(&node), Some(Fitness::Unfit { .. })) && !self.retired.contains(&node) {
            self.tell_scheduler(Event::NodeBack { node })?;
        }
        let health = self.attempt.crew.node(node).and_then(|node| node.health.clone());
        health.map_or(Ok(()), |report| self.judge(node, &report))
    }

    /// Whether anybody can go on is the scheduler's to say, each time anew: a node that comes back may still rest, and one that
    /// was not fit may be so again. That nobody is left to verify is the loop's own.
    fn see_who_is_left(&mut self) {
        let told = self.all_lost.as_ref().map(|lost| lost.reason);
        self.all_lost = match (self.scheduler.stuck(), told) {
            (None, Some(StuckReason::NoWitnessLeft)) if self.up.is_empty() => return,
            (None, _) => None,
            // It is waited for as long as nothing goes on, whatever the reason was at first.
            (Some(reason), Some(_)) => self.all_lost.take().map(|lost| AllLost { reason, ..lost }),
            (Some(reason), None) => Some(AllLost { since: Instant::now(), reason, told: false }),
        };
    }

    /// No node is left that could render. That is the end, unless one is being called or is still opening the job.
    pub(super) fn nobody_left(&mut self, reason: StuckReason) -> Result<(), AttemptEnd> {
        self.all_lost.get_or_insert_with(|| AllLost { since: Instant::now(), reason, told: false });
        self.give_up_if_nobody_can_come()
    }

    fn give_up_if_nobody_can_come(&mut self) -> Result<(), AttemptEnd> {
        self.see_who_is_left();
        let somebody_may = !self.calling.is_empty() || !self.openings.is_empty();
        match &self.all_lost {
            Some(lost) if !somebody_may => Err(self.end_of_all(lost.reason).into()),
            _ => Ok(()),
        }
    }

    fn end_of_all(&self, reason: StuckReason) -> RenderError {
        let mut troubles: Vec<&str> = self.troubles.values().map(String::as_str).collect();
        troubles.sort_unstable();
        let text = format!("{reason}; {}", troubles.join("; "));
        match reason {
            StuckReason::NoSlotLeft { .. } | StuckReason::NoWitnessLeft => RenderError::AllLost(text),
            StuckReason::AllNodesRest { .. } => RenderError::Nodes(text),
        }
    }

    /// Looks who has been silent for too long, and whether the wait for anybody has lasted long enough.
    pub(super) fn look_around(&mut self) -> Result<(), AttemptEnd> {
        let since = self.looked.elapsed();
        if since < LOOK_EVERY {
            return Ok(());
        }
        self.looked = Instant::now();
        let now = self.now();
        if since > DEAF {
            self.beats.pardon(now);
        }
        let before: Vec<(NodeId, f64)> = self.up.iter().map(|&node| (node, self.beats.silence(now, node))).collect();
        for node in self.beats.dead(now) {
            let silence = before.iter().find(|(other, _)| *other == node).map_or(0.0, |(_, silence)| *silence);
            let last = self.missed.remove(&node).map_or_else(String::new, |reason| format!(": {reason}"));
            self.lose_node(node, &format!("nothing heard for {silence:.0} seconds{last}"))?;
        }
        self.give_up_if_nobody_can_come()?;
        if let Some(lost) = &mut self.all_lost {
            if lost.since.elapsed() > ALL_LOST {
                let reason = lost.reason;
                return Err(self.end_of_all(reason).into());
            }
            if lost.since.elapsed() > TELL_AFTER && !lost.told {
                lost.told = true;
                let text =
                    format!("no agent is left: waiting up to {} seconds for one to come back", ALL_LOST.as_secs());
                self.attempt.progress.note(&text);
            }
        }
        Ok(())
    }
}

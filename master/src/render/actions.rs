//! What the scheduler says is to be done, done.

use std::sync::Arc;
use std::time::Instant;

use td_protocol::rows::Rows;
use td_protocol::strip::{Shrink, StartStrip};

use crate::compose::Maker;
use crate::cpu::thread_cpu;
use crate::health::Fitness;
use crate::render::attempt::AttemptEnd;
use crate::render::failure::RenderError;
use crate::render::heard::Heard;
use crate::render::looping::{Lease, Run};
use crate::render::strips::{StripHeard, StripTask};
use crate::schedule::{Action, Event, GiveUpReason, LeaseId, NodeId, Sharing, SlotId};

impl Run<'_, '_> {
    pub(super) fn tell_scheduler(&mut self, event: Event) -> Result<(), AttemptEnd> {
        let now = self.now();
        // TD_LOG=trace shows what a story in the scheduler's tests would be made of.
        tracing::trace!("{now:.3} {event:?}");
        if let Event::NodeBack { node } = &event {
            self.resting.remove(node);
        }
        let begun = thread_cpu();
        let actions = self.scheduler.handle(now, event);
        self.account.decisions += 1;
        self.account.deciding += thread_cpu().saturating_sub(begun);
        for action in actions {
            tracing::trace!("{now:.3}    {action:?}");
            self.act(action)?;
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), AttemptEnd> {
        match action {
            Action::Start { slot, lease, rows, block_rows, .. } => self.start(slot, lease, rows, block_rows),
            Action::Shrink { slot, lease, epoch, new_end } => self.shrink(slot, lease, epoch, new_end),
            Action::GiveUp { slot, lease, reason } => self.give_up(slot, lease, reason),
            Action::Settle { lease, rows } => return self.settle(lease, rows),
            Action::Rest { node, reason } => self.rest(node, &reason),
            Action::Finished => self.finished = true,
            Action::Stuck { reason } => return self.nobody_left(reason),
        }
        Ok(())
    }

    fn rest(&mut self, node: NodeId, reason: &str) {
        // Only what its health took can its health give back.
        if !matches!(self.fitness.get(&node), Some(Fitness::Unfit { .. })) {
            self.retired.insert(node);
        }
        // Who it is and why was told when the node was taken out.
        if let Some(trouble) = self.troubles.get(&node) {
            self.resting.insert(node, trouble.clone());
            return;
        }
        let name = self.attempt.crew.node(node).map_or("a node", |node| node.client.name());
        let told = format!("{name} rests after three failures in a row: {reason}");
        let trouble = format!("{name} rests: {reason}");
        self.attempt.progress.note(&told);
        self.troubles.insert(node, trouble.clone());
        self.resting.insert(node, trouble);
    }

    fn start(&mut self, slot: SlotId, lease: LeaseId, rows: Rows, block_rows: u32) {
        let Some(node) = self.attempt.crew.node_of(slot) else { return };
        let begun = self.now();
        self.attempt.progress.strip(node.client.name(), slot.0, rows);
        // A lease that counts only as a whole would begin anew each time.
        let may_yield = self.attempt.policy.sharing == Sharing::Rows;
        let start = StartStrip { lease: lease.0, rows, block_rows, way: self.way_for(slot), may_yield };
        let task = StripTask {
            client: node.client.clone(),
            job: self.attempt.spec.id.clone(),
            slot,
            lease,
            start,
            width: self.attempt.shape.width,
            format: self.attempt.shape.format,
            checking: Arc::clone(&self.checking),
        };
        self.leases.insert(lease, Lease { slot, rows, begun, start_seconds: None, given_up: false, task: None });
        if self.probing == Some(slot) {
            self.deferred.push(task);
        } else {
            self.spawn(task);
        }
    }

    pub(super) fn spawn(&mut self, task: StripTask) {
        let Some(lease) = self.leases.get_mut(&task.lease) else { return };
        self.tally.begin(task.slot, Instant::now());
        lease.task = Some(tokio::spawn(task.run(self.tell.clone())));
    }

    fn shrink(&mut self, slot: SlotId, lease: LeaseId, epoch: u32, new_end: u32) {
        // A strip that has not been sent to its agent yet is shrunk right here.
        if let Some(task) = self.deferred.iter_mut().find(|task| task.lease == lease) {
            let end = new_end.max(task.start.rows.start + task.start.block_rows).min(task.start.rows.end);
            task.start.rows.end = end;
            if let Some(lease) = self.leases.get_mut(&lease) {
                lease.rows.end = end;
            }
            self.answer(Heard::Shrunk { lease, epoch, end: Some(end) });
            return;
        }
        let Some(node) = self.attempt.crew.node_of(slot) else { return };
        let (client, id, tell) = (node.client.clone(), self.attempt.spec.id.clone(), self.tell.clone());
        tokio::spawn(async move {
            let answer = client.shrink(&id, lease.0, Shrink { epoch, new_end }).await;
            let end = answer.ok().map(|shrunk| shrunk.end);
            let _ = tell.send(Heard::Shrunk { lease, epoch, end }).await;
        });
    }

    fn give_up(&mut self, slot: SlotId, lease: LeaseId, reason: GiveUpReason) {
        tracing::debug!("lease {} is given up: {reason}", lease.0);
        self.deferred.retain(|task| task.lease != lease);
        let Some(known) = self.leases.get_mut(&lease) else { return };
        known.given_up = true;
        if known.task.is_none() {
            let what = StripHeard::Ended { cpu: 0.0, agent_cpu: 0.0, write_cpu: 0.0, yielded: false };
            self.answer(Heard::Strip { slot, lease, what });
            return;
        }
        let Some(node) = self.attempt.crew.node_of(slot) else { return };
        let (client, id) = (node.client.clone(), self.attempt.spec.id.clone());
        tokio::spawn(async move {
            if let Err(error) = client.cancel_strip(&id, lease.0).await {
                tracing::debug!("{error}");
            }
        });
    }

    /// Tells the loop something from within, in its turn.
    fn answer(&self, heard: Heard) {
        let tell = self.tell.clone();
        tokio::spawn(async move {
            let _ = tell.send(heard).await;
        });
    }

    fn settle(&mut self, lease: LeaseId, rows: Rows) -> Result<(), AttemptEnd> {
        if self.attempt.policy.sharing == Sharing::Rows {
            return Ok(());
        }
        let spool = Arc::clone(&self.attempt.spool);
        let folder = self.attempt.folder.clone();
        let maker = self.makers.get(&lease).map_or(Maker::NOBODY, |slot| self.attempt.crew.maker_on(*slot));
        let mut settled = 0;
        self.held
            .take(lease, |meta, data| {
                settled += meta.rows.len();
                spool.add_from(maker, &meta, &data).map(|_| ()).map_err(SettleError::Spool)
            })
            .map_err(|error| match error {
                SettleError::Spool(error) => RenderError::from(error),
                SettleError::Io(source) => RenderError::Folder { path: folder, source },
            })?;
        tracing::debug!("lease {} settles {rows}", lease.0);
        if let Some(slot) = self.makers.remove(&lease) {
            self.tally.slot(slot).rows += settled;
        }
        Ok(())
    }
}

/// Why a lease could not be settled.
enum SettleError {
    Spool(crate::compose::SpoolError),
    Io(std::io::Error),
}

impl From<std::io::Error> for SettleError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

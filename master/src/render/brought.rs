//! What a node that joins late, or is back, has finished meanwhile: it is taken over before the node is given work.

use td_protocol::rows::Rows;

use crate::render::attempt::AttemptEnd;
use crate::render::finished::{self, Band};
use crate::render::heard::Heard;
use crate::render::looping::Run;
use crate::schedule::{Event, NodeId};

impl Run<'_, '_> {
    /// Takes over what is missing of the `finished` bands of a node, in a task of its own, and then lets the node work.
    pub(super) fn take_over_finished(&mut self, node: NodeId, finished: &[Rows]) -> Result<(), AttemptEnd> {
        let wanted = finished::wanted(self.attempt, finished);
        let Some(found) = self.attempt.crew.node(node).filter(|_| !wanted.is_empty()) else {
            return self.node_up(node);
        };
        let (client, job, tell) = (found.client.clone(), self.attempt.spec.id.clone(), self.tell.clone());
        let shape = self.attempt.shape;
        let task = tokio::spawn(async move {
            let heard = |band: Result<Band, String>| Heard::Band { node, band: band.map(Box::new) };
            finished::fetch_from(&client, &job, wanted, shape, &tell, heard).await;
            let _ = tell.send(Heard::BandsTaken { node }).await;
        });
        // For who waits for anybody at all it is a node that is about to come.
        self.calling.insert(node, task);
        Ok(())
    }

    /// A finished band came, or the node does not have it any more.
    pub(super) fn take_band(&mut self, node: NodeId, band: Result<Box<Band>, String>) -> Result<(), AttemptEnd> {
        if self.verifying.out.contains(&node) {
            return Ok(());
        }
        let Band { rows, meta, data } = match band {
            Ok(band) => *band,
            Err(reason) => {
                tracing::warn!("a finished band of {node:?} is not used: {reason}");
                return Ok(());
            }
        };
        // Something goes on, though nobody renders.
        self.all_lost = None;
        let maker = self.attempt.crew.maker(node);
        let added = self.attempt.spool.add_from(maker, &meta, &data)?;
        self.cached.extend(added.settled.into_iter().map(|settled| (settled, maker)));
        let before = self.scheduler.rows_settled();
        self.tell_scheduler(Event::RowsSettledElsewhere { rows })?;
        // They took none of the time from which the end is reckoned.
        self.rows_at_begin += self.scheduler.rows_settled().saturating_sub(before);
        Ok(())
    }

    /// All that the node had is taken over, as far as it could be had.
    pub(super) fn take_bands_taken(&mut self, node: NodeId) -> Result<(), AttemptEnd> {
        self.calling.remove(&node);
        self.node_up(node)
    }
}

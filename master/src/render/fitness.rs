//! The nodes' health as far as it matters to a job: who gets less, who gets nothing, and who is well again.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use crate::fleet::client::Client;
use crate::health::{Fitness, fitness, slowed_between};
use crate::render::attempt::AttemptEnd;
use crate::render::crew::Node;
use crate::render::heard::Heard;
use crate::render::looping::Run;
use crate::schedule::{Event, NodeId};

/// Pause between two questions to a node: the probe on a node looks each minute, what its agent sees by itself changes sooner.
const EVERY: Duration = Duration::from_secs(15);
/// A node that does not answer in this time has said nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first strip waits no longer for any node's word.
const BEFORE_THE_FIRST: Duration = Duration::from_secs(2);
/// Smaller changes of a node's share are not told: what it really does shows with its rows.
const NOTABLE: f64 = 0.1;

/// Asks all nodes side by side, before the first strip.
pub(super) async fn ask_all(nodes: &mut [Node]) {
    let mut asking = JoinSet::new();
    for (number, node) in nodes.iter().enumerate() {
        let client = node.client.clone();
        asking.spawn(async move { (number, client.health(BEFORE_THE_FIRST).await) });
    }
    while let Some(answer) = asking.join_next().await {
        if let Ok((number, Ok(report))) = answer
            && let Some(node) = nodes.get_mut(number)
        {
            node.health = report;
        }
    }
}

/// Asks a node again and again; ends with the loop that listens, or where the agent does not know the question.
pub(super) async fn listen(client: &Client, node: NodeId, tell: &Sender<Heard>) {
    loop {
        tokio::time::sleep(EVERY).await;
        match client.health(PATIENCE).await {
            Ok(Some(report)) => {
                if tell.send(Heard::Health { node, report: Box::new(report) }).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            // Whether it lives is the heartbeats' to say.
            Err(error) => tracing::debug!("{error}"),
        }
    }
}

/// Whether both are the same to the scheduler.
fn is_alike(before: &Fitness, now: &Fitness) -> bool {
    match (before, now) {
        (Fitness::Fit, Fitness::Fit) | (Fitness::Unfit { .. }, Fitness::Unfit { .. }) => true,
        (Fitness::Less { share: before, .. }, Fitness::Less { share: now, .. }) => (before - now).abs() < NOTABLE,
        _ => false,
    }
}

impl Run<'_, '_> {
    /// What a node says of itself, told to the scheduler where it has changed.
    pub(super) fn judge(&mut self, id: NodeId, report: &td_protocol::health::Report) -> Result<(), AttemptEnd> {
        let Some(node) = self.attempt.crew.node(id).filter(|_| self.up.contains(&id)) else { return Ok(()) };
        if self.verifying.out.contains(&id) || self.retired.contains(&id) {
            return Ok(());
        }
        // A node that could not look at itself says nothing new: neither that it is well, nor that it is not.
        if report.look_problem.is_some() {
            return Ok(());
        }
        if let Some(reason) = node.health.as_ref().and_then(|first| slowed_between(first, report)) {
            self.slowed.entry(id).or_insert(reason);
        }
        let (name, slots) = (node.client.name().to_owned(), node.slots.clone());
        let now = fitness(report, &node.expected);
        let before = self.fitness.get(&id).cloned().unwrap_or(Fitness::Fit);
        if is_alike(&before, &now) {
            return Ok(());
        }
        let has_strip = self.leases.values().any(|lease| slots.contains(&lease.slot));
        // Room that is missing may be what its own strip takes: were it taken out for that, so would all others be, one after
        // the other, and nobody would be left.
        if has_strip && now.may_come_from_a_strip() {
            return Ok(());
        }
        if matches!(before, Fitness::Unfit { .. }) {
            self.troubles.remove(&id);
            self.tell_scheduler(Event::NodeBack { node: id })?;
        }
        self.fitness.insert(id, now.clone());
        match &now {
            Fitness::Unfit { reason, .. } => {
                let further = if has_strip { "further " } else { "" };
                self.attempt.progress.note(&format!("{name} gets no {further}strips: {reason}"));
                self.troubles.insert(id, format!("{name} is not fit: {reason}"));
                self.tell_scheduler(Event::NodeDrain { node: id, reason: reason.clone() })?;
            }
            Fitness::Less { share, reason } => {
                let text = format!("{name} is reckoned with {:.0} % of its speed: {reason}", share * 100.0);
                self.attempt.progress.note(&text);
                self.slowed.insert(id, reason.clone());
                for slot in slots {
                    self.tell_scheduler(Event::SlotSlow { slot, factor: *share })?;
                }
            }
            Fitness::Fit => {
                self.attempt.progress.note(&format!("{name} is fit again"));
                for slot in slots {
                    self.tell_scheduler(Event::SlotSlow { slot, factor: 1.0 })?;
                }
            }
        }
        Ok(())
    }

    /// The end says who was slowed down.
    pub(super) fn tell_slowed(&mut self) {
        let mut slowed: Vec<_> = self.slowed.iter().map(|(id, reason)| (*id, reason.clone())).collect();
        slowed.sort_by_key(|(id, _)| *id);
        for (id, reason) in slowed {
            if let Some(node) = self.attempt.crew.node(id) {
                let text = format!("{} was slowed down during the job: {reason}", node.client.name());
                self.attempt.progress.note(&text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_changes_are_not_told() {
        let less = |share| Fitness::Less { share, reason: String::new() };
        let unfit = |reason: &str| Fitness::Unfit { check: "povray", reason: reason.to_owned() };
        assert!(is_alike(&Fitness::Fit, &Fitness::Fit));
        assert!(is_alike(&less(0.5), &less(0.55)));
        assert!(is_alike(&unfit("a"), &unfit("b")));
        assert!(!is_alike(&less(0.5), &less(0.8)));
        assert!(!is_alike(&Fitness::Fit, &less(0.8)));
        assert!(!is_alike(&less(0.8), &unfit("a")));
    }
}

//! When silence means that an agent is dead.

use std::collections::BTreeMap;

use super::event::NodeId;

/// Watches for missing heartbeats, with a patience that follows each node's round trip (as TCP's retransmission timer
/// does: smoothed round trip plus four times its mean deviation).
#[derive(Debug, Clone)]
pub struct Heartbeats {
    interval: f64,
    least: f64,
    most: f64,
    nodes: BTreeMap<NodeId, Pulse>,
}

#[derive(Debug, Clone, Copy)]
struct Pulse {
    heard: f64,
    round_trip: f64,
    deviation: f64,
}

impl Heartbeats {
    /// Beats are expected every `interval` seconds; a node is dead after 4 to 15 seconds of silence.
    #[must_use]
    pub fn new(interval: f64) -> Self {
        Self { interval, least: 4.0, most: 15.0, nodes: BTreeMap::new() }
    }

    /// The node was heard of at `now`; `round_trip` in seconds where one was measured.
    pub fn heard(&mut self, now: f64, node: NodeId, round_trip: Option<f64>) {
        let pulse = self.nodes.entry(node).or_insert(Pulse { heard: now, round_trip: 0.1, deviation: 0.5 });
        pulse.heard = pulse.heard.max(now);
        if let Some(measured) = round_trip.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) {
            pulse.deviation += 0.25 * ((measured - pulse.round_trip).abs() - pulse.deviation);
            pulse.round_trip += 0.125 * (measured - pulse.round_trip);
        }
    }

    /// The watcher itself did not look for a while: whatever was said meanwhile has not been heard, so nobody was silent.
    pub fn pardon(&mut self, now: f64) {
        for pulse in self.nodes.values_mut() {
            pulse.heard = pulse.heard.max(now);
        }
    }

    /// How long this node has been silent, in seconds; 0 for one that is not watched.
    #[must_use]
    pub fn silence(&self, now: f64, node: NodeId) -> f64 {
        self.nodes.get(&node).map_or(0.0, |pulse| (now - pulse.heard).max(0.0))
    }

    /// No longer watch this node.
    pub fn forget(&mut self, node: NodeId) {
        self.nodes.remove(&node);
    }

    /// How long this node may be silent, in seconds.
    #[must_use]
    pub fn patience(&self, node: NodeId) -> f64 {
        let pulse = self.nodes.get(&node);
        let travel = pulse.map_or(0.0, |pulse| pulse.round_trip + 4.0 * pulse.deviation);
        (3.0 * self.interval + travel).clamp(self.least, self.most)
    }

    /// The nodes that have been silent for too long; each is told once and forgotten.
    pub fn dead(&mut self, now: f64) -> Vec<NodeId> {
        let dead: Vec<NodeId> = self
            .nodes
            .iter()
            .filter(|(node, pulse)| now - pulse.heard > self.patience(**node))
            .map(|(&node, _)| node)
            .collect();
        for node in &dead {
            self.nodes.remove(node);
        }
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_node_is_dead_after_its_patience_and_told_once() {
        let mut beats = Heartbeats::new(1.0);
        for beat in 0..40 {
            beats.heard(f64::from(beat), NodeId(1), Some(0.01));
            beats.heard(f64::from(beat), NodeId(2), Some(0.01));
        }
        beats.heard(42.0, NodeId(2), None);
        assert!(beats.dead(42.9).is_empty());
        assert_eq!(beats.dead(43.1), [NodeId(1)]);
        assert_eq!(beats.dead(100.0), [NodeId(2)]);
        assert!(beats.dead(200.0).is_empty());
    }

    #[test]
    fn a_node_that_nothing_is_known_of_gets_more_patience_than_a_quick_one() {
        let mut beats = Heartbeats::new(1.0);
        beats.heard(0.0, NodeId(1), None);
        let before = beats.patience(NodeId(1));
        for beat in 0..40 {
            beats.heard(f64::from(beat), NodeId(1), Some(0.002));
        }
        assert!(before > 5.0 && beats.patience(NodeId(1)) < before, "{before}");
    }

    #[test]
    fn a_watcher_that_slept_pardons_all() {
        let mut beats = Heartbeats::new(1.0);
        beats.heard(0.0, NodeId(1), None);
        beats.pardon(30.0);
        assert!(beats.dead(30.0).is_empty());
        assert_eq!(beats.dead(40.0), [NodeId(1)]);
    }

    #[test]
    fn a_slow_line_gets_more_patience() {
        let mut beats = Heartbeats::new(1.0);
        for beat in 0..40 {
            beats.heard(f64::from(beat), NodeId(1), Some(if beat % 2 == 0 { 0.2 } else { 2.2 }));
        }
        assert!(beats.patience(NodeId(1)) > 6.0, "{}", beats.patience(NodeId(1)));
        assert!(beats.patience(NodeId(1)) <= 15.0);
    }
}

//! All nodes for Prometheus: whether each is up, what the checks say, and what the nodes themselves say.
//!
//! The format is the text format 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use td_protocol::health::Report;
use td_protocol::health::metrics::{self, Exposition, Labels, MetricKind};

use crate::health::finding::Verdict;
use crate::health::survey::{Standing, Survey};

/// The text.
#[must_use]
pub fn text(survey: &Survey) -> String {
    let mut out = Exposition::default();
    let mut up = out.family("td_up", MetricKind::Gauge, "Whether the node's agent answered in time.");
    for node in &survey.nodes {
        up.sample(&[("node", &node.name)], if node.answer.is_ok() { 1.0 } else { 0.0 });
    }
    let help = "How the node is: 0 ok, 1 warn, 2 fail, 3 unreachable.";
    let mut states = out.family("td_node_state", MetricKind::Gauge, help);
    for node in &survey.nodes {
        let state = match node.standing() {
            Standing::Ok => 0.0,
            Standing::Warn => 1.0,
            Standing::Fail => 2.0,
            Standing::Unreachable => 3.0,
        };
        states.sample(&[("node", &node.name)], state);
    }
    let help = "What td health's check says: 0 ok, 1 warn, 2 fail. Without a sample where the node does not tell.";
    let mut checks = out.family("td_check_state", MetricKind::Gauge, help);
    for node in &survey.nodes {
        for (check, finding) in node.answer.as_ref().map(|heard| heard.findings.as_slice()).unwrap_or_default() {
            let state = match finding.verdict {
                Verdict::Unsupported => continue,
                Verdict::Ok => 0.0,
                Verdict::Warn => 1.0,
                Verdict::Fail => 2.0,
            };
            checks.sample(&[("node", &node.name), ("check", check.name)], state);
        }
    }
    let help = "Seconds until the last node had answered or time was over.";
    out.family("td_health_duration_seconds", MetricKind::Gauge, help).sample(&[], survey.seconds);
    // A node is called as in the inventory, whatever it calls itself.
    let named = survey.nodes.iter().filter_map(|node| {
        let report = node.answer.as_ref().ok()?.report.clone();
        Some(Report { name: node.name.clone(), ..report })
    });
    let named: Vec<Report> = named.collect();
    out.0 + &metrics::encode(&named.iter().collect::<Vec<_>>(), Labels::ByNode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::view::samples::survey;

    #[test]
    fn each_family_once_and_each_node_by_its_name() {
        let text = text(&survey());
        assert!(text.contains("td_up{node=\"pi116\"} 0\n") && text.contains("td_up{node=\"pi110\"} 1\n"));
        assert!(text.contains("td_check_state{node=\"pi111\",check=\"scratch\"} 2\n"), "{text}");
        let mut families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let all = families.len();
        families.sort_unstable();
        families.dedup();
        assert_eq!(families.len(), all);
        assert!(!text.contains("node=\"\""));
    }
}

//! How the time was spent.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::compose::OutputTarget;
use crate::progress::{duration, print_event};
use crate::render::account::Account;
use crate::render::attempt::Rendered;
use crate::render::crew::Crew;
use crate::render::policy::class_word;
use crate::render::request::RenderMethod;
use crate::scene::Class;

/// One node's part.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeReport {
    pub name: String,
    pub rows: u32,
    pub strips: u32,
    /// CPU seconds of POV-Ray for the rows that were sent.
    pub cpu: f64,
    /// CPU seconds of POV-Ray in all.
    pub povray_cpu: f64,
    /// CPU seconds of the agent's own work on them.
    pub agent_cpu: f64,
    /// Share of the parallel part in which each slot had a strip.
    pub busy: Vec<f64>,
    /// Relative speed of a slot.
    pub speed: f64,
    /// What slowed it down during the job, by its own word.
    pub slowed: Option<String>,
}

/// What is told at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub id: String,
    pub method: RenderMethod,
    pub out: OutputTarget,
    pub bytes: u64,
    pub class: Class,
    pub exact: bool,
    pub why: Vec<String>,
    /// From the start of the program to the first strip.
    pub first_sequential: Duration,
    /// From the first strip to the last row.
    pub parallel: Duration,
    /// From the last row to the picture.
    pub second_sequential: Duration,
    pub from_state_file: bool,
    pub why_not_state_file: String,
    pub starts: u32,
    pub shrinks: u32,
    /// Rows that an earlier run of this job finished.
    pub rows_resumed: u32,
    pub rows_from_cache: u32,
    pub rows_verified: Option<u32>,
    pub nodes: Vec<NodeReport>,
    /// What td's own work took.
    pub account: Account,
    pub total: Duration,
}

/// What each node did.
#[must_use]
pub fn nodes(crew: &Crew, rendered: &Rendered) -> Vec<NodeReport> {
    let parallel = rendered.parallel.as_secs_f64().max(1e-9);
    let report = |node: &crate::render::crew::Node| {
        let slots: Vec<_> = node.slots.iter().map(|slot| rendered.tally.get(*slot)).collect();
        NodeReport {
            name: node.client.name().to_owned(),
            rows: slots.iter().map(|slot| slot.rows).sum(),
            strips: slots.iter().map(|slot| slot.strips).sum(),
            cpu: slots.iter().map(|slot| slot.cpu).sum(),
            povray_cpu: slots.iter().map(|slot| slot.povray_cpu).sum(),
            agent_cpu: slots.iter().map(|slot| slot.agent_cpu).sum(),
            busy: slots.iter().map(|slot| (slot.busy / parallel).min(1.0)).collect(),
            speed: node.speed,
            slowed: rendered.slowed.get(&node.id).cloned(),
        }
    };
    crew.nodes.iter().map(report).collect()
}

impl Report {
    /// The ideal time of the parallel part over the real one: the measured cost of all rows, spread over the speeds of
    /// all slots, as if no start cost anything and no slot ever waited.
    #[must_use]
    pub fn efficiency(&self) -> f64 {
        let work: f64 = self.nodes.iter().map(|node| node.cpu * node.speed).sum();
        let speeds: f64 = self.nodes.iter().map(|node| node.speed * node.busy.len() as f64).sum();
        let parallel = self.parallel.as_secs_f64();
        if speeds <= 0.0 || parallel <= 0.0 { 0.0 } else { (work / speeds / parallel).clamp(0.0, 1.0) }
    }

    /// The last event of `--json`.
    pub fn print_json(&self) {
        let nodes: Map<String, Value> = self.nodes.iter().map(|node| (node.name.clone(), node_json(node))).collect();
        let out = match &self.out {
            OutputTarget::Stdout => "-".to_owned(),
            OutputTarget::File(path) => path.display().to_string(),
        };
        print_event(
            "done",
            [
                ("id", self.id.as_str().into()),
                ("method", self.method.word().into()),
                ("out", out.into()),
                ("bytes", self.bytes.into()),
                ("class", class_word(self.class).into()),
                ("exact", self.exact.into()),
                ("why", json!(self.why)),
                (
                    "phases",
                    json!({
                        "first_sequential": seconds(self.first_sequential),
                        "parallel": seconds(self.parallel),
                        "second_sequential": seconds(self.second_sequential),
                    }),
                ),
                ("efficiency", round(self.efficiency()).into()),
                ("from_state_file", self.from_state_file.into()),
                ("povray_starts", self.starts.into()),
                ("shrinks", self.shrinks.into()),
                ("rows_resumed", self.rows_resumed.into()),
                ("rows_from_cache", self.rows_from_cache.into()),
                ("rows_verified", json!(self.rows_verified)),
                ("nodes", nodes.into()),
                ("own_cpu", self.account.json()),
            ],
        );
    }

    /// The lines for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for node in &self.nodes {
            let busy: Vec<String> = node.busy.iter().map(|share| format!("{:.0} %", share * 100.0)).collect();
            let (rows, strips) = (node.rows, node.strips);
            lines.push(format!("  {:<14} {rows} rows in {strips} strips, slots busy {}", node.name, busy.join(", ")));
        }
        if self.rows_resumed > 0 {
            lines.push(format!("  {} rows were finished before the job was resumed", self.rows_resumed));
        }
        if self.rows_from_cache > 0 {
            lines.push(format!(
                "  {} rows lay finished in the nodes' caches (--fresh begins anew)",
                self.rows_from_cache
            ));
        }
        if let Some(rows) = self.rows_verified {
            lines.push(format!("  verified: {rows} rows were rendered again and were equal"));
        }
        lines.push(format!(
            "  1st sequential {:.2} s, parallel {}, 2nd sequential {:.3} s; efficiency {:.0} %",
            self.first_sequential.as_secs_f64(),
            precise(self.parallel.as_secs_f64()),
            self.second_sequential.as_secs_f64(),
            self.efficiency() * 100.0
        ));
        match &self.out {
            OutputTarget::Stdout => {}
            OutputTarget::File(path) => lines.push(format!(
                "{} ({:.1} MB) in {}{}",
                path.display(),
                self.bytes as f64 * 1e-6,
                precise(self.total.as_secs_f64()),
                if self.exact { "" } else { ", not exact" }
            )),
        }
        lines
    }
}

fn precise(seconds: f64) -> String {
    if seconds < 100.0 { format!("{seconds:.2} s") } else { duration(seconds) }
}

fn node_json(node: &NodeReport) -> Value {
    let mut told = json!({
        "rows": node.rows,
        "strips": node.strips,
        "cpu": round(node.cpu),
        "povray_cpu": round(node.povray_cpu),
        "agent_cpu": round(node.agent_cpu),
        "busy": node.busy.iter().map(|share| round(*share)).collect::<Vec<_>>(),
        "speed": round(node.speed),
    });
    if let Some(reason) = &node.slowed {
        told["slowed"] = reason.as_str().into();
    }
    told
}

fn seconds(duration: Duration) -> f64 {
    round(duration.as_secs_f64())
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

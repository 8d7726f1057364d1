//! Reports as text for Prometheus: the exposition format 0.0.4, with names after its conventions (prefix, base units,
//! `_total` for what only grows).
//!
//! One encoder for all ways out: the agent's `GET /metrics`, the file for node_exporter's textfile collector, and the
//! master's `td health --prometheus`. What a report does not say has no sample.

mod families;

use std::fmt::Write as _;

use super::Report;
use families::{FAMILIES, Family};

/// What an answer with this text is called.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whose samples they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// Of the one machine that is asked: Prometheus names it by itself.
    Plain,
    /// Of several: each sample has the label `node`.
    ByNode,
}

/// All families of which there is a sample, each with its help and type once.
#[must_use]
pub fn encode(reports: &[&Report], labels: Labels) -> String {
    let mut text = Exposition::default();
    for Family { name, kind, help, samples } in FAMILIES {
        let mut family = text.family(name, kind, help);
        for report in reports {
            let node = ("node", report.name.as_str());
            samples(report, &mut |own, value| match labels {
                Labels::Plain => family.sample(own, value),
                Labels::ByNode => {
                    let all: Vec<(&str, &str)> = std::iter::once(node).chain(own.iter().copied()).collect();
                    family.sample(&all, value);
                }
            });
        }
    }
    text.0
}

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, until a reboot.
    Counter,
    Gauge,
}

/// Text that grows family by family.
#[derive(Debug, Default)]
pub struct Exposition(pub String);

impl Exposition {
    /// Begins a family. Without a sample nothing of it is written.
    pub fn family<'a>(&'a mut self, name: &'a str, kind: MetricKind, help: &'a str) -> Samples<'a> {
        Samples { text: &mut self.0, name, kind, help, begun: false }
    }
}

/// The samples of one family.
#[derive(Debug)]
pub struct Samples<'a> {
    text: &'a mut String,
    name: &'a str,
    kind: MetricKind,
    help: &'a str,
    begun: bool,
}

impl Samples<'_> {
    /// Writes one. A value that is no number is left out.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        if !value.is_finite() {
            return;
        }
        if !self.begun {
            self.begun = true;
            let kind = match self.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
            };
            let help = self.help.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = write!(self.text, "# HELP {0} {help}\n# TYPE {0} {kind}\n", self.name);
        }
        self.text.push_str(self.name);
        for (at, (name, value)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{name}=\"", if at == 0 { '{' } else { ',' });
            escape(value, self.text);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// A label's value: backslash, quote and line feed are escaped; anything else may stand there.
fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Disk, Fast, Firmware, Link, Load, Look, Memory, Place, Probed, RenderTrial, ShareTrial, Slow};
    use crate::hello::PovrayState;

    /// A report that says everything.
    fn whole() -> Report {
        Report {
            version: 1,
            td: "0.1.0".to_owned(),
            name: "pi111".to_owned(),
            clock: Some(1_795_413_120.5),
            slots: Some(1),
            busy: Some(1),
            povray: Some(PovrayState::Unusable { message: "it is not there".to_owned() }),
            certificate_end: Some(2_110_000_000.0),
            look: Look {
                boot_id: Some("b".to_owned()),
                uptime: Some(3600.25),
                memory: Some(Memory {
                    total: 448 << 20,
                    available: 300 << 20,
                    swap_total: 100 << 20,
                    swap_free: 99 << 20,
                    swapped_in: 4096,
                }),
                load: Some(Load { one: 1.02, five: 1.0, fifteen: 0.5, cores: 1 }),
                oom_kills: Some(2),
                temperature: Some(47.2),
                arm_clock: Some(700e6),
                arm_clock_most: Some(800e6),
                disks: vec![Disk {
                    place: Place::Root,
                    path: "/".to_owned(),
                    size: 15_000_000_000,
                    free: 9_000_000_000,
                    inodes: 900_000,
                    inodes_free: 800_000,
                    read_only: false,
                    in_memory: false,
                }],
            },
            probed: Some(Probed {
                version: 1,
                td: "0.1.0".to_owned(),
                boot_id: "b".to_owned(),
                fast: Some(Fast {
                    at: 3590.0,
                    cpu: 0.05,
                    firmware: Some(Firmware {
                        throttled: Some(0x5_0001),
                        temperature: Some(47.2),
                        arm_clock: Some(800e6),
                        arm_freq: Some(800),
                        gpu_mem: Some(16),
                    }),
                    root_read_only: Some(false),
                    root_wanted_read_only: Some(false),
                    root_given_up: None,
                    card_errors: Some(3),
                    card_error: Some("mmcblk0: error -110".to_owned()),
                    written: Some(1 << 30),
                    share: Some(ShareTrial {
                        path: "/mnt/\"td\\\n".to_owned(),
                        mounted: true,
                        answered: Some(0.25),
                        hangs: None,
                        problem: None,
                        clock_ahead: Some(-0.5),
                        is_server: false,
                    }),
                    links: vec![Link {
                        name: "eth0".to_owned(),
                        speed: Some(100),
                        full_duplex: Some(true),
                        wireless: false,
                        packets: 1000,
                        errors: 1,
                        carrier_changes: Some(2),
                    }],
                    failed_units: Some(vec!["a.service".to_owned()]),
                }),
                slow: Some(Slow {
                    at: 100.0,
                    cpu: 4.5,
                    povray: Some("3.7.0.10".to_owned()),
                    render: Some(RenderTrial { passed: true, seconds: 4.0, problem: None }),
                    imagemagick: Some("6.9.11.60".to_owned()),
                    packages_known: true,
                    pending_reboot: Some(Vec::new()),
                    file_system_checks: Some(Vec::new()),
                }),
            }),
            look_problem: None,
            unprobed: None,
            shut_down_in_order: Some(true),
            write_rate: Some(5e6),
            write_problem: None,
            fast_age: Some(10.25),
            slow_age: Some(3500.25),
        }
    }

    #[test]
    fn all_that_can_be_said() {
        insta::assert_snapshot!(encode(&[&whole()], Labels::Plain));
    }

    #[test]
    fn several_nodes_share_a_familys_head() {
        let some = Report { name: "pi112".to_owned(), slots: Some(4), ..Report::default() };
        let text = encode(&[&whole(), &some], Labels::ByNode);
        assert!(
            text.contains("# TYPE td_slots gauge\ntd_slots{node=\"pi111\"} 1\ntd_slots{node=\"pi112\"} 4\n"),
            "{text}"
        );
        let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
        let mut once = heads.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(heads.len(), once.len());
    }

    #[test]
    fn an_empty_report_has_only_its_version() {
        let text = encode(&[&Report::default()], Labels::Plain);
        assert_eq!(
            text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(),
            ["td_agent_info{version=\"\"} 1"]
        );
    }

    /// Its rules: <https://prometheus.io/docs/practices/naming/>.
    #[test]
    fn names_follow_the_conventions() {
        for family in FAMILIES {
            let name = family.name;
            assert!(name.starts_with("td_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), family.kind == MetricKind::Counter, "{name}");
            assert!(!family.help.is_empty(), "{name}");
        }
    }
}

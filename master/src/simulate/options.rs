//! What to simulate.

use crate::schedule::{JobError, Sharing, Tuning, WriteCost};

use super::maps::{DEFAULT_MAP, built_in_map};

/// Longest start and work, in seconds: some days. An agent tells each second how far it is.
const LONGEST: f64 = 1e6;

/// Who decides which node renders what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// td's own scheduler.
    Td,
    /// One strip of equally many rows for each node (the paper's way).
    EqualStrips,
    /// Guided self-scheduling: a node that is free takes 1/n of what is left (Polychronopoulos and Kuck 1987).
    GuidedSelfScheduling,
    /// Factoring: rounds of n equal chunks, each round half of what is left (Hummel, Schonberg, Flynn 1992).
    Factoring,
}

/// What the scheduler is told of the work, beside strips that begin to trace, end, fail or are lost, and answers to its
/// wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The probe's map and finished bands: what it has to do with, whatever agents tell.
    Bands,
    /// All that today's agents and the probe tell: also each second how far the block at work is, and how long the whole may
    /// take, within 20 %.
    All,
}

/// What to simulate. The defaults are those of `td simulate`.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulateOptions {
    /// Nodes of one slot each.
    pub nodes: u32,
    /// Rows of the image; 1,000 for each node unless set.
    pub rows: Option<u32>,
    /// What one start of POV-Ray takes until it traces, in seconds.
    pub start: f64,
    /// Relative speeds; node k has the one at k modulo their number.
    pub speeds: Vec<f64>,
    /// Speeds are told to the scheduler within this share of the truth.
    pub speed_error: f64,
    /// Total cost of all rows over the sum of the nodes' speeds, in seconds.
    pub work: f64,
    /// The cost of equal runs of rows, top down; only the proportions count.
    pub map: Vec<f64>,
    /// The cost of 8 rows differs from the map by up to this share.
    pub noise: f64,
    /// When the probe's coarse map arrives, in seconds; none: never.
    pub probe_after: Option<f64>,
    /// Runs of rows in the probe's map.
    pub probe_cells: usize,
    /// In place of a probe there is what an earlier job of the same picture measured, before the first cut.
    pub kept_map: bool,
    pub told: Told,
    /// A node whose clock becomes slower or faster says so at most so many seconds later, as `td health` would know; none:
    /// never.
    pub health: Option<f64>,
    /// One message between master and agent, in seconds.
    pub latency: f64,
    /// POV-Ray's block height, and what boundaries are multiples of, in rows.
    pub band_rows: u32,
    pub fine_rows: u32,
    pub sharing: Sharing,
    /// Writing a strip, in seconds at speed 1 (way (b)).
    pub write: WriteCost,
    /// Nodes that become slower or faster at some moment.
    pub changes: Vec<SpeedChange>,
    /// Random faults, from this seed; none: no faults.
    pub faults: Option<u64>,
    /// For all other random choices.
    pub seed: u64,
    pub method: Method,
    pub tuning: Tuning,
}

impl Default for SimulateOptions {
    fn default() -> Self {
        Self {
            nodes: 1000,
            rows: None,
            start: 0.6,
            speeds: vec![1.0],
            speed_error: 0.2,
            work: 600.0,
            map: built_in_map(DEFAULT_MAP).unwrap_or_else(|| vec![1.0]),
            noise: 0.1,
            probe_after: Some(3.0),
            probe_cells: 60,
            kept_map: false,
            told: Told::Bands,
            health: None,
            latency: 0.005,
            band_rows: 32,
            fine_rows: 8,
            sharing: Sharing::Rows,
            write: WriteCost::NONE,
            changes: Vec::new(),
            faults: None,
            seed: 1,
            method: Method::Td,
            tuning: Tuning::default(),
        }
    }
}

impl SimulateOptions {
    /// Rows of the image.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.rows.unwrap_or(self.nodes.saturating_mul(1000))
    }

    /// The true relative speed of a node.
    pub(super) fn speed(&self, node: u32) -> f64 {
        self.speeds[node as usize % self.speeds.len()]
    }

    pub(super) fn total_speed(&self) -> f64 {
        (0..self.nodes).map(|node| self.speed(node)).sum()
    }

    /// Whether it can be simulated.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn check(&self) -> Result<(), OptionsError> {
        let positive = |name, value: f64| {
            if value.is_finite() && value > 0.0 { Ok(()) } else { Err(OptionsError::NotPositive { name, value }) }
        };
        let share = |name, value: f64| {
            if (0.0..1.0).contains(&value) { Ok(()) } else { Err(OptionsError::NoShare { name, value }) }
        };
        let seconds = |name, value: f64| {
            if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(OptionsError::NoDuration { name, value }) }
        };
        let no_longer = |name, value: f64| {
            if value <= LONGEST { Ok(()) } else { Err(OptionsError::TooLong { name, value }) }
        };
        if self.nodes == 0 || self.nodes > 1_000_000 {
            return Err(OptionsError::Nodes(self.nodes));
        }
        if self.height() == 0 || self.height() > 1_000_000_000 {
            return Err(OptionsError::Rows(self.height()));
        }
        if self.speeds.is_empty() {
            return Err(OptionsError::NotPositive { name: "speeds", value: 0.0 });
        }
        for &speed in &self.speeds {
            positive("speeds", speed)?;
        }
        positive("work", self.work)?;
        for change in &self.changes {
            if change.node >= self.nodes {
                return Err(OptionsError::NoSuchNode(change.node));
            }
            seconds("time of a speed change", change.time)?;
            positive("factor of a speed change", change.factor)?;
        }
        no_longer("work", self.work)?;
        seconds("start", self.start)?;
        no_longer("start", self.start)?;
        if self.faults.is_some() && self.method != Method::Td {
            return Err(OptionsError::FaultsOfReference);
        }
        seconds("latency", self.latency)?;
        seconds("probe", self.probe_after.unwrap_or(0.0))?;
        share("speed error", self.speed_error)?;
        share("noise", self.noise)?;
        let total: f64 = self.map.iter().sum();
        if self.map.iter().any(|&cost| !(cost.is_finite() && cost >= 0.0)) || total <= 0.0 {
            return Err(OptionsError::Map);
        }
        Ok(())
    }
}

/// From `time` on, in seconds, a node runs at `factor` of its speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeedChange {
    pub time: f64,
    pub node: u32,
    pub factor: f64,
    /// Whether the node gets less of its processor (a quota, other work), and not a slower clock: what it does not get
    /// is no CPU time.
    pub share: bool,
}

/// Options that cannot be simulated.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum OptionsError {
    #[error("nodes must be 1 to 1000000, is {0}")]
    Nodes(u32),
    #[error("rows must be 1 to 1000000000, is {0}")]
    Rows(u32),
    #[error("there is no node {0}: nodes are counted from 0")]
    NoSuchNode(u32),
    #[error("{name} must be above 0, is {value}")]
    NotPositive { name: &'static str, value: f64 },
    #[error("{name} must be at least 0 and below 1, is {value}")]
    NoShare { name: &'static str, value: f64 },
    #[error("{name} must be at least 0 seconds, is {value}")]
    NoDuration { name: &'static str, value: f64 },
    #[error("{name} must be at most {LONGEST} seconds, is {value}")]
    TooLong { name: &'static str, value: f64 },
    #[error("the methods of the literature know no faults: simulate faults with method td, or leave the faults out")]
    FaultsOfReference,
    #[error("the cost map must have numbers of at least 0, and one above 0")]
    Map,
    #[error(transparent)]
    Job(#[from] JobError),
}

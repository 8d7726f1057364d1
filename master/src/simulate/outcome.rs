//! What comes out of a simulation.

use td_protocol::rows::Rows;

/// Something that happened in a simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimEvent {
    /// Seconds since the beginning.
    pub time: f64,
    pub slot: u32,
    pub kind: SimEventKind,
    /// The rows now settled for `Rows`, else those that the slot's strip was started with; empty where there is none.
    pub rows: Rows,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimEventKind {
    Started,
    /// Started as a copy of a strip that seemed stuck.
    Copied,
    Tracing,
    /// Rows of a strip that the slot has or had are settled: as they arrive, with whole leases when all of them have. Each row
    /// comes once.
    Rows,
    Ended,
    Failed,
    /// The master gave the strip up.
    GivenUp,
    /// The master counts the slot as lost.
    Lost,
    Up,
    Rests,
}

impl SimEventKind {
    /// One word, as in `td simulate --json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Copied => "copied",
            Self::Tracing => "tracing",
            Self::Rows => "rows",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
            Self::Lost => "lost",
            Self::Up => "up",
            Self::Rests => "rests",
        }
    }
}

/// What a simulation came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub nodes: u32,
    pub rows: u32,
    /// Whether all rows were settled.
    pub finished: bool,
    /// Time of the last settled row, in seconds.
    pub makespan: f64,
    /// Start plus total cost over the sum of the speeds, in seconds; with faults, the speeds that were there.
    pub ideal: f64,
    /// `ideal` over `makespan`; 0 where not finished.
    pub efficiency: f64,
    /// Strips started, and the most there may be; the methods of the literature promise none.
    pub starts: u32,
    pub start_bound: Option<u64>,
    pub shrinks: u32,
    pub copies: u32,
    /// Strips lost with their node, and strips that failed.
    pub losses: u32,
    pub failures: u32,
    /// Rows settled twice; 0, or the scheduler is wrong.
    pub rows_twice: u32,
    /// Rows that the scheduler found without an owner, and gave out again; 0, or it is wrong.
    pub rows_forgotten: u32,
    /// Rows rendered, over rows: above 1 where rows were rendered more than once.
    pub rendered_share: f64,
    /// Events that the scheduler decided on, and the CPU seconds that all decisions took.
    pub events: u64,
    pub decision_seconds: f64,
}

impl Summary {
    /// What must not come of any simulation, whatever the nodes do: a sentence for each. Tests and `td simulate` judge by the
    /// same, so what fails in a test fails when it is played again.
    #[must_use]
    pub fn what_is_wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !self.finished {
            wrong.push(format!("not all of the {} rows were settled", self.rows));
        }
        if self.rows_twice > 0 {
            wrong.push(format!("the scheduler settled {} rows twice", self.rows_twice));
        }
        if self.rows_forgotten > 0 {
            wrong.push(format!(
                "the scheduler left {} rows without an owner, and gave them out again at the end",
                self.rows_forgotten
            ));
        }
        if let Some(bound) = self.start_bound.filter(|&bound| u64::from(self.starts) > bound) {
            wrong.push(format!("the scheduler started {} strips, at most {bound} are allowed", self.starts));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Summary {
        Summary {
            nodes: 8,
            rows: 1200,
            finished: true,
            makespan: 64.0,
            ideal: 60.0,
            efficiency: 0.9375,
            starts: 20,
            start_bound: Some(20),
            shrinks: 12,
            copies: 0,
            losses: 0,
            failures: 0,
            rows_twice: 0,
            rows_forgotten: 0,
            rendered_share: 1.0,
            events: 400,
            decision_seconds: 0.001,
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence_each() {
        assert!(good().what_is_wrong().is_empty());
        let wrong = Summary { finished: false, rows_twice: 3, rows_forgotten: 8, start_bound: Some(19), ..good() };
        assert_eq!(
            wrong.what_is_wrong(),
            [
                "not all of the 1200 rows were settled",
                "the scheduler settled 3 rows twice",
                "the scheduler left 8 rows without an owner, and gave them out again at the end",
                "the scheduler started 20 strips, at most 19 are allowed",
            ]
        );
    }

    #[test]
    fn who_promises_no_bound_on_starts_breaks_none() {
        assert!(Summary { starts: 9000, start_bound: None, ..good() }.what_is_wrong().is_empty());
    }
}

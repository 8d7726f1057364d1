//! Methods from the literature, on the same simulated nodes, as references.
//!
//! They know neither speeds nor costs; what they know is that a free node asks for more. Chunks are whole bands.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use td_protocol::rows::Rows;

use super::options::{Method, SimulateOptions};
use super::outcome::{SimEvent, SimEventKind, Summary};
use super::picture::Picture;

/// When a node is free, in whole nanoseconds so that it can be a key.
type Free = Reverse<(u64, u32)>;

/// How much the next free node takes.
struct Chunks {
    method: Method,
    nodes: u32,
    band: u32,
    /// Factoring: chunks left in this round, and their rows.
    round: (u32, u32),
}

impl Chunks {
    fn next(&mut self, left: u32, height: u32) -> u32 {
        let whole = |rows: u32| rows.div_ceil(self.band).saturating_mul(self.band);
        match self.method {
            Method::EqualStrips | Method::Td => height.div_ceil(self.nodes),
            Method::GuidedSelfScheduling => whole(left.div_ceil(self.nodes)),
            Method::Factoring => {
                if self.round.0 == 0 {
                    self.round = (self.nodes, whole(left.div_ceil(self.nodes.saturating_mul(2))));
                }
                self.round.0 -= 1;
                self.round.1
            }
        }
        .clamp(1, left)
    }
}

pub(super) fn run(options: &SimulateOptions, heard: &mut dyn FnMut(SimEvent)) -> Summary {
    let picture = Picture::new(options);
    let height = options.height();
    let mut free: BinaryHeap<Free> = (0..options.nodes).map(|node| Reverse((0, node))).collect();
    let mut chunks =
        Chunks { method: options.method, nodes: options.nodes, band: options.fine_rows.max(1), round: (0, 0) };
    let (mut row, mut starts, mut makespan) = (0, 0u32, 0.0f64);
    let mut events = Vec::new();
    while row < height
        && let Some(Reverse((nanoseconds, node))) = free.pop()
    {
        let now = nanoseconds as f64 * 1e-9;
        let end = row + chunks.next(height - row, height);
        let rows = Rows::new(row, end);
        let traces = now + options.latency + options.start;
        let done = traces + (picture.cost(rows) + options.write.seconds(end, height)) / options.speed(node);
        for (time, kind) in [
            (now, SimEventKind::Started),
            (traces, SimEventKind::Tracing),
            (done, SimEventKind::Rows),
            (done, SimEventKind::Ended),
        ] {
            events.push(SimEvent { time, slot: node, kind, rows });
        }
        makespan = makespan.max(done);
        starts += 1;
        row = end;
        free.push(Reverse((((done + options.latency) * 1e9) as u64, node)));
    }
    events.sort_by(|one, other| one.time.total_cmp(&other.time));
    events.into_iter().for_each(heard);
    let ideal = options.start + options.work;
    Summary {
        nodes: options.nodes,
        rows: height,
        finished: true,
        makespan,
        ideal,
        efficiency: ideal / makespan,
        starts,
        start_bound: None,
        shrinks: 0,
        copies: 0,
        losses: 0,
        failures: 0,
        rows_twice: 0,
        rows_forgotten: 0,
        rendered_share: 1.0,
        events: u64::from(starts),
        decision_seconds: 0.0,
    }
}

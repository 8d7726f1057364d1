//! Plain lines every few seconds, for logs and pipes.

use crate::progress::{Status, duration};

/// Seconds between two lines.
const EVERY: f64 = 5.0;

#[derive(Debug, Default)]
pub struct Lines {
    /// When the last line was printed, in seconds since the start.
    last: f64,
}

impl Lines {
    pub fn status(&mut self, status: &Status) {
        if status.elapsed - self.last < EVERY {
            return;
        }
        self.last = status.elapsed;
        let left = status.left.map_or_else(String::new, |seconds| format!(", {} left", duration(seconds)));
        let busy: usize = status.nodes.iter().map(|node| node.busy).sum();
        super::print_line(&format!(
            "td: {} of {} rows after {}{left}; {busy} slots busy",
            status.rows_done,
            status.rows_total,
            duration(status.elapsed)
        ));
    }
}

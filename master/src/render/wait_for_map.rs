//! The first cut's wait for the cost map that the master's own view gives.
//!
//! With a map before the first cut the strips come out even; without one the mending steals cost a start of POV-Ray each. A view
//! is as large as the master traces in a small part of the time that the nodes will need, but how long that is in seconds
//! shows only while it traces.

use std::time::Duration;

use td_protocol::probe::ViewProgress;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use crate::render::attempt::AttemptEnd;
use crate::render::failure::RenderError;
use crate::render::heard::Heard;
use crate::render::looping::Run;

/// How long the first cut waits in any case, where the master is so many times faster than a node: there the nodes need
/// longer to start POV-Ray than the master to trace the small view.
const USUAL: Duration = Duration::from_secs(2);
const MUCH_FASTER: f64 = 4.0;
/// How long it waits where the view will be traced by then. A view that takes longer belongs to a job of some minutes, in
/// which a few more starts matter less.
const LONGEST: Duration = Duration::from_secs(5);

/// How long the first cut waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapWait {
    usual: Duration,
    longest: Duration,
}

impl MapWait {
    /// `master` and `nodes` are the speeds of the master and of the fastest node's slots, of which there are `slots` in all. For one
    /// alone there is nothing to cut.
    #[must_use]
    pub fn of(master: f64, nodes: f64, slots: usize) -> Self {
        if slots > 1 && master >= MUCH_FASTER * nodes {
            Self { usual: USUAL, longest: LONGEST }
        } else {
            Self { usual: Duration::ZERO, longest: Duration::ZERO }
        }
    }

    /// How long to wait in all, if the map is expected so long after the wait's begin.
    fn until(self, expected: Option<Duration>) -> Duration {
        if expected.is_some_and(|expected| expected <= self.longest) { self.longest } else { self.usual }
    }
}

/// How long the rest of a view takes, if its rows cost as much as those before; none as long as nothing tells.
#[must_use]
pub fn time_left(progress: ViewProgress) -> Option<Duration> {
    let ViewProgress { rows, seconds } = progress;
    if !(rows > 0.0 && rows <= 1.0) {
        return None;
    }
    Duration::try_from_secs_f64(seconds * (1.0 - rows) / rows).ok()
}

impl Run<'_, '_> {
    /// Waits for the map, where it is about to come.
    pub(super) async fn wait_for_map(
        &mut self,
        hear: &mut Receiver<Heard>,
        interrupted: &mut Receiver<()>,
    ) -> Result<(), AttemptEnd> {
        let Some(wait) = self.own_probe else { return Ok(()) };
        let begun = Instant::now();
        let mut expected = None;
        while self.own_probe.is_some() && !self.costs_known {
            tokio::select! {
                heard = hear.recv() => match heard {
                    Some(Heard::ViewProgress(progress)) => {
                        tracing::debug!("waiting for the map: {:.0} % of the view is traced", progress.rows * 100.0);
                        expected = time_left(progress).map(|left| begun.elapsed().saturating_add(left));
                    }
                    Some(heard) => self.take(heard)?,
                    None => return Ok(()),
                },
                _ = interrupted.recv() => return Err(RenderError::Interrupted.into()),
                () = tokio::time::sleep_until(begun + wait.until(expected)) => return Ok(()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(rows: f64, seconds: f64) -> Option<f64> {
        time_left(ViewProgress { rows, seconds }).map(|left| left.as_secs_f64())
    }

    #[test]
    fn the_rest_takes_what_the_rows_before_let_expect() {
        assert_eq!(left(0.25, 0.5), Some(1.5));
        assert_eq!(left(1.0, 3.0), Some(0.0));
        for (rows, seconds) in
            [(0.0, 1.0), (-0.5, 1.0), (1.5, 1.0), (f64::NAN, 1.0), (0.5, f64::NAN), (0.5, -1.0), (1e-300, 1e300)]
        {
            assert_eq!(left(rows, seconds), None, "{rows} {seconds}");
        }
    }

    #[test]
    fn who_expects_the_map_soon_waits_for_it() {
        let wait = MapWait::of(2.9, 0.05, 8);
        assert_eq!(wait.until(None), USUAL);
        assert_eq!(wait.until(Some(Duration::from_millis(2100))), LONGEST);
        assert_eq!(wait.until(Some(Duration::from_millis(5100))), USUAL);
        // Nodes nearly as fast as the master begin at once.
        assert_eq!(MapWait::of(2.9, 1.5, 8).until(Some(Duration::from_millis(1))), Duration::ZERO);
        assert_eq!(MapWait::of(2.9, 0.05, 1).until(None), Duration::ZERO, "one slot gets all rows");
    }
}

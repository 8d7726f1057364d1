//! What the master wants of a running strip, shared between the server and the thread that renders.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use td_protocol::rows::Rows;
use td_protocol::strip::{Shrink, Shrunk, Way};

use crate::povray::watch::Watch;

/// One running strip's wishes and bounds.
#[derive(Debug)]
pub struct Control {
    state: Mutex<State>,
    /// Can be read when something has changed. Without one, changes are seen at the renderer's next look.
    bell: Option<OwnedFd>,
}

#[derive(Debug)]
struct State {
    wishes: Wishes,
    /// Rows before this one are finished.
    finished: u32,
    epoch: u32,
    grid: BandGrid,
    /// Seconds until POV-Ray traced, once it does; only for strips that may yield.
    start_seconds: Option<f64>,
    may_yield: bool,
    yielded: bool,
}

/// Where bands begin: as POV-Ray's blocks do, at the first row of the strip and each `height` rows below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BandGrid {
    pub origin: u32,
    pub height: u32,
}

impl BandGrid {
    /// The end of the band that holds `row`.
    #[must_use]
    pub fn end_of_band(self, row: u32) -> u32 {
        let height = self.height.max(1);
        let bands = row.saturating_sub(self.origin) / height + 1;
        self.origin.saturating_add(bands.saturating_mul(height))
    }

    /// The first boundary at or below `row`.
    #[must_use]
    pub fn boundary_from(self, row: u32) -> u32 {
        let height = self.height.max(1);
        self.origin.saturating_add(row.saturating_sub(self.origin).div_ceil(height).saturating_mul(height))
    }
}

/// A look at what is wanted now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wishes {
    pub way: Way,
    /// The end of the strip; only ever moves up the picture.
    pub end: u32,
    pub cancelled: bool,
}

impl Control {
    #[must_use]
    pub fn new(rows: Rows, grid: BandGrid, way: Way) -> Self {
        let wishes = Wishes { way, end: rows.end, cancelled: false };
        let state = State {
            wishes,
            finished: rows.start,
            epoch: 0,
            grid,
            start_seconds: None,
            may_yield: false,
            yielded: false,
        };
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok();
        Self { state: Mutex::new(state), bell }
    }

    /// Lets the strip be ended early where another job waits for its slot.
    pub fn allow_yield(&self) {
        self.lock().may_yield = true;
    }

    /// POV-Ray began to trace.
    pub fn tracing_after(&self, seconds: f64) {
        let mut state = self.lock();
        state.start_seconds = Some(seconds).filter(|_| state.may_yield);
    }

    /// What the start took, if the strip has begun to trace and may yield.
    #[must_use]
    pub fn start_seconds(&self) -> Option<f64> {
        self.lock().start_seconds
    }

    /// Ends the strip at its first unfinished band.
    pub fn yield_rows(&self) {
        let mut state = self.lock();
        let begun = state.grid.end_of_band(state.finished);
        if state.may_yield && state.finished < state.wishes.end && begun < state.wishes.end {
            state.wishes.end = begun;
            state.yielded = true;
        }
        drop(state);
        self.ring();
    }

    /// Whether it was ended early for another job.
    #[must_use]
    pub fn has_yielded(&self) -> bool {
        self.lock().yielded
    }

    #[must_use]
    pub fn wishes(&self) -> Wishes {
        self.lock().wishes
    }

    /// Waits until somebody wishes something, something happens in the `watch`ed folder, or the time is over.
    #[must_use]
    pub fn wait(&self, watch: &Watch, time: Duration) -> Wishes {
        watch.wait(self.bell.as_ref().map(|bell| bell.as_fd()), time);
        if let Some(bell) = &self.bell {
            // Before the look at the wishes: what is wished after it rings again.
            let _ = rustix::io::read(bell, &mut [0; 8]);
        }
        self.wishes()
    }

    /// Says that something has changed.
    fn ring(&self) {
        if let Some(bell) = &self.bell {
            // A bell that cannot take another ring is rung already.
            let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
        }
    }

    /// Rows before `row` are finished from now on: no shrink takes them away.
    pub fn finished(&self, row: u32) {
        let mut state = self.lock();
        state.finished = state.finished.max(row);
    }

    /// All rows of the strip are finished: its end, which holds from now on.
    #[must_use]
    pub fn finish_all(&self) -> u32 {
        let mut state = self.lock();
        state.finished = state.finished.max(state.wishes.end);
        state.wishes.end
    }

    /// Takes rows away from the lower end, as far as they are not begun: the first unfinished band stays.
    /// An epoch that is not newer than the last changes nothing; the end that holds is answered all the same.
    #[must_use]
    pub fn shrink(&self, wish: Shrink) -> Shrunk {
        let mut state = self.lock();
        if wish.epoch > state.epoch {
            state.epoch = wish.epoch;
            let begun = state.grid.end_of_band(state.finished);
            let aligned = state.grid.boundary_from(wish.new_end);
            if state.finished < state.wishes.end {
                state.wishes.end = state.wishes.end.min(aligned.max(begun));
            }
        }
        let answer = Shrunk { epoch: wish.epoch, end: state.wishes.end };
        drop(state);
        self.ring();
        answer
    }

    /// Decides how rows leave. Way (b) is final: a guard that said no is not overruled.
    pub fn set_way(&self, way: Way) {
        let mut state = self.lock();
        if state.wishes.way != Way::Writer {
            state.wishes.way = way;
        }
        drop(state);
        self.ring();
    }

    pub fn cancel(&self) {
        self.lock().wishes.cancelled = true;
        self.ring();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Control {
        Control::new(Rows::new(64, 640), BandGrid { origin: 0, height: 32 }, Way::Undecided)
    }

    #[test]
    fn the_first_unfinished_band_stays() {
        let control = control();
        control.finished(128);
        assert_eq!(control.shrink(Shrink { epoch: 1, new_end: 64 }).end, 160);
        assert_eq!(control.wishes().end, 160);
    }

    #[test]
    fn an_old_epoch_changes_nothing() {
        let control = control();
        assert_eq!(control.shrink(Shrink { epoch: 2, new_end: 320 }).end, 320);
        assert_eq!(control.shrink(Shrink { epoch: 1, new_end: 128 }).end, 320);
        assert_eq!(control.shrink(Shrink { epoch: 2, new_end: 128 }).end, 320);
    }

    #[test]
    fn an_end_never_moves_down_and_lies_between_bands() {
        let control = control();
        assert_eq!(control.shrink(Shrink { epoch: 1, new_end: 100 }).end, 128);
        assert_eq!(control.shrink(Shrink { epoch: 2, new_end: 600 }).end, 128);
    }

    #[test]
    fn bands_are_counted_from_the_first_row_of_the_part() {
        let grid = BandGrid { origin: 10, height: 32 };
        assert_eq!(grid.end_of_band(10), 42);
        assert_eq!(grid.end_of_band(41), 42);
        assert_eq!(grid.boundary_from(42), 42);
        assert_eq!(grid.boundary_from(43), 74);
    }

    #[test]
    fn only_a_strip_that_may_yields_and_keeps_the_band_it_is_at() {
        let control = control();
        control.finished(100);
        control.yield_rows();
        assert_eq!((control.wishes().end, control.has_yielded()), (640, false));
        control.allow_yield();
        control.yield_rows();
        assert_eq!((control.wishes().end, control.has_yielded()), (128, true));
        assert_eq!(control.shrink(Shrink { epoch: 1, new_end: 64 }).end, 128);
    }

    #[test]
    fn a_wish_ends_the_wait_also_when_it_came_before() {
        let folder = tempfile::tempdir().unwrap();
        let (control, watch) = (control(), Watch::on(folder.path()));
        let long = Duration::from_secs(60);
        let begun = std::time::Instant::now();
        control.cancel();
        assert!(control.wait(&watch, long).cancelled);
        assert!(begun.elapsed() < long);
        // It was heard: the next wait lasts its time.
        let (begun, short) = (std::time::Instant::now(), Duration::from_millis(30));
        assert!(control.wait(&watch, short).cancelled);
        assert!(begun.elapsed() >= short);
    }

    #[test]
    fn way_b_is_final() {
        let control = control();
        control.set_way(Way::Writer);
        control.set_way(Way::Undecided);
        assert_eq!(control.wishes().way, Way::Writer);
    }
}

//! The agent's slots, shared fairly between the jobs of several masters.
//!
//! A strip that finds no slot free waits for one, and says `alive` meanwhile: its master need not ask again. Of those that
//! wait the one goes first whose job holds the fewest slots. A strip that runs may take hours, so a job that holds more than
//! its share gives some back: its strip is ended at the next band, and its master starts what is left of it anew, in its
//! turn. Who yields and when is decided in [`fair`], which has no clock and no lock.

pub mod fair;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::strip::control::Control;
use fair::{Holding, Yield};

/// Pause between two looks of a strip that waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// All slots of an agent.
#[derive(Debug)]
pub struct Slots {
    total: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    holders: Vec<Holder>,
    waiting: VecDeque<(u64, String)>,
}

#[derive(Debug)]
struct Holder {
    number: u64,
    job: String,
    since: Instant,
    /// None for what cannot be ended early.
    control: Option<Arc<Control>>,
    asked: bool,
}

/// A slot that is held; free again when this is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    number: u64,
}

impl Slots {
    #[must_use]
    pub fn new(total: u32) -> Arc<Self> {
        Arc::new(Self { total: total as usize, state: Mutex::default(), freed: Condvar::new() })
    }

    /// Waits for a slot for `job`. `goes_on` is asked several times a second and ends the wait with false. A strip whose
    /// `control` is given may be told to yield.
    #[must_use]
    pub fn wait(
        self: &Arc<Self>,
        job: &str,
        control: Option<&Arc<Control>>,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Option<Slot> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.push_back((number, job.to_owned()));
        loop {
            if state.holders.len() < self.total && state.is_next(number) {
                state.waiting.retain(|(waiting, _)| *waiting != number);
                let control = control.cloned();
                state.holders.push(Holder {
                    number,
                    job: job.to_owned(),
                    since: Instant::now(),
                    control,
                    asked: false,
                });
                drop(state);
                // Several slots may be free, and each of those that wait looks only when it is told to.
                self.freed.notify_all();
                return Some(Slot { slots: Arc::clone(self), number });
            }
            state.ask_for_one();
            drop(state);
            if !goes_on() {
                self.lock().waiting.retain(|(waiting, _)| *waiting != number);
                self.freed.notify_all();
                return None;
            }
            let waited = self.freed.wait_timeout(self.lock(), LOOK_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Slots that are held.
    #[must_use]
    pub fn busy(&self) -> u32 {
        u32::try_from(self.lock().holders.len()).unwrap_or(u32::MAX)
    }

    /// Slots that nobody holds or waits for.
    #[must_use]
    pub fn free(&self) -> usize {
        let state = self.lock();
        self.total.saturating_sub(state.holders.len() + state.waiting.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn jobs_waiting(&self) -> Vec<&str> {
        self.waiting.iter().map(|(_, job)| job.as_str()).collect()
    }

    fn holdings(&self) -> Vec<Holding<'_>> {
        self.holders.iter().map(Holder::holding).collect()
    }

    /// Whether the next free slot is this one's.
    fn is_next(&self, number: u64) -> bool {
        let next = fair::next(&self.holdings(), &self.jobs_waiting());
        next.and_then(|index| self.waiting.get(index)).is_some_and(|(waiting, _)| *waiting == number)
    }

    /// Asks a strip to yield, if one should.
    fn ask_for_one(&mut self) {
        let Yield::Ask(index) = fair::who_yields(&self.holdings(), &self.jobs_waiting()) else { return };
        let Some(holder) = self.holders.get_mut(index) else { return };
        holder.asked = true;
        if let Some(control) = &holder.control {
            control.yield_rows();
        }
    }
}

impl Holder {
    fn holding(&self) -> Holding<'_> {
        Holding {
            job: &self.job,
            seconds: self.since.elapsed().as_secs_f64(),
            start_seconds: self.control.as_ref().and_then(|control| control.start_seconds()),
            asked: self.asked,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().holders.retain(|holder| holder.number != self.number);
        self.slots.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_waited_for_and_given_up_for() {
        let slots = Slots::new(1);
        let held = slots.wait("a", None, &mut || true).unwrap();
        let mut looks = 0;
        let impatient = slots.wait("b", None, &mut || {
            looks += 1;
            looks < 3
        });
        assert!(impatient.is_none());
        assert!(slots.lock().waiting.is_empty());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.wait("b", None, &mut || true).is_some());
            while slots.lock().waiting.is_empty() {
                std::thread::yield_now();
            }
            drop(held);
            assert!(waiting.join().unwrap());
        });
        assert!(slots.lock().holders.is_empty());
    }

    #[test]
    fn never_more_than_there_are() {
        let slots = Slots::new(3);
        let inside = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..12 {
                let (slots, inside) = (&slots, &inside);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let slot = slots.wait(&(thread % 4).to_string(), None, &mut || true).unwrap();
                        assert!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 3);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(slot);
                    }
                });
            }
        });
    }
}

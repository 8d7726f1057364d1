//! When to look at the state file next.
//!
//! A look costs some tens of microseconds of a desktop's CPU, and twenty times that of a Raspberry Pi 1's. Rows only
//! leave when a row of blocks is whole, so looks are spaced by when that will be, and in any case so that they take at
//! most a small share of the CPU that POV-Ray itself gets: on a node that is slow or shared looks are fewer.

use std::time::Duration;

/// Bounds of the pauses between looks.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub shortest: Duration,
    /// Whoever looks has also to notice its master's wishes, and to say that it is alive.
    pub longest: Duration,
    /// Looks may take this share of what POV-Ray takes ...
    pub share: f64,
    /// ... but there is one at least whenever the trace has got longer by this part of itself: a short trace is to be seen
    /// well too, and a long one gets few looks by it.
    pub growth: Option<f64>,
}

/// For strips.
pub const STRIP: Bounds =
    Bounds { shortest: Duration::from_millis(25), longest: Duration::from_millis(500), share: 0.01, growth: Some(0.5) };
/// For small views, whose cost map is as fine as the looks are frequent.
pub const VIEW: Bounds = Bounds {
    shortest: Duration::from_millis(1),
    longest: Duration::from_millis(100),
    share: 0.03,
    growth: Some(1.0 / 16.0),
};

/// For a view that several threads trace, on a desktop: a look at nothing new is nothing beside what the blocks themselves take to
/// read, however many come at a time. One that parses or traces for long is not looked at without need.
pub const VIEW_OF_THREADS: Bounds = Bounds { growth: Some(1.0 / 160.0), ..VIEW };

/// Weight of the newest value in a mean.
const WEIGHT: f64 = 0.3;
/// A little before the predicted moment: looking late costs the node's time, looking early only a look.
const EARLY: f64 = 0.95;
/// Lowest share of a core that POV-Ray is taken to get: it may be stopped.
const LEAST_RATE: f64 = 0.002;

/// What one look found.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Seconds on any clock.
    pub now: f64,
    /// CPU seconds of POV-Ray so far.
    pub povray_cpu: f64,
    /// CPU seconds of this look.
    pub own_cpu: f64,
    /// Blocks that were new.
    pub blocks: u32,
    /// Blocks until the next row of blocks is whole; 0 while nothing is traced.
    pub blocks_left: u32,
}

/// Means over the looks so far.
#[derive(Debug)]
pub struct Pacing {
    bounds: Bounds,
    last: Option<Look>,
    look_cpu: f64,
    /// CPU seconds of POV-Ray in a second.
    rate: Option<f64>,
    block_seconds: Option<f64>,
    /// When the last block was seen.
    block_at: f64,
    /// When the trace began.
    traces_since: Option<f64>,
}

impl Pacing {
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self { bounds, last: None, look_cpu: 0.0, rate: None, block_seconds: None, block_at: 0.0, traces_since: None }
    }

    /// POV-Ray traces from now on: how much of the processor it got while it started tells nothing of what comes.
    /// `now` is on the looks' clock.
    pub fn begin_tracing(&mut self, now: f64) {
        self.rate = None;
        self.last = None;
        self.traces_since = Some(now);
    }

    /// How long to wait after this look.
    pub fn next(&mut self, look: Look) -> Duration {
        self.look_cpu += WEIGHT * (look.own_cpu - self.look_cpu);
        if let Some(last) = self.last {
            let passed = look.now - last.now;
            if passed > 0.0 {
                mean(&mut self.rate, ((look.povray_cpu - last.povray_cpu) / passed).clamp(0.0, 1.0));
            }
        }
        if look.blocks > 0 {
            if self.block_at > 0.0 {
                mean(&mut self.block_seconds, (look.now - self.block_at) / f64::from(look.blocks));
            }
            self.block_at = look.now;
        }
        self.last = Some(look);
        let by_cost = self.look_cpu / self.bounds.share / self.rate.unwrap_or(1.0).max(LEAST_RATE);
        let traced = self.traces_since.map(|since| look.now - since);
        let by_growth = self.bounds.growth.zip(traced).map(|(growth, traced)| growth * traced);
        let by_cost = by_growth.map_or(by_cost, |most| by_cost.min(most));
        let by_row = match self.block_seconds {
            Some(seconds) if look.blocks_left > 0 => {
                EARLY * (seconds * f64::from(look.blocks_left) - (look.now - self.block_at))
            }
            _ => 0.0,
        };
        let (shortest, longest) = (self.bounds.shortest.as_secs_f64(), self.bounds.longest.as_secs_f64());
        let pause = by_cost.max(by_row).clamp(shortest, longest);
        Duration::from_secs_f64(pause)
    }
}

fn mean(mean: &mut Option<f64>, value: f64) {
    *mean = Some(mean.map_or(value, |mean| mean + WEIGHT * (value - mean)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks for a while at a POV-Ray that gets `rate` of a core and finishes a block every `block` seconds.
    fn pause(rate: f64, block: f64, own_cpu: f64, blocks_left: u32) -> f64 {
        let mut pacing = Pacing::new(STRIP);
        let mut now = 1.0;
        let mut seen = 0;
        let mut pause = Duration::ZERO;
        for _ in 0..200 {
            let blocks = ((now - 1.0) / block) as u32;
            let look = Look { now, povray_cpu: now * rate, own_cpu, blocks: blocks - seen, blocks_left };
            seen = blocks;
            pause = pacing.next(look);
            now += pause.as_secs_f64();
        }
        pause.as_secs_f64()
    }

    #[test]
    fn a_quick_node_is_looked_at_often() {
        assert!((pause(1.0, 0.001, 30e-6, 20) - 0.025).abs() < 1e-9);
    }

    #[test]
    fn looks_take_a_hundredth_of_what_a_slow_node_gives() {
        let seconds = pause(0.016, 0.07, 30e-6, 1);
        assert!(30e-6 / seconds <= 0.016 * 0.0101, "{seconds}");
    }

    #[test]
    fn nobody_looks_while_a_row_of_blocks_cannot_be_whole() {
        assert!(pause(1.0, 0.07, 30e-6, 20) > 0.4);
    }

    #[test]
    fn a_short_trace_is_seen_well_even_where_looks_are_dear() {
        let mut pacing = Pacing::new(VIEW);
        pacing.begin_tracing(0.0);
        let looks = |pacing: &mut Pacing, from: f64, until: f64| {
            let (mut now, mut looks) = (from, 0);
            while now < until {
                let look = Look { now, povray_cpu: now, own_cpu: 1e-3, blocks: 1, blocks_left: 0 };
                now += pacing.next(look).as_secs_f64();
                looks += 1;
            }
            looks
        };
        assert!(looks(&mut pacing, 0.0, 0.04) > 20);
        assert!(looks(&mut pacing, 0.04, 10.0) < 400);
    }

    #[test]
    fn looks_at_what_several_threads_trace_stay_close_however_much_they_read() {
        let farthest = |bounds: Bounds, until: f64| {
            let mut pacing = Pacing::new(bounds);
            pacing.begin_tracing(0.0);
            let (mut now, mut farthest) = (0.0, Duration::ZERO);
            while now < until {
                let look = Look { now, povray_cpu: 2.0 * now, own_cpu: 1.5e-3, blocks: 10, blocks_left: 0 };
                let pause = pacing.next(look);
                farthest = farthest.max(pause);
                now += pause.as_secs_f64();
            }
            farthest
        };
        assert!(farthest(VIEW, 0.4) > Duration::from_millis(20));
        assert!(farthest(VIEW_OF_THREADS, 0.4) <= Duration::from_millis(3));
        assert!(farthest(VIEW_OF_THREADS, 8.0) > Duration::from_millis(40), "a long one is seen well all the same");
    }

    #[test]
    fn a_start_that_waits_for_its_own_threads_does_not_make_later_looks_rare() {
        let mut pacing = Pacing::new(VIEW);
        let mut look = Look { now: 0.0, povray_cpu: 0.001, own_cpu: 30e-6, blocks: 0, blocks_left: 0 };
        for _ in 0..20 {
            look.now += pacing.next(look).as_secs_f64();
        }
        assert!(pacing.next(look) > Duration::from_millis(20));
        pacing.begin_tracing(look.now);
        assert!(pacing.next(look) < Duration::from_millis(3));
    }

    #[test]
    fn a_stopped_povray_is_looked_at_all_the_same() {
        let seconds = pause(0.0, 1e9, 1e-3, 1);
        assert!((seconds - STRIP.longest.as_secs_f64()).abs() < 1e-9, "{seconds}");
    }
}

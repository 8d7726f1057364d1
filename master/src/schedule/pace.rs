//! How fast a slot really is, and how costly the rows really are, from finished rows.
//!
//! A band's time says one thing about two unknowns: it was slow because the slot is slower than it was measured, or
//! because its rows cost more than the map says. The blame is shared in proportion to how little is known of each (a
//! Kalman filter with two states, all in logarithms). What the CPU clock does not show (a stopped or shared machine) is
//! kept apart, as load.

/// How a slot differs from the speed that its agent measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotPace {
    /// As measured at the agent's start, relative.
    pub speed: f64,
    /// Logarithm of true speed over measured speed.
    offset: f64,
    offset_variance: f64,
    /// Logarithm of wall time over CPU time.
    load: f64,
    /// Wall and CPU seconds that the load was learnt from; what is long ago counts less.
    wall: f64,
    cpu: f64,
}

/// How the cost of rows around a strip's frontier differs from the map.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldEstimate {
    /// Logarithm of seconds at speed 1 per unit of the cost map.
    log_cost: f64,
    variance: f64,
    /// What was expected before any of its rows was finished, and how much of that is still in `log_cost`.
    expected: f64,
    share: f64,
}

/// Speeds are told within 20 %: a standard deviation of about 0.14.
const SPEED_VARIANCE: f64 = 0.02;
/// The same among slots of one model, which measured about one speed.
const SPEED_VARIANCE_OF_ONE_MODEL: f64 = 0.002;
/// How a slot's true speed drifts from one band to the next.
const SPEED_DRIFT: f64 = 0.003;
/// How far the cost of a part of a picture may be from the mean (no map) or from the map.
const FIELD_VARIANCE: [f64; 2] = [0.5, 0.02];
/// How it drifts from one band to the next.
const FIELD_DRIFT: [f64; 2] = [0.02, 0.003];
/// Noise of one band's time.
const NOISE: f64 = 0.01;
/// Times below this, in seconds, are hardly measured at all.
pub(super) const SHORT: f64 = 0.02;
/// One band moves no estimate by more than it would with this error (a factor of 7.4).
const LARGEST_ERROR: f64 = 2.0;
/// Seconds in which what was learnt of the load fades to 1/e. An agent looks at POV-Ray now and then, so that a band's
/// wall time may be off by half a second, and several bands may come at once.
const LOAD_MEMORY: f64 = 3.0;
/// Of less than this, in wall seconds, nothing is concluded.
const LEAST_WALL: f64 = 0.25;
/// Logarithm of a slot's deviation that is charged to its rows in the next job's map.
const LEFT_TO_THE_ROWS: f64 = 0.3;
/// Logarithm of the highest load that is believed.
const HIGHEST_LOAD: f64 = 6.0;

/// What one report of finished rows said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// Units of the cost map.
    pub units: f64,
    /// CPU seconds spent on them, and since then on others.
    pub cpu: f64,
    pub ahead: f64,
    /// Seconds passed.
    pub wall: f64,
}

impl SlotPace {
    pub fn new(speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed.clamp(1e-6, 1e6) } else { 1.0 };
        Self { speed, offset: 0.0, offset_variance: SPEED_VARIANCE, load: 0.0, wall: 0.0, cpu: 0.0 }
    }

    /// What was measured is more to be relied on: others measured the same.
    pub fn rely_on_it(&mut self) {
        self.offset_variance = self.offset_variance.min(SPEED_VARIANCE_OF_ONE_MODEL);
    }

    /// Relative CPU speed as now believed.
    pub fn cpu_speed(&self) -> f64 {
        self.speed * self.offset.exp()
    }

    /// Relative CPU speed with which finished rows are charged in what the next job of the picture begins with.
    ///
    /// Who is to blame for a small deviation, the rows or the slot, is not known, and what is believed of the slot is not
    /// kept. Left to the rows, it comes out even for a slot that gets about the same rows again. A slot that is far from
    /// what was measured is another matter: it is throttled, or something else works on it.
    pub fn speed_for_next(&self) -> f64 {
        let beyond = self.offset - self.offset.clamp(-LEFT_TO_THE_ROWS, LEFT_TO_THE_ROWS);
        self.speed * beyond.exp()
    }

    /// Relative speed as now believed, load included.
    pub fn speed_now(&self) -> f64 {
        self.speed * (self.offset - self.load).exp()
    }

    /// The slot is known to have become slower (or to have recovered) by `factor` of its measured speed.
    pub fn set_factor(&mut self, factor: f64) {
        if factor.is_finite() && factor > 0.0 {
            self.offset = factor.clamp(1e-3, 10.0).ln();
            self.offset_variance = SPEED_VARIANCE;
        }
    }

    /// The slot was `times` slower than predicted and nothing was heard of it since: it is slow until it shows otherwise.
    pub fn distrust(&mut self, times: f64) {
        self.load = self.load.max(times.max(1.0).ln().min(HIGHEST_LOAD));
        (self.wall, self.cpu) = (0.0, 0.0);
    }

    /// The slot gets so much less of its processor than before.
    pub fn slow_down(&mut self, times: f64) {
        self.load = (self.load + times.max(1.0).ln()).min(HIGHEST_LOAD);
        (self.wall, self.cpu) = (0.0, 0.0);
    }

    /// Wall seconds for each CPU second, once a report has told.
    pub fn load(&self) -> Option<f64> {
        (self.wall >= LEAST_WALL).then(|| self.load.exp())
    }

    /// What is believed of the load until the slot's own reports tell: wall seconds for each CPU second.
    pub fn assume_load(&mut self, load: f64) {
        if self.wall < LEAST_WALL && load.is_finite() {
            self.load = load.max(1.0).ln().min(HIGHEST_LOAD);
        }
    }

    /// Learns from finished rows; returns what they cost in seconds of a slot of speed 1.
    pub fn learn(&mut self, field: &mut FieldEstimate, seen: Observation, map_known: bool) -> f64 {
        let map = usize::from(map_known);
        self.learn_load(seen);

        let measured = (seen.cpu * self.speed / seen.units).ln();
        let noise = NOISE + (SHORT / seen.cpu).powi(2).min(1.0);
        let error = (measured - (field.log_cost - self.offset)).clamp(-LARGEST_ERROR, LARGEST_ERROR);
        let total = field.variance + self.offset_variance + noise;
        let (field_gain, speed_gain) = (field.variance / total, self.offset_variance / total);
        field.log_cost += field_gain * error;
        field.share *= 1.0 - field_gain;
        field.variance = (1.0 - field_gain) * field.variance + FIELD_DRIFT[map];
        self.offset = (self.offset - speed_gain * error).clamp(-7.0, 7.0);
        self.offset_variance = (1.0 - speed_gain) * self.offset_variance + SPEED_DRIFT;
        seen.cpu * self.cpu_speed()
    }

    fn learn_load(&mut self, seen: Observation) {
        let kept = (-seen.wall / LOAD_MEMORY).exp();
        // A stop of half a minute says no more than one of this length.
        let counted = (LOAD_MEMORY / seen.wall).min(1.0);
        self.wall = self.wall * kept + seen.wall * counted;
        self.cpu = self.cpu * kept + (seen.cpu + seen.ahead) * counted;
        if self.wall >= LEAST_WALL {
            self.load = (self.wall / self.cpu).ln().clamp(0.0, HIGHEST_LOAD);
        }
    }
}

impl FieldEstimate {
    /// What is believed where no row was rendered yet: `seconds` at speed 1 per unit.
    pub fn unseen(seconds: f64, map_known: bool) -> Self {
        let log_cost = seconds.max(1e-12).ln();
        Self { log_cost, variance: FIELD_VARIANCE[usize::from(map_known)], expected: log_cost, share: 1.0 }
    }

    /// All rows of the picture together are now believed to cost `seconds` per unit: what is believed here of old follows, as far
    /// as its own rows have not told.
    pub fn recentre(&mut self, seconds: f64) {
        let expected = seconds.max(1e-12).ln();
        self.log_cost += self.share * (expected - self.expected);
        self.expected = expected;
    }

    /// What is believed of rows further on, given what is believed of their whole run: `seconds` per unit.
    pub fn further_on(&self, seconds: f64, map_known: bool) -> Self {
        let most = FIELD_VARIANCE[usize::from(map_known)];
        let variance = (self.variance + 0.25 * most).min(most);
        Self { variance, share: variance / most, ..Self::unseen(seconds, map_known) }
    }

    /// Seconds at speed 1 per unit of the cost map.
    pub fn seconds_per_unit(&self) -> f64 {
        self.log_cost.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pace: &mut SlotPace, field: &mut FieldEstimate, cpu: f64, wall: f64, bands: u32, map_known: bool) {
        for _ in 0..bands {
            pace.learn(field, Observation { units: 1.0, cpu, ahead: 0.0, wall }, map_known);
        }
    }

    #[test]
    fn with_a_map_a_slow_band_is_mostly_the_slots_own() {
        let mut pace = SlotPace::new(1.0);
        let mut field = FieldEstimate::unseen(1.0, true);
        run(&mut pace, &mut field, 4.0, 4.0, 8, true);
        let predicted = field.seconds_per_unit() / pace.speed_now();
        assert!((predicted / 4.0 - 1.0).abs() < 0.1, "{predicted}");
        assert!(pace.speed_now() < 0.6, "{}", pace.speed_now());
    }

    #[test]
    fn without_a_map_a_slow_band_is_mostly_the_pictures() {
        let mut pace = SlotPace::new(1.0);
        let mut field = FieldEstimate::unseen(1.0, false);
        run(&mut pace, &mut field, 4.0, 4.0, 3, false);
        assert!(pace.speed_now() > 0.8, "{}", pace.speed_now());
        assert!((field.seconds_per_unit() / pace.speed_now() / 4.0 - 1.0).abs() < 0.1);
    }

    /// The very first rows set the rate for all. Where they were dearer than usual, that must not stay with strips whose own
    /// rows take too little CPU time to tell much.
    #[test]
    fn what_was_expected_follows_the_mean_of_all_as_far_as_own_rows_have_not_told() {
        let after = |cpu: f64| {
            let mut pace = SlotPace::new(1.0);
            pace.rely_on_it();
            let mut field = FieldEstimate::unseen(3.0 * cpu, true);
            run(&mut pace, &mut field, cpu, cpu, 4, true);
            let before = field.seconds_per_unit() / cpu;
            field.recentre(cpu);
            (before, field.seconds_per_unit() / cpu)
        };
        let (before, now) = after(0.01);
        assert!(before > 2.5 && now < 1.1, "{before} {now}");
        let (before, now) = after(1.0);
        assert!(before < 1.5 && (before - now).abs() < 0.3, "{before} {now}");
    }

    #[test]
    fn a_stop_passes_by() {
        let mut pace = SlotPace::new(1.0);
        let mut field = FieldEstimate::unseen(1.0, true);
        run(&mut pace, &mut field, 1.0, 1.0, 5, true);
        run(&mut pace, &mut field, 1.0, 31.0, 1, true);
        assert!(pace.speed_now() < 0.5);
        run(&mut pace, &mut field, 1.0, 1.0, 8, true);
        assert!(pace.speed_now() > 0.9, "{}", pace.speed_now());
    }

    #[test]
    fn a_share_of_a_processor_shows_with_the_first_band() {
        let mut pace = SlotPace::new(1.0);
        pace.assume_load(30.0);
        assert!((pace.speed_now() * 30.0 - 1.0).abs() < 1e-9);
        let mut field = FieldEstimate::unseen(1.0, true);
        run(&mut pace, &mut field, 1.0, 60.0, 1, true);
        assert!((pace.speed_now() * 60.0 - 1.0).abs() < 0.05, "{}", pace.speed_now());
        pace.assume_load(1.0);
        assert!(pace.speed_now() < 0.02);
    }

    #[test]
    fn the_next_job_gets_small_deviations_with_the_rows_and_large_ones_with_the_slot() {
        let mut pace = SlotPace::new(2.0);
        pace.set_factor(0.9);
        assert!((pace.speed_for_next() - 2.0).abs() < 1e-9);
        pace.set_factor(0.25);
        let speed = pace.speed_for_next();
        assert!(speed > 0.5 && speed < 0.7, "{speed}");
    }

    #[test]
    fn nonsense_speeds_count_as_one() {
        for speed in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert!((SlotPace::new(speed).speed_now() - 1.0).abs() < 1e-9);
        }
    }
}

//! A node's samples as lines of bars.

use td_protocol::health::{History, Sample};

use crate::fleet::once::Unreachable;
use crate::health::text::{bytes, number, plain, span};
use crate::health::view::table::COLUMNS;
use crate::health::view::wrap::wrap;

/// Bars in a line: with name and numbers 80 columns.
const BARS: usize = 28;
const NAME: usize = 12;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What is drawn of a sample: its name, its value, how the value is told, and whether the bars begin at 0.
struct Line {
    name: &'static str,
    value: fn(&Sample) -> Option<f64>,
    told: fn(f64) -> String,
    from_zero: bool,
}

const LINES: [Line; 8] = [
    Line { name: "temperature", value: |s| s.temperature, told: |c| format!("{c:.1} C"), from_zero: false },
    Line { name: "clock", value: |s| s.arm_clock, told: |hz| format!("{:.0} MHz", hz / 1e6), from_zero: true },
    Line {
        name: "throttled",
        value: |s| s.throttled.map(slowed),
        told: |is| if is > 0.0 { "yes" } else { "no" }.to_owned(),
        from_zero: true,
    },
    Line { name: "load", value: |s| s.load, told: number, from_zero: true },
    Line { name: "rendering", value: |s| s.busy.map(f64::from), told: number, from_zero: true },
    Line { name: "memory free", value: |s| s.memory_available.map(|b| b as f64), told: amount, from_zero: true },
    Line { name: "swap used", value: |s| s.swap_used.map(|b| b as f64), told: amount, from_zero: true },
    Line { name: "scratch free", value: |s| s.scratch_free.map(|b| b as f64), told: amount, from_zero: true },
];

/// Whether the firmware slowed the processor down at that moment: capped, throttled, or at its soft limit.
fn slowed(bits: u32) -> f64 {
    if bits & 0b1110 == 0 { 0.0 } else { 1.0 }
}

fn amount(value: f64) -> String {
    bytes(value.max(0.0) as u64)
}

/// The node's lines for the last `since` seconds.
#[must_use]
pub fn lines(name: &str, history: &Result<History, Unreachable>, since: f64) -> Vec<String> {
    let mut out = vec![format!("{}, the last {}", plain(name), span(since))];
    let history = match history {
        Ok(history) => history,
        Err(unreachable) => {
            let text = wrap(&unreachable.sentence, COLUMNS - 2);
            out.extend(text.into_iter().map(|line| format!("  {line}")));
            return out;
        }
    };
    let from = history.now - since;
    let samples: Vec<&Sample> = history.samples.iter().filter(|s| s.at >= from && s.at <= history.now).collect();
    let mut drawn = 0;
    for line in &LINES {
        let values: Vec<(f64, f64)> = samples
            .iter()
            .filter_map(|sample| Some(((sample.at - from) / since, (line.value)(sample)?)))
            .filter(|(at, value)| at.is_finite() && value.is_finite())
            .collect();
        let Some((_, last)) = values.last().copied() else { continue };
        let (least, most) =
            values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (_, v)| (a.min(*v), b.max(*v)));
        let bars = bars(&values, if line.from_zero { least.min(0.0) } else { least }, most);
        let told = line.told;
        let range = if told(least) == told(most) {
            told(last)
        } else {
            format!("{} to {}, now {}", told(least), told(most), told(last))
        };
        out.push(format!("  {:NAME$}  {bars}  {range}", line.name).trim_end().to_owned());
        drawn += 1;
    }
    if drawn == 0 {
        out.push("  no samples yet".to_owned());
    }
    out
}

/// One bar for each part of the time, as high as the largest value in it; a blank where there is none.
fn bars(values: &[(f64, f64)], least: f64, most: f64) -> String {
    let mut highest: [Option<f64>; BARS] = [None; BARS];
    for (at, value) in values {
        let place = (at * BARS as f64) as usize;
        if let Some(bar) = highest.get_mut(place.min(BARS - 1)) {
            *bar = Some(bar.map_or(*value, |old| old.max(*value)));
        }
    }
    let span = most - least;
    let bar = |value: f64| {
        let height = if span > 0.0 { (value - least) / span * (HEIGHTS.len() - 1) as f64 } else { 0.0 };
        HEIGHTS.get(height.round() as usize).copied().unwrap_or('█')
    };
    highest.iter().map(|value| value.map_or(' ', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::trouble::Why;
    use proptest::prelude::*;

    fn day() -> History {
        let samples = (0..40).filter(|n| !(10..15).contains(n)).map(|n| {
            let n = f64::from(n);
            Sample {
                at: 1000.0 + n * 180.0,
                temperature: Some(45.0 + n),
                load: Some(if n < 20.0 { 0.1 } else { 1.0 }),
                memory_available: Some(300_000_000),
                throttled: Some(if n > 35.0 { 0b100 } else { 0 }),
                busy: Some(u32::from(n >= 20.0)),
                ..Sample::default()
            }
        });
        History { version: 1, now: 1000.0 + 7200.0, every: 180.0, samples: samples.collect() }
    }

    #[test]
    fn two_hours() {
        let text = lines("pi110", &Ok(day()), 7200.0);
        assert!(text.iter().all(|line| line.chars().count() <= COLUMNS), "{text:#?}");
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn nothing_to_draw() {
        assert_eq!(lines("a", &Ok(History::default()), 60.0)[1], "  no samples yet");
        let off = Err(Unreachable::new(Why::Refused, "connection refused: no agent listens there"));
        assert_eq!(lines("a", &off, 60.0)[1], "  connection refused: no agent listens there");
    }

    proptest! {
        #[test]
        fn no_samples_panic(
            values in proptest::collection::vec((any::<f64>(), proptest::option::of(any::<f64>()), any::<u64>()), 0..20),
            now in any::<f64>(),
            since in 1.0..1e6f64,
        ) {
            let samples = values.into_iter().map(|(at, temperature, memory)| {
                Sample { at, temperature, memory_available: Some(memory), ..Sample::default() }
            });
            let history = History { version: 1, now, every: 180.0, samples: samples.collect() };
            let _ = lines("a", &Ok(history), since);
        }
    }
}

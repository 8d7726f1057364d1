//! The table of thresholds against POV-Ray's formula, for every float from 0 to 1: 1,065,353,217 of them, eight gammas,
//! 8 and 16 bits. Prints one line per case and ends with 1 if a single sample differs.
//!
//! ```text
//! cargo run --release -p td-agent --example conversion_exhaustive [-- STEP]
//! ```
//!
//! Takes some minutes per gamma and core; with a STEP only every STEP-th float is tried.

use std::time::{Duration, Instant};

use td_agent::pixels::gamma::{Arithmetic, Curve, WorkingGamma};
use td_agent::pixels::thresholds::{Thresholds, quantise};
use td_protocol::options::FileGamma;

const ONE: u32 = 1.0_f32.to_bits();

/// The gammas of scene and file.
const CASES: [(WorkingGamma, FileGamma); 8] = [
    (WorkingGamma::Power(1.0), FileGamma::Srgb),
    (WorkingGamma::Power(2.2), FileGamma::Srgb),
    (WorkingGamma::Power(1.8), FileGamma::Srgb),
    (WorkingGamma::Power(1.3), FileGamma::Srgb),
    (WorkingGamma::Power(1.0), FileGamma::Power(1.8)),
    (WorkingGamma::Power(1.0), FileGamma::Power(2.2)),
    (WorkingGamma::Power(2.2), FileGamma::Power(1.0)),
    (WorkingGamma::Power(1.8), FileGamma::Power(2.2)),
];

struct Outcome {
    tried: u64,
    /// Samples that differ, at 8 and at 16 bits.
    differing: [u64; 2],
    /// Floats at which the encoded value is smaller than at the float before.
    falls: u64,
    widest_fall: u32,
}

fn check(curve: &Curve, tables: &[Thresholds; 2], floats: std::ops::RangeInclusive<u32>, step: usize) -> Outcome {
    let mut outcome = Outcome { tried: 0, differing: [0; 2], falls: 0, widest_fall: 0 };
    let mut before = f32::NEG_INFINITY;
    for bits in floats.step_by(step) {
        let x = f32::from_bits(bits);
        let y = curve.encode(x);
        if y < before {
            outcome.falls += 1;
            outcome.widest_fall = outcome.widest_fall.max(before.to_bits().abs_diff(y.to_bits()));
        }
        before = y;
        for (table, (max, differing)) in tables.iter().zip([255, 65535].into_iter().zip(&mut outcome.differing)) {
            *differing += u64::from(table.sample(x) != quantise(curve, max, y));
        }
        outcome.tried += 1;
    }
    outcome
}

/// Splits the floats among the cores.
fn check_all(curve: &Curve, tables: &[Thresholds; 2], step: usize) -> Outcome {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let share = (ONE / cores).next_multiple_of(step as u32);
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|core| {
                let end = if core + 1 == cores { ONE } else { (core + 1) * share - 1 };
                scope.spawn(move || check(curve, tables, core * share..=end, step))
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
    });
    parts.into_iter().fold(Outcome { tried: 0, differing: [0; 2], falls: 0, widest_fall: 0 }, |sum, part| Outcome {
        tried: sum.tried + part.tried,
        differing: [sum.differing[0] + part.differing[0], sum.differing[1] + part.differing[1]],
        falls: sum.falls + part.falls,
        widest_fall: sum.widest_fall.max(part.widest_fall),
    })
}

fn built(curve: Curve, max: u32) -> Option<(Thresholds, Duration)> {
    let start = Instant::now();
    Thresholds::new(curve, max).map(|table| (table, start.elapsed()))
}

fn main() -> std::process::ExitCode {
    let step = std::env::args().nth(1).and_then(|step| step.parse().ok()).unwrap_or(1_usize).max(1);
    println!(
        "{:<18} {:<14} {:>13} {:>7} {:>7} {:>7} {:>6} {:>9} {:>9} {:>8}",
        "scene", "file", "floats", "8 bit", "16 bit", "falls", "by ulp", "8 build", "16 build", "time"
    );
    let mut bad = 0;
    for (working, file) in CASES {
        let Ok(curve) = Curve::between(working, file, Arithmetic::NATIVE) else {
            continue;
        };
        let (Some((small, small_time)), Some((large, large_time))) = (built(curve, 255), built(curve, 65535)) else {
            println!("{working}: no table could be made; the formula is used");
            bad += 1;
            continue;
        };
        let start = Instant::now();
        let outcome = check_all(&curve, &[small, large], step);
        println!(
            "{:<18} {:<14} {:>13} {:>7} {:>7} {:>7} {:>6} {:>6.2} ms {:>6.1} ms {:>6.1} s",
            working.to_string(),
            format!("{file:?}"),
            outcome.tried,
            outcome.differing[0],
            outcome.differing[1],
            outcome.falls,
            outcome.widest_fall,
            small_time.as_secs_f64() * 1e3,
            large_time.as_secs_f64() * 1e3,
            start.elapsed().as_secs_f64()
        );
        bad += outcome.differing[0] + outcome.differing[1];
    }
    if bad == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

use td_protocol::options::FileGamma;

use super::super::gamma::{Arithmetic, WorkingGamma};
use super::*;

/// The curves of the scenes and options in use.
fn curves() -> Vec<Curve> {
    let mut curves = Vec::new();
    for working in [
        WorkingGamma::LINEAR,
        WorkingGamma::Power(2.2),
        WorkingGamma::Power(1.8),
        WorkingGamma::Power(1.3),
        WorkingGamma::Srgb,
    ] {
        for file in [FileGamma::Srgb, FileGamma::Power(1.0), FileGamma::Power(1.8), FileGamma::Power(2.2)] {
            for arithmetic in [Arithmetic::Separate, Arithmetic::Fused] {
                let curve = Curve::between(working, file, arithmetic).unwrap();
                if !curves.contains(&curve) {
                    curves.push(curve);
                }
            }
        }
    }
    curves
}

#[test]
fn tables_equal_the_formula_around_each_threshold_and_evenly() {
    for curve in curves() {
        for max in [255, 65535] {
            let table = Thresholds::new(curve, max).unwrap();
            assert!(table.starts().is_sorted());
            let near = table.starts().iter().flat_map(|&start| start.saturating_sub(2)..=start + 2);
            let even = (0..=ONE + 1000).step_by(9973);
            for bits in near.chain(even) {
                let x = f32::from_bits(bits);
                assert_eq!(table.sample(x), sample(&curve, max, x), "{curve:?} max {max} at {x:e} ({bits:#x})");
            }
        }
    }
}

#[test]
fn values_out_of_range_are_as_in_the_formula() {
    let odd = [
        -0.0,
        -1e-30,
        -0.3,
        -f32::INFINITY,
        f32::INFINITY,
        f32::MAX,
        f32::NAN,
        -f32::NAN,
        1.000_000_1,
        7.0,
        f32::MIN_POSITIVE,
        1e-45,
    ];
    for curve in curves() {
        for max in [255, 65535] {
            let table = Thresholds::new(curve, max).unwrap();
            for x in odd {
                assert_eq!(table.sample(x), sample(&curve, max, x), "{curve:?} max {max} at {x}");
            }
            assert_eq!(table.sample(f32::NAN), 0);
            assert_eq!(table.sample(f32::INFINITY), max);
            assert_eq!(table.sample(-1.0), 0);
        }
    }
}

#[test]
fn srgb_tables_are_small() {
    let curve = Curve::between(WorkingGamma::LINEAR, FileGamma::Srgb, Arithmetic::Separate).unwrap();
    assert!(Thresholds::new(curve, 255).unwrap().bytes() < 16 * 1024);
    assert!(Thresholds::new(curve, 65535).unwrap().bytes() < 320 * 1024);
}

#[test]
fn extreme_gammas_work() {
    for gamma in [0.05, 0.3, 4.0, 12.0, 40.0] {
        for (working, file) in
            [(WorkingGamma::LINEAR, FileGamma::Power(gamma)), (WorkingGamma::Power(gamma), FileGamma::Srgb)]
        {
            let curve = Curve::between(working, file, Arithmetic::Separate).unwrap();
            let Some(table) = Thresholds::new(curve, 65535) else {
                continue;
            };
            for bits in (0..=ONE).step_by(3989) {
                let x = f32::from_bits(bits);
                assert_eq!(table.sample(x), sample(&curve, 65535, x), "{curve:?} at {x:e}");
            }
        }
    }
}

use super::*;

const FORMAT: PixelFormat = PixelFormat::RGB8;

/// A ramp of `count` pixels and the samples that a conversion makes of it.
fn probe_of(working: WorkingGamma, count: u16) -> (Vec<Pixel>, Vec<u8>) {
    let pixels: Vec<_> = (0..count)
        .map(|n| {
            let x = f32::from(n) / f32::from(count);
            Pixel { red: x, green: x * x, blue: 1.0 - x, transmit: 0.0 }
        })
        .collect();
    let converter = Converter::new(&Conversion::new(working, FileGamma::Srgb, FORMAT)).unwrap();
    let mut samples = Vec::new();
    converter.convert(&pixels, &mut samples);
    (pixels, samples)
}

fn decided(pixels: &[Pixel], samples: &[u8], named: &[WorkingGamma]) -> Decision {
    decide(&Probe { pixels, samples, format: FORMAT, file_gamma: FileGamma::Srgb }, named)
}

fn exact(working: WorkingGamma) -> Decision {
    Decision::Exact(Conversion::new(working, FileGamma::Srgb, FORMAT))
}

#[test]
fn usual_gammas_are_found_without_help() {
    for working in USUAL {
        let (pixels, samples) = probe_of(working, 2000);
        let Decision::Exact(found) = decided(&pixels, &samples, &[]) else { panic!("{working}: not found") };
        // `Off` and `assumed_gamma srgb` are the same for a file in sRGB.
        let wanted = Conversion::new(working, FileGamma::Srgb, FORMAT);
        assert_eq!(found.curve(), wanted.curve(), "{working}");
    }
}

#[test]
fn an_odd_gamma_is_found_when_the_text_names_it() {
    let (pixels, samples) = probe_of(WorkingGamma::Power(1.93), 2000);
    assert!(matches!(decided(&pixels, &samples, &[]), Decision::NotExact { differing: 1.., of: 6000 }));
    assert_eq!(decided(&pixels, &samples, &[WorkingGamma::Power(1.93)]), exact(WorkingGamma::Power(1.93)));
    // The text may name others, in a comment say.
    let named = [WorkingGamma::Power(1.0), WorkingGamma::Power(1.93)];
    assert_eq!(decided(&pixels, &samples, &named), exact(WorkingGamma::Power(1.93)));
}

#[test]
fn a_wrong_name_does_not_hide_the_right_gamma() {
    let (pixels, samples) = probe_of(WorkingGamma::Power(2.2), 2000);
    assert_eq!(decided(&pixels, &samples, &[WorkingGamma::LINEAR]), exact(WorkingGamma::Power(2.2)));
}

#[test]
fn one_wrong_sample_is_enough() {
    let (pixels, mut samples) = probe_of(WorkingGamma::LINEAR, 2000);
    samples[3001] ^= 1;
    assert_eq!(decided(&pixels, &samples, &[WorkingGamma::LINEAR]), Decision::NotExact { differing: 1, of: 6000 });
}

#[test]
fn a_picture_without_shades_tells_nothing() {
    let pixels = [Pixel::OUTSIDE; 500];
    let decision = decided(&pixels, &[0; 1500], &[WorkingGamma::LINEAR]);
    assert!(matches!(decision, Decision::Ambiguous { shades: 0, matching } if matching.len() > 10));
    assert!(matches!(decided(&[], &[], &[]), Decision::Ambiguous { shades: 0, .. }));
}

#[test]
fn few_shades_need_a_name() {
    let (pixels, samples) = probe_of(WorkingGamma::Power(2.2), 6);
    assert!(matches!(decided(&pixels, &samples, &[]), Decision::Ambiguous { .. }));
    assert_eq!(decided(&pixels, &samples, &[WorkingGamma::Power(2.2)]), exact(WorkingGamma::Power(2.2)));
}

#[test]
fn two_names_that_both_match_are_ambiguous() {
    let (pixels, samples) = probe_of(WorkingGamma::Power(2.2), 20);
    let named = [WorkingGamma::Power(2.2), WorkingGamma::Power(2.200_01)];
    let decision = decided(&pixels, &samples, &named);
    assert!(matches!(decision, Decision::Ambiguous { matching, .. } if matching.len() == 2));
}

#[test]
fn samples_of_another_size_are_not_exact() {
    let (pixels, samples) = probe_of(WorkingGamma::LINEAR, 100);
    assert!(matches!(decided(&pixels[1..], &samples, &[]), Decision::NotExact { .. }));
}

//! The table of hardware models.

use td_inventory::Model;

#[test]
fn every_model_is_found_by_its_word() {
    let mut count = 0;
    for model in Model::all() {
        assert_eq!(model.id().parse(), Ok(model));
        assert_eq!(model.to_string(), model.id());
        count += 1;
    }
    assert_eq!(count, 10);
    assert!("pi9".parse::<Model>().is_err());
}

#[test]
fn targets_are_those_that_are_built() {
    for model in Model::all() {
        let (target, bits) = (model.target(), model.word_bits());
        match target {
            "arm-unknown-linux-musleabihf" | "armv7-unknown-linux-musleabihf" => {
                assert_eq!(bits, 32)
            }
            "aarch64-unknown-linux-musl" | "x86_64-unknown-linux-musl" => assert_eq!(bits, 64),
            other => panic!("{model}: {other}"),
        }
    }
}

#[test]
fn only_raspberry_pis_have_boot_settings() {
    for model in Model::all() {
        assert_eq!(model.has_boot_settings(), model != Model::Generic);
        assert_eq!(model.has_boot_settings(), model.arm_freq().is_some());
        assert_eq!(model.cores().is_some(), model != Model::Generic);
        assert_eq!(model.memory().is_some(), model != Model::Generic);
    }
    assert!(Model::Pi5.gpu_mem().is_none());
    assert!(Model::Pi1b.arm_freq().is_some_and(|range| range.contains(&800)));
}

/// Out of the range of `keys` the checks pass a value over: so no model may go beyond it.
#[test]
fn no_model_takes_more_than_the_table_of_keys() {
    for model in Model::all() {
        for (value, range) in [(16..=512, model.gpu_mem()), (700..=3200, model.arm_freq())] {
            if let Some(range) = range {
                assert!(value.contains(range.start()) && value.contains(range.end()), "{model}");
            }
        }
    }
}

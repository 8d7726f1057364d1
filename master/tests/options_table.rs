//! The table has every row of POV-Ray 3.7's own, and the page of the documentation is the table.

mod options_support;

use options_support::{Files, settings};
use td::options::table::{self, Does, Setting};

/// Counted in POV-Ray 3.7-stable, source/frontend/processrenderoptions.cpp.
const NAMES: usize = 111;
const FORMS: usize = 82;

#[test]
fn every_name_and_every_form_of_a_switch_is_there() {
    let mut names: Vec<&str> = table::rows().flat_map(|row| row.names).copied().collect();
    let mut forms: Vec<(&str, bool)> =
        table::rows().flat_map(|row| row.switches).map(|switch| (switch.letters, switch.takes_value)).collect();
    assert_eq!((names.len(), forms.len()), (NAMES, FORMS));
    names.sort_unstable();
    names.dedup();
    forms.sort_unstable();
    forms.dedup();
    assert_eq!((names.len(), forms.len()), (NAMES, FORMS), "a name is there twice");
}

#[test]
fn a_setting_has_one_row() {
    let mut settings: Vec<Setting> = table::rows().map(|row| row.setting).collect();
    let count = settings.len();
    settings.sort_unstable();
    settings.dedup();
    assert_eq!(settings.len(), count);
}

#[test]
fn switches_are_found_as_pov_ray_finds_them() {
    let found = |text: &str| table::by_switch(text, None).map(|(row, _, value)| (row.setting, value.to_owned()));
    let is = |setting, value: &str| Some((setting, value.to_owned()));
    assert_eq!(found("A0.3"), is(Setting::AntialiasThreshold, ".3"));
    assert_eq!(found("a"), is(Setting::Antialias, ""));
    assert_eq!(found("KFF10"), is(Setting::FinalFrame, "10"));
    assert_eq!(found("KF10"), is(Setting::FinalClock, "10"));
    assert_eq!(found("K10"), is(Setting::Clock, "10"));
    assert_eq!(found("RFI"), is(Setting::RadiosityFromFile, ""));
    assert_eq!(found("RFIx"), is(Setting::RadiosityFileName, "Ix"));
    assert_eq!(found("HR"), is(Setting::HighReproducibility, ""));
    assert_eq!(found("H600"), is(Setting::Height, "600"));
    assert_eq!(found("EF0.5"), is(Setting::SubsetEndFrame, ".5"));
    assert_eq!(found("isc\u{f6}ne.pov"), is(Setting::InputFileName, "sc\u{f6}ne.pov"));
    assert_eq!(found("W"), None);
    assert_eq!(found("UA1"), None);
    assert_eq!(found("\u{f6}"), None);
    assert_eq!(table::by_switch("I", Some("my scene.pov")).map(|(row, ..)| row.setting), Some(Setting::InputFileName));
    assert_eq!(table::by_switch("Ix", Some("y")).map(|(row, ..)| row.setting), None);
}

#[test]
fn only_what_the_table_passes_reaches_the_agents() {
    let all = settings(
        &[
            "s.pov",
            "+W40",
            "+H30",
            "+Q5",
            "+A0.1",
            "+AM2",
            "+R4",
            "+AG2",
            "+J0.5",
            "+MB7",
            "+BM2",
            "BSP_MaxDepth=9",
            "BSP_MissChance=0.25",
            "BSP_ISectCost=150",
            "BSP_BaseAccessCost=1",
            "BSP_ChildAccessCost=1.5",
            "-UL",
            "-UV",
            "-UR",
            "+SU",
            "+HR",
            "-RVP",
            "+MV3.6",
            "+K0.25",
            "+THb2",
            "Display_Gamma=1.8",
            "Declare=b=2",
            "Declare=a=1",
            "+WT4",
            "+C",
            "-D",
            "+FN16",
            "+UA",
            "File_Gamma=1.0",
            "+L/usr/share/x",
            "+WL3",
        ],
        &Files::default(),
    );
    insta::assert_snapshot!(all.options.switches.join("\n"));
    assert_eq!(all.options.file_gamma, td_protocol::options::FileGamma::Power(1.0));
    assert!(all.options.dither);
    assert_eq!(all.warning_level, 3);
}

#[test]
fn refusals_say_what_to_do() {
    for row in table::rows() {
        if let Does::Refuses { why, instead } = row.does {
            assert!(!why.is_empty() && !instead.is_empty(), "{:?}", row.setting);
        }
    }
}

/// `TD_BLESS=1 cargo test -p td --test options_table` writes the page.
#[test]
fn the_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/switches.md");
    let page = td::options::switches_page();
    if std::env::var_os("TD_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/switches.md is not what the table says; write it with TD_BLESS=1");
}

//! No input makes the reader panic, and what it accepts is always a job that can be drawn.

mod options_support;

use options_support::Files;
use proptest::prelude::*;
use td::options::{Settings, default_name, scene_candidates, split};
use td_protocol::options::MAX_SIDE;

/// Pieces that make interesting command lines likelier than noise does.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[+-][A-Za-z]{1,4}[0-9.gx-]{0,6}",
        3 => "(Width|Height|Start_Row|End_Column|Declare|Clock|Quality|Output_File_Type|Include_Ini|Antialias)[ ]?=[ ]?[\"']?[a-z0-9.=-]{0,8}[\"']?",
        1 => "[a-z./]{0,8}(\\.pov|\\.ini|\\[a\\]|/)?",
        1 => any::<String>(),
        1 => "[;#\"'\\[\\], \\t\\r\\n=]{0,4}",
    ]
}

fn check(arguments: &[String], files: &Files) {
    let Ok(settings) = Settings::from_args(arguments, files) else {
        return;
    };
    let options = &settings.options;
    assert!((1..=MAX_SIDE).contains(&options.width) && (1..=MAX_SIDE).contains(&options.height));
    assert!(options.rows.start <= options.rows.end && options.rows.end <= options.height);
    assert!(options.columns.start <= options.columns.end && options.columns.end <= options.width);
    for switch in &options.switches {
        assert!(!switch.chars().any(char::is_control), "{switch:?}");
        assert!(switch.is_ascii(), "{switch:?}");
    }
    let output = settings.output.clone().unwrap_or(td::options::OutputName(String::new()));
    let _ = output.target("a/b.pov".as_ref(), settings.file_type);

    // What the agents get means the same job when it is read again.
    let mut again: Vec<String> = options.switches.clone();
    again.push(format!("+W{}", options.width));
    again.push(format!("+H{}", options.height));
    let again = Settings::from_args(&again, &Files::default()).unwrap();
    if !options.dither {
        assert_eq!(again.options.switches, options.switches);
    }
    assert_eq!(again.options.antialias_method, options.antialias_method);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_arguments(arguments in proptest::collection::vec(piece(), 0..6)) {
        check(&arguments, &Files::default());
    }

    #[test]
    fn any_ini(lines in proptest::collection::vec(piece(), 0..8), section in "[a-z]{0,2}") {
        let files = Files::default().with("./povray.ini", lines.join("\n")).with("a.ini", lines.join(" ")).with("b.ini", "a.ini\nb.ini[a]\n[a]\n");
        check(&["a.ini".to_owned(), "+W4".to_owned()], &files);
        check(&[format!("a.ini[{section}]"), "b.ini".to_owned()], &files);
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let files = Files::default().with_variable("POVINI", "x.ini").with("x.ini", &bytes);
        check(&[], &files);
    }

    #[test]
    fn any_words_are_split(words in proptest::collection::vec(any::<std::ffi::OsString>(), 0..8)) {
        let parts = split(words.clone(), &["assets"]);
        prop_assert!(parts.own.len() + parts.povray.len() <= words.len());
        let _ = Settings::from_args(&parts.povray, &Files::default());
    }

    #[test]
    fn any_name(name in any::<String>()) {
        let _ = default_name(name.as_ref(), td::options::FileType::Png);
        let _ = scene_candidates(name.as_ref());
    }

    #[test]
    fn order_of_different_settings_does_not_matter(seed in any::<u64>()) {
        let arguments = ["+W40", "+H30", "+A0.2", "+AM2", "+R2", "+Q8", "-J", "+FN16", "+UA", "Declare=a=1", "Declare=b=2", "+K1"];
        let mut shuffled = arguments.to_vec();
        let mut state = seed | 1;
        for last in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
        }
        let files = Files::default();
        prop_assert_eq!(Settings::from_args(&arguments, &files).unwrap().options, Settings::from_args(&shuffled, &files).unwrap().options);
    }
}

use proptest::prelude::*;

use super::*;
use crate::converge::boot::model::by_id;

const OURS: &str = "# td: begin, kept by td-provision: do not edit\n[all]\ngpu_mem=16\narm_freq=800\n# td: end\n";
const WANTED: Settings = Settings { gpu_mem: Some(16), arm_freq: Some(800) };

/// How a case is set up, from the lines before `---` of its file: `model`, and the settings.
struct Case {
    model: &'static Model,
    wanted: Settings,
    text: String,
}

/// Golden cases: `golden/NAME.in` has a line `model gpu_mem arm_freq` (`-` for none), then the text with `\r` written as
/// `␍` and a missing last line end as `␄`.
fn case(input: &str) -> Case {
    let (head, text) = input.split_once('\n').unwrap();
    let words: Vec<&str> = head.split_whitespace().collect();
    let number = |word: &str| word.parse().ok();
    let wanted = Settings { gpu_mem: number(words[1]), arm_freq: number(words[2]) };
    Case { model: by_id(words[0]).unwrap(), wanted, text: unmark(text) }
}

fn unmark(text: &str) -> String {
    let text = text.replace('␍', "\r");
    text.strip_suffix("␄\n").map(str::to_owned).unwrap_or(text)
}

fn mark(text: &str) -> String {
    let text = text.replace('\r', "␍");
    if text.is_empty() || text.ends_with('\n') { text } else { text + "␄\n" }
}

fn usercfg(name: &str) -> Option<String> {
    (name == "usercfg.txt").then(|| "[pi1]\ngpu_mem=128\n".to_owned())
}

#[test]
fn golden_cases() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/converge/boot/golden");
    let mut cases = 0;
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "in")) {
        let input = std::fs::read_to_string(&path).unwrap();
        let case = case(&input);
        let edit = set(&case.text, case.wanted, case.model, &usercfg);
        let again = set(&edit.text, case.wanted, case.model, &usercfg);
        assert_eq!(again.text, edit.text, "{}: a second run changes nothing", path.display());
        let notes: String = edit.notes.iter().map(|note| format!("note: {note}\n")).collect();
        let shown = format!("{}--- notes\n{notes}--- removed\n{}", mark(&edit.text), mark(&remove(&edit.text)));
        let golden = path.with_extension("out");
        if std::env::var_os("TD_GOLDEN").is_some() {
            std::fs::write(&golden, &shown).unwrap();
        }
        assert_eq!(shown, std::fs::read_to_string(&golden).unwrap_or_default(), "{}", path.display());
        cases += 1;
    }
    assert!(cases >= 24, "{cases}");
}

#[test]
fn a_long_file_of_comments_keeps_every_byte() {
    let text: String = (0..2000).map(|n| format!("# comment {n}, of many, \u{e4}\u{f6}\u{fc} and more\n")).collect();
    assert!(text.len() > 64 << 10);
    let bytes = encode(&text);
    let edit = set(&decode(&bytes), WANTED, by_id("pi1b").unwrap(), &usercfg);
    assert_eq!(edit.text, format!("{text}{OURS}"));
    let out = encode(&edit.text);
    assert_eq!(&out[..bytes.len()], bytes);
    assert_eq!(encode(&remove(&edit.text)), bytes);
}

fn line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[all]",
        "[pi4]",
        "[pi1]",
        "[none]",
        "[gpio4=1]",
        "gpu_mem=64",
        "gpu_mem_512=128",
        "arm_freq=1000",
        "dtparam=audio=on",
        "# a comment",
        "",
        BEGIN,
        END,
        "# td: begin by an older td",
        "include usercfg.txt",
        "gpu_mem=16",
    ]);
    prop_oneof![4 => words.prop_map(str::to_owned), 1 => "[ -~]{0,10}"]
}

/// Which filters each of other people's lines stands under, in order.
fn contexts(text: &str, skip_blocks: bool) -> Vec<(String, String)> {
    let found = if skip_blocks { find(text, &is_ours) } else { Vec::new() };
    let model = by_id("pi1b").unwrap();
    let mut filters = Filters::default();
    let mut out = Vec::new();
    for (at, line) in lines(text).into_iter().enumerate() {
        let line = bare(line);
        if let Some(word) = filter_word(line) {
            filters.apply(word, model);
        } else if is_meaningful(line)
            && !found.iter().any(|block| (block.start..block.end).contains(&at) && is_ours(line))
        {
            out.push((filters.words(), line.to_owned()));
        }
    }
    out
}

proptest! {
    #[test]
    fn the_block_has_the_last_word_and_other_lines_keep_their_filters(
        all in prop::collection::vec(line(), 0..14),
        crlf in any::<bool>(),
        last in any::<bool>(),
        model in prop::sample::select(vec!["pi0", "pi1b", "pi2", "pi3b+", "pi4", "zero2"]),
    ) {
        let model = by_id(model).unwrap();
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = all.join(end);
        if last {
            text.push_str(end);
        }
        let edit = set(&text, WANTED, model, &usercfg);
        let in_force = effective(&edit.text, model, &usercfg);
        prop_assert_eq!(in_force.get("gpu_mem").map(String::as_str), Some("16"));
        prop_assert_eq!(in_force.get("arm_freq").map(String::as_str), Some("800"));
        for size in GPU_MEM_SIZES {
            prop_assert!(in_force.get(size).is_none_or(|value| value == "16"), "{:?}", in_force);
        }
        prop_assert_eq!(find(&edit.text, &is_ours).len(), 1);
        prop_assert_eq!(&set(&edit.text, WANTED, model, &usercfg).text, &edit.text);

        let removed = remove(&edit.text);
        prop_assert!(find(&removed, &is_ours).is_empty());
        prop_assert_eq!(remove(&removed), removed.clone());
        if model.id == "pi1b" {
            prop_assert_eq!(contexts(&removed, false), contexts(&text, true));
        }
        if find(&text, &is_ours).is_empty() {
            prop_assert_eq!(removed.trim_end_matches(['\r', '\n']), text.trim_end_matches(['\r', '\n']));
        }
    }

    #[test]
    fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(encode(&decode(&bytes)), bytes.clone());
        let edit = set(&decode(&bytes), WANTED, by_id("pi4").unwrap(), &usercfg);
        let removed = encode(&remove(&edit.text));
        let same = removed == bytes || removed.strip_suffix(b"\n").is_some_and(|rest| rest.strip_suffix(b"\r").unwrap_or(rest) == bytes || rest == bytes);
        prop_assert!(same || bytes.windows(4).any(|window| window == b"# td"));
    }
}

//! The form of desired state, events and facts: golden files, and what an older agent says to a newer master.

use proptest::prelude::*;
use td_protocol::converge::desired::{DesiredState, MAX_BYTES, Unreadable};
use td_protocol::converge::event::Event;
use td_protocol::converge::facts::Facts;
use td_protocol::converge::kind::{Group, Kind};
use td_protocol::converge::resource::{Packages, Resource};

const DESIRED: &str = include_str!("golden/desired.json");
const EVENTS: &str = include_str!("golden/events.jsonl");
const FACTS: &str = include_str!("golden/facts.json");

/// The golden state with `old` replaced by `new` in its text.
fn with(old: &str, new: &str) -> String {
    assert!(DESIRED.contains(old), "{old}");
    DESIRED.replacen(old, new, 1)
}

fn refusal(text: &str) -> String {
    DesiredState::from_json(text.as_bytes()).expect_err("must be refused").to_string()
}

#[test]
fn the_golden_files_are_read_and_written_as_they_are() {
    let state = DesiredState::from_json(DESIRED.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string_pretty(&state).unwrap(), DESIRED.trim_end());
    let kinds: Vec<Kind> = state.resources.iter().map(Resource::kind).collect();
    assert_eq!(kinds, Kind::ALL);

    for line in EVENTS.lines() {
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!(event.to_line(), line);
    }

    let facts: Facts = serde_json::from_str(FACTS).unwrap();
    assert_eq!(serde_json::to_string_pretty(&facts).unwrap(), FACTS.trim_end());
}

#[test]
fn a_short_state_has_defaults() {
    let text = r#"{"version":1,"node":"pi1","resources":[{"kind":"packages","names":["povray"]}]}"#;
    let state = DesiredState::from_json(text.as_bytes()).unwrap();
    let mut expected = DesiredState::new("pi1");
    expected.resources.push(Resource::Packages(Packages::new(vec!["povray".to_owned()])));
    assert_eq!(state, expected);
}

#[test]
fn resources_are_converged_in_the_order_of_their_kinds() {
    let mut state = DesiredState::from_json(DESIRED.as_bytes()).unwrap();
    state.resources.reverse();
    let kinds: Vec<Kind> = state.in_order().into_iter().map(Resource::kind).collect();
    assert_eq!(kinds, Kind::ALL);
    let some = state.only(&[Group::Boot, Group::Nfs]);
    let kinds: Vec<Kind> = some.in_order().into_iter().map(Resource::kind).collect();
    assert_eq!(kinds, [Kind::NfsExport, Kind::NfsMount, Kind::Boot]);
}

#[test]
fn an_agent_says_what_it_does_not_know() {
    let newer = with(r#""kind": "boot""#, r#""kind": "overlay", "name": "x""#);
    let newer = newer.replacen(r#""kind": "clock""#, r#""kind": "fan""#, 1);
    insta::assert_snapshot!(refusal(&newer), @r#"this td-agent (0.1.0) does not know the kind of resource "fan", "overlay": update td-agent on this node"#);
    insta::assert_snapshot!(refusal(&with(r#""gpu_mem": 16"#, r#""over_voltage": 6"#)), @"the desired state is not what this td-agent (0.1.0) expects: unknown field `over_voltage`, expected `gpu_mem` or `arm_freq` at line 103 column 4");
    insta::assert_snapshot!(refusal(&with(r#""version": 1"#, r#""version": 7"#)), @"the desired state has version 7, this td-agent (0.1.0) knows version 1: update td-agent on this node");
    insta::assert_snapshot!(refusal(&with(r#""version": 1"#, r#""version": 0"#)), @"the desired state has version 0, this td-agent (0.1.0) knows version 1: update td-provision");
    assert!(matches!(DesiredState::from_json(&vec![b' '; MAX_BYTES + 1]), Err(Unreadable::TooLong)));
}

#[test]
fn what_could_leave_its_place_in_a_file_is_refused() {
    let cases = [
        (r#""name": "pi110""#, r#""name": "pi110\nroot""#),
        (r#""node": "pi110""#, r#""node": "-pi""#),
        (r#""pi111","#, r#""pi 111","#),
        (r#""povray","#, r#""-o=Dir::Log=/x","#),
        (r#""path": "/srv/td""#, r#""path": "/srv/../etc""#),
        (r#""path": "/srv/td""#, r#""path": "/srv/t d""#),
        (r#""export": "/srv/td""#, r#""export": "/srv/td(rw)""#),
        (r#""path": "/etc/td/agent.key""#, r#""path": "etc/td/agent.key""#),
        (r#""owner": "root""#, r#""owner": "ro:ot""#),
        (r#""mode": "0640""#, r#""mode": "0649""#),
        (r#""uid": 7979"#, r#""uid": 0"#),
        (r#""name": "td","#, r#""name": "root","#),
        ("http://192.0.2.1:3142", "ftp://192.0.2.1"),
        ("http://192.0.2.1:3142", "http://192.0.2.1\\\";"),
        ("--cache-size=512", "--name=%n"),
        ("--cache-size=512", "a b"),
        (r#""192.0.2.111""#, r#""*""#),
        (r#""gpu_mem": 16"#, r#""gpu_mem": 8"#),
        (r#""port": 7979"#, r#""port": 0"#),
        (r#""kind": "hosts""#, r#""kind": "hostname", "name": "b"},{"kind": "hosts""#),
    ];
    for (old, new) in cases {
        let message = refusal(&with(old, new));
        assert!(message.starts_with("the desired state is "), "{new}: {message}");
    }
    insta::assert_snapshot!(refusal(&with("--cache-size=512", "--name=%n")), @r#"the desired state is refused: service "td-agent.service": the argument "--name=%n" has characters that a unit file would change"#);
}

#[test]
fn a_key_is_shown_nowhere() {
    let state = DesiredState::from_json(DESIRED.as_bytes()).unwrap();
    assert!(!format!("{state:?}").contains("PRIVATE"));
    // Nor where the file is refused for another reason.
    for new in [r#""mode": 6"#, r#""mod": "0640""#] {
        assert!(!refusal(&with(r#""mode": "0640""#, new)).contains("PRIVATE"));
    }
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(
        at in 0..DESIRED.len(),
        len in 0_usize..40,
        bytes in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut text = DESIRED.as_bytes().to_vec();
        let end = (at + len).min(text.len());
        text.splice(at..end, bytes);
        let _ = DesiredState::from_json(&text);
    }
}

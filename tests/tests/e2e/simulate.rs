//! `td simulate` from the outside: what is refused, what fails, and what its events say.

use std::time::Duration;

use td_tests::events;
use td_tests::sandbox::Sandbox;

fn simulate(more: &[&str]) -> td_tests::process::Outcome {
    let sandbox = Sandbox::new();
    sandbox.run(["simulate", "--nodes", "4", "--rows", "400"].iter().chain(more))
}

#[test]
fn a_plot_that_cannot_be_written_is_a_failure_and_the_summary_is_there() {
    let outcome = simulate(&["--json", "--plot", "/nowhere/plot.svg"]);
    outcome.code(1).speaks_to_a_person().says(&["/nowhere/plot.svg"]);
    assert_eq!(events::all(&outcome).unwrap().pop().unwrap()["event"], "summary");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for method in ["equal-strips", "guided-self-scheduling", "factoring"] {
        simulate(&["--faults", "seed=7", "--method", method])
            .code(2)
            .speaks_to_a_person()
            .says(&["faults", "method td"]);
    }
    for option in ["--start", "--work"] {
        let outcome = simulate(&[option, "1e13"]);
        outcome.code(2).speaks_to_a_person().says(&["at most 1000000 seconds", &option[2..]]);
        assert!(outcome.wall < Duration::from_secs(10));
    }
    simulate(&["--start", "1000000", "--work", "1000"]).code(0);
}

#[test]
fn the_last_event_is_the_makespan_and_rows_come_once() {
    // Seeds 11, 12 and 13: whole leases, whole leases, one lease.
    for arguments in ["--nodes 1000", "--faults seed=7", "--faults seed=11", "--faults seed=12", "--faults seed=13"] {
        let outcome = Sandbox::new().run(["simulate", "--json"].into_iter().chain(arguments.split(' ')));
        let mut events = events::all(outcome.code(0)).unwrap();
        let summary = events.pop().unwrap();
        assert_eq!(summary["event"], "summary");
        assert_eq!(events.last().unwrap()["time"], summary["makespan"], "{arguments}");
        let mut rows: Vec<[u64; 2]> = (events.iter().filter(|event| event["event"] == "rows"))
            .map(|event| [0, 1].map(|index| event["rows"][index].as_u64().unwrap()))
            .collect();
        rows.sort_unstable();
        let end = rows.iter().fold(1, |next, [first, last]| {
            assert_eq!(*first, next, "{arguments}: a row is missing or comes twice");
            last + 1
        });
        assert_eq!(summary["rows"], end - 1, "{arguments}");
    }
}

#[test]
fn built_in_is_a_map() {
    let last = |map| {
        let outcome = simulate(&["--json", "--map", map]);
        events::all(outcome.code(0)).unwrap().pop().unwrap()["makespan"].clone()
    };
    assert_eq!(last("built-in"), last("blob"));
    assert_ne!(last("built-in"), last("flat"));
    simulate(&["--map", "nothing"]).code(2).speaks_to_a_person().says(&["built-in ones", "blob", "flat"]);
}

/// Each event has the rows of its strip, or none.
#[test]
fn events_tell_rows_that_there_are() {
    let outcome = simulate(&["--faults", "seed=7", "--json"]);
    let events = events::all(outcome.code(0)).unwrap();
    let mut ended = 0;
    for event in events.iter().filter(|event| event.contains_key("rows") && event["event"] != "summary") {
        let [first, last] = [0, 1].map(|index| event["rows"][index].as_u64().unwrap());
        assert!((1..=400).contains(&first) && (first..=400).contains(&last), "{event:?}");
        ended += u32::from(event["event"] == "ended");
    }
    assert!(ended > 0, "no strip ended with its rows");
}

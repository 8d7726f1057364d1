//! Random faults, each schedule of them by its seed: one that goes wrong is named, whatever happens.

use std::any::Any;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A schedule takes hundredths of a second; one of which nothing is heard for so long has no end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Fails with the seeds of which `wrong` says something, and with how each can be played again.
pub fn assert_none_is_wrong(seeds: Range<u64>, wrong: fn(u64) -> Vec<String>) {
    let failing = failing(seeds, PATIENCE, wrong);
    assert!(
        failing.is_empty(),
        "{}\n(with what a test checks beside: cargo run -p td -- simulate --faults seed=N)",
        failing.join("\n")
    );
}

/// A line for each seed of which `wrong` says something, in which it panics, or that it does not come back from.
fn failing(seeds: Range<u64>, patience: Duration, wrong: fn(u64) -> Vec<String>) -> Vec<String> {
    let (tell, hear) = mpsc::channel();
    let played = seeds.clone();
    // On a thread of its own, or a schedule without an end could not be told from one that takes long.
    thread::spawn(move || {
        for seed in played {
            let sentences = catch_unwind(|| wrong(seed)).unwrap_or_else(|payload| vec![panicked(&*payload)]);
            if tell.send(sentences).is_err() {
                return;
            }
        }
    });
    let mut failing = Vec::new();
    let replay = |seed: u64, what: &str| format!("td simulate --faults seed={seed}: {what}");
    for seed in seeds {
        let Ok(sentences) = hear.recv_timeout(patience) else {
            failing.push(replay(seed, &format!("no end within {patience:?}; later seeds were not tried")));
            break;
        };
        if !sentences.is_empty() {
            failing.push(replay(seed, &sentences.join("; ")));
        }
    }
    failing
}

fn panicked(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a word"))
}

#[test]
fn a_seed_that_is_wrong_panics_or_never_ends_is_named() {
    let told = failing(1..9, Duration::from_secs(10), |seed| match seed {
        2 => vec!["a row is missing".to_owned(), "a row came twice".to_owned()],
        4 => panic!("of seed {seed}"),
        6 => loop {
            thread::park();
        },
        _ => Vec::new(),
    });
    assert_eq!(
        told,
        [
            "td simulate --faults seed=2: a row is missing; a row came twice",
            "td simulate --faults seed=4: panicked: of seed 4",
            "td simulate --faults seed=6: no end within 10s; later seeds were not tried",
        ]
    );
}

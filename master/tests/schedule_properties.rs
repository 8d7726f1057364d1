//! Arbitrary clusters, jobs and events, sense and nonsense: the scheduler keeps its promises.

#[path = "schedule_support/adversary.rs"]
mod adversary;
#[path = "schedule_support/deeds.rs"]
mod deeds;

use adversary::{Adversary, Step};
use proptest::prelude::*;
use td::schedule::{Job, Sharing, WriteCost};
use td_protocol::rows::Rows;

fn jobs() -> impl Strategy<Value = Job> {
    let sharing = prop_oneof![
        4 => Just(Sharing::Rows),
        2 => Just(Sharing::WholeLeases),
        1 => Just(Sharing::OneLease)
    ];
    let fine = prop_oneof![Just(1u32), Just(8), Just(16), Just(32)];
    let done = proptest::collection::vec((0u32..900, 0u32..200), 0..4);
    let write = prop_oneof![Just(WriteCost::NONE), Just(WriteCost { top: 0.1, bottom: 4.0 })];
    (1u32..900, 0u32..40, 0u32..33, sharing, fine, done, write).prop_map(
        |(height, first, origin, sharing, fine_rows, done, write)| Job {
            rows: Rows::new(first.min(height - 1), height),
            band_origin: origin,
            sharing,
            fine_rows,
            write,
            done: done.into_iter().map(|(start, len)| Rows::new(start, start + len)).collect(),
            ..Job::banded(height)
        },
    )
}

/// What the scheduler is told of a cluster in which strips run and slots come and go, are slow, and answer or fall silent.
fn usual_steps() -> BoxedStrategy<Step> {
    prop_oneof![
        10 => any::<u32>().prop_map(|slot| Step::Trace { slot }),
        20 => (any::<u32>(), 0.01f64..20.0).prop_map(|(slot, cost)| Step::Band { slot, cost }),
        4 => any::<u32>().prop_map(|slot| Step::Complete { slot }),
        8 => any::<u32>().prop_map(|pick| Step::Answer { pick }),
        1 => any::<u32>().prop_map(|pick| Step::DropAnswer { pick }),
        2 => any::<u32>().prop_map(|slot| Step::Lose { slot }),
        3 => (any::<u32>(), 0.1f64..9.0).prop_map(|(slot, speed)| Step::Up { slot, speed }),
        1 => any::<u32>().prop_map(|node| Step::NodeOut { node }),
        1 => any::<u32>().prop_map(|node| Step::NodeDrain { node }),
        2 => any::<u32>().prop_map(|node| Step::NodeBack { node }),
        4 => (0.0f64..40.0).prop_map(|seconds| Step::Wait { seconds }),
        1 => proptest::collection::vec(-1.0f64..9.0, 0..20).prop_map(|costs| Step::Map { costs }),
        4 => any::<[u32; 6]>().prop_map(|numbers| Step::Nonsense { numbers }),
    ]
    .boxed()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        51 => usual_steps(),
        2 => any::<u32>().prop_map(|slot| Step::Fail { slot }),
        2 => any::<u32>().prop_map(|slot| Step::Yield { slot }),
        1 => (0u32..900, 0u32..90).prop_map(|(start, len)| Step::Elsewhere { start, len }),
        1 => (0u32..900, 0u32..90).prop_map(|(start, len)| Step::Refuse { start, len }),
        1 => Just(Step::Repeat),
    ];
    proptest::collection::vec(step, 0..150)
}

/// Slots stand still and agents are silent for most of the time; none comes anew, which would be allowed starts of its own.
fn steps_of_silence() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => any::<u32>().prop_map(|slot| Step::Trace { slot }),
        40 => (any::<u32>(), 0.01f64..20.0).prop_map(|(slot, cost)| Step::Band { slot, cost }),
        4 => any::<u32>().prop_map(|slot| Step::Complete { slot }),
        12 => any::<u32>().prop_map(|pick| Step::Answer { pick }),
        1 => any::<u32>().prop_map(|slot| Step::Lose { slot }),
        1 => any::<u32>().prop_map(|node| Step::NodeOut { node }),
        2 => any::<u32>().prop_map(|node| Step::NodeBack { node }),
        1 => proptest::collection::vec(-1.0f64..9.0, 0..20).prop_map(|costs| Step::Map { costs }),
        20 => (0.0f64..100.0).prop_map(|seconds| Step::Wait { seconds }),
        6 => any::<u32>().prop_map(|pick| Step::DropAnswer { pick }),
    ];
    proptest::collection::vec(step, 0..400)
}

/// As many as `PROPTEST_CASES` says.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Whatever happens: no panic, no row settled twice, starts within their bound, boundaries where they may be; and
    /// from any state the job comes to its end once the nodes behave, as long as one slot lives.
    #[test]
    fn every_row_is_settled_once_and_the_job_always_ends(
        job in jobs(),
        speeds in proptest::collection::vec(0.05f64..20.0, 1..12),
        steps in steps(),
    ) {
        let mut adversary = Adversary::new(job, &speeds);
        for step in steps {
            adversary.play(step).map_err(TestCaseError::fail)?;
        }
        adversary.behave().map_err(TestCaseError::fail)?;
    }

    /// Few slots and much silence, where the bound on starts is near: slots x (2 + log2 bands), plus lost slots, plus
    /// shrinks of way (b), and nothing more.
    #[test]
    fn silence_does_not_cost_more_starts_than_are_promised(
        job in jobs(),
        height in 1u32..900,
        speeds in proptest::collection::vec(0.05f64..20.0, 1..5),
        steps in steps_of_silence(),
    ) {
        let rows = Rows::new(job.rows.start.min(height - 1), height);
        let mut adversary = Adversary::new(Job { height, rows, done: Vec::new(), ..job }, &speeds);
        for step in steps {
            adversary.play(step).map_err(TestCaseError::fail)?;
        }
        adversary.behave().map_err(TestCaseError::fail)?;
    }

    /// POV-Rays that stand still for ever under agents that live, at any moment and with as few starts left as there may be:
    /// whoever is idle finishes their rows, and no more is started than is promised.
    #[test]
    fn what_stands_still_for_ever_is_finished_by_others(
        job in jobs(),
        height in prop_oneof![1u32..900, 1u32..120],
        speeds in proptest::collection::vec(0.05f64..20.0, 2..5),
        steps in steps_of_silence(),
        well in any::<u32>(),
    ) {
        let rows = Rows::new(job.rows.start.min(height - 1), height);
        let mut adversary = Adversary::new(Job { height, rows, done: Vec::new(), ..job }, &speeds);
        for step in steps {
            adversary.play(step).map_err(TestCaseError::fail)?;
        }
        adversary.outlast(well).map_err(TestCaseError::fail)?;
    }
}

/// A clock that leaps ahead, once: what was asked before is overdue, though the answer comes at an earlier moment.
#[test]
fn an_answer_after_a_leap_of_the_clock_is_late() {
    let job = Job { band_origin: 23, fine_rows: 16, done: vec![Rows::new(220, 247)], ..Job::banded(726) };
    let speeds = [8.5, 0.8, 3.78, 15.05, 7.64, 4.51, 0.05];
    let leap = Step::Nonsense { numbers: [0, 0, 0, 0, 0, 1_098_407_259] };
    let mut adversary = Adversary::new(job, &speeds);
    for step in [Step::Up { slot: 673_348_165, speed: 6.66 }, leap, Step::Band { slot: 1_650_801, cost: 0.01 }] {
        adversary.play(step).unwrap();
    }
    adversary.behave().unwrap();
}

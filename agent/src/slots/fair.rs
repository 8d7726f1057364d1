//! Who gets the next slot, and who gives one back. No clock, no lock.

use std::collections::HashMap;

/// A strip that one job yields to another has run so many times its own start, or what it costs to start again would be
/// more than a tenth ...
const STARTS: f64 = 10.0;
/// ... and within these bounds, in seconds.
const LEAST: f64 = 3.0;
const MOST: f64 = 120.0;

/// A slot that is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holding<'a> {
    pub job: &'a str,
    /// For how long, in seconds.
    pub seconds: f64,
    /// What its POV-Ray took until it traced; none before that, and for what cannot be ended early.
    pub start_seconds: Option<f64>,
    /// It was asked to yield, and is about to.
    pub asked: bool,
}

/// What is to be done for those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yield {
    Nothing,
    /// The holding at this place should be given back.
    Ask(usize),
}

fn counts<'a>(holdings: &[Holding<'a>]) -> HashMap<&'a str, usize> {
    let mut counts = HashMap::new();
    for holding in holdings.iter().filter(|holding| !holding.asked) {
        *counts.entry(holding.job).or_default() += 1;
    }
    counts
}

/// The place among `waiting` (in their order) of the strip that gets the next free slot: the first of the job that holds the
/// fewest.
#[must_use]
pub fn next(holdings: &[Holding<'_>], waiting: &[&str]) -> Option<usize> {
    let counts = counts(holdings);
    let held = |index: &usize| waiting.get(*index).and_then(|job| counts.get(job)).copied().unwrap_or(0);
    (0..waiting.len()).min_by_key(held)
}

/// Which strip yields its slot to the next that waits. One at a time; and never so that the jobs only change places, but for
/// a job that has nothing at all: it gets a turn.
#[must_use]
pub fn who_yields(holdings: &[Holding<'_>], waiting: &[&str]) -> Yield {
    if holdings.iter().any(|holding| holding.asked) {
        return Yield::Nothing;
    }
    let Some(wants) = next(holdings, waiting).and_then(|index| waiting.get(index)) else { return Yield::Nothing };
    let counts = counts(holdings);
    let held = |job: &str| counts.get(job).copied().unwrap_or(0);
    let has = held(wants);
    let may = |holding: &Holding<'_>| {
        let Some(start) = holding.start_seconds.filter(|_| holding.job != *wants) else { return false };
        let is_unfair = held(holding.job) >= has + 2;
        let had_its_turn = holding.seconds >= (start * STARTS).clamp(LEAST, MOST);
        is_unfair || (has == 0 && had_its_turn)
    };
    let candidates = holdings.iter().enumerate().filter(|(_, holding)| may(holding));
    // Of the job with the most slots the strip that has run longest.
    let order = |a: &(usize, &Holding<'_>), b: &(usize, &Holding<'_>)| {
        held(a.1.job).cmp(&held(b.1.job)).then(a.1.seconds.total_cmp(&b.1.seconds))
    };
    candidates.max_by(order).map_or(Yield::Nothing, |(index, _)| Yield::Ask(index))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holding(job: &str, seconds: f64) -> Holding<'_> {
        Holding { job, seconds, start_seconds: Some(0.5), asked: false }
    }

    #[test]
    fn the_job_with_the_fewest_slots_is_next() {
        let holdings = [holding("a", 1.0), holding("a", 1.0), holding("b", 1.0)];
        assert_eq!(next(&holdings, &["a", "b", "c", "c"]), Some(2));
        assert_eq!(next(&holdings, &["a", "b"]), Some(1));
        assert_eq!(next(&holdings, &[]), None);
    }

    #[test]
    fn a_second_job_gets_half_and_then_nobody_yields() {
        let all = [holding("a", 1.0), holding("a", 3.0), holding("a", 2.0), holding("a", 0.5)];
        assert_eq!(who_yields(&all, &["b", "b", "b", "b"]), Yield::Ask(1), "the longest first");
        let half = [holding("a", 900.0), holding("a", 900.0), holding("b", 900.0), holding("b", 900.0)];
        assert_eq!(who_yields(&half, &["b", "b", "a", "a"]), Yield::Nothing);
    }

    #[test]
    fn one_slot_changes_hands_in_turns_that_are_worth_their_starts() {
        assert_eq!(who_yields(&[holding("a", 4.0)], &["b"]), Yield::Nothing);
        assert_eq!(who_yields(&[holding("a", 5.0)], &["b"]), Yield::Ask(0));
        assert_eq!(who_yields(&[holding("a", 5000.0)], &["a"]), Yield::Nothing);
        let parses = Holding { start_seconds: None, ..holding("a", 5000.0) };
        assert_eq!(who_yields(&[parses], &["b"]), Yield::Nothing);
        let asked = Holding { asked: true, ..holding("a", 5000.0) };
        assert_eq!(who_yields(&[asked], &["b", "c"]), Yield::Nothing);
    }

    proptest! {
        /// Jobs that always want all slots come to equal shares, and every one of them has its turns.
        #[test]
        fn shares_become_equal_and_nobody_starves(slots in 1..6usize, jobs in 1..5usize) {
            let names: Vec<String> = (0..jobs).map(|job| job.to_string()).collect();
            let mut held: Vec<(usize, f64)> = vec![(0, 0.0); slots];
            let mut seconds = vec![0.0_f64; jobs];
            for _ in 0..4000 {
                let holdings: Vec<Holding<'_>> = held.iter().map(|(job, since)| holding(&names[*job], *since)).collect();
                let waiting: Vec<&str> = names.iter().map(String::as_str).collect();
                if let Yield::Ask(index) = who_yields(&holdings, &waiting) {
                    let others: Vec<Holding<'_>> =
                        holdings.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, other)| *other).collect();
                    // Who yields asks again behind the others.
                    let mut order: Vec<usize> = (0..jobs).filter(|job| *job != held[index].0).collect();
                    order.push(held[index].0);
                    order.sort_by(|a, b| seconds[*a].total_cmp(&seconds[*b]));
                    let waiting: Vec<&str> = order.iter().map(|job| names[*job].as_str()).collect();
                    let next = next(&others, &waiting).unwrap();
                    held[index] = (order[next], 0.0);
                }
                for (job, since) in &mut held {
                    *since += 0.5;
                    seconds[*job] += 0.5;
                }
            }
            let (least, most) = seconds.iter().fold((f64::MAX, 0.0_f64), |(l, m), s| (l.min(*s), m.max(*s)));
            prop_assert!(least > 0.0);
            if slots % jobs == 0 || slots < jobs {
                prop_assert!(least > 0.8 * most, "{seconds:?} of {slots} slots");
            }
        }
    }
}

//! Stories of nodes that draw right and wrong, and one property over all of them.

use proptest::prelude::*;

use super::*;

const TRUTH: u8 = 0;

fn node(number: u64) -> Maker {
    Maker(number)
}

fn picture(kind: u8) -> ContentHash {
    ContentHash([kind; 32])
}

fn rows(band: u32) -> Rows {
    Rows::new(band * 32, band * 32 + 32)
}

fn all(nodes: &[u64]) -> Vec<Witness> {
    nodes.iter().map(|&number| Witness { maker: node(number), slots: 1 }).collect()
}

/// Cases by the makers of these numbers.
fn jury(cases: &[(u64, u8)]) -> Jury {
    let mut jury = Jury::default();
    for (band, &(maker, kind)) in (0..).zip(cases) {
        jury.add(rows(band), node(maker), picture(kind));
    }
    jury
}

/// Plays to the end with nodes that draw what `draws` says; wrong ones are dismissed as they are found.
fn play(jury: &mut Jury, present: &[u64], draws: impl Fn(u64) -> u8) -> Vec<Finding> {
    let mut found = Vec::new();
    for _ in 0..10_000 {
        let (questions, findings) = jury.ask(&all(present));
        let mut new: Vec<Finding> = findings.into_iter().map(|(_, finding)| finding).collect();
        for Question { case, witness } in questions {
            let finding = jury.answer(case, witness, Some(picture(draws(witness.0))));
            if let Some(Finding::Wrong { wrong, .. }) = &finding {
                wrong.iter().for_each(|&wrong| jury.dismiss(wrong));
            }
            new.extend(finding);
        }
        found.extend(new);
        if jury.is_over() {
            return found;
        }
    }
    panic!("no end");
}

#[test]
fn two_that_agree_are_enough() {
    let mut jury = jury(&[(1, TRUTH), (2, TRUTH)]);
    let (questions, _) = jury.ask(&all(&[1, 2, 3]));
    assert_eq!(questions.len(), 2);
    assert!(questions.iter().all(|question| jury.case(question.case).unwrap().1 != question.witness));
    for question in questions {
        assert_eq!(jury.answer(question.case, question.witness, Some(picture(TRUTH))), Some(Finding::Same));
    }
    assert!(jury.is_over());
}

#[test]
fn a_third_tells_which_of_two_is_wrong() {
    let wrong = |wrong| Finding::Wrong { wrong: vec![node(wrong)], right: node(if wrong == 1 { 2 } else { 1 }) };
    // The maker is wrong.
    let mut one = jury(&[(1, 7)]);
    assert_eq!(play(&mut one, &[1, 2, 3], |_| TRUTH), [wrong(1)]);
    // The witness is.
    let mut two = jury(&[(1, TRUTH)]);
    assert_eq!(play(&mut two, &[1, 2, 3], |node| if node == 2 { 7 } else { TRUTH }), [wrong(2)]);
}

#[test]
fn two_alone_decide_nothing_unless_one_contradicts_itself() {
    let mut always = jury(&[(1, 7)]);
    let undecided = Finding::Undecided { nodes: vec![node(1), node(2)] };
    assert_eq!(play(&mut always, &[1, 2], |node| if node == 1 { 7 } else { TRUTH }), [undecided]);
    // Node 1 drew wrong once, and draws right when it is asked again.
    let mut once = jury(&[(1, 7)]);
    assert_eq!(play(&mut once, &[1, 2], |_| TRUTH), [Finding::Wrong { wrong: vec![node(1)], right: node(2) }]);
}

#[test]
fn one_node_alone_is_asked_again() {
    let mut same = jury(&[(1, TRUTH)]);
    assert_eq!(play(&mut same, &[1], |_| TRUTH), [Finding::Same]);
    let mut other = jury(&[(1, 7)]);
    assert_eq!(play(&mut other, &[1], |_| TRUTH), [Finding::Undecided { nodes: vec![node(1)] }]);
    let mut gone = jury(&[(1, TRUTH)]);
    assert_eq!(play(&mut gone, &[], |_| TRUTH), [Finding::Unchecked]);
}

#[test]
fn all_that_disagree_decide_nothing() {
    let mut jury = jury(&[(1, 1)]);
    let nodes = (1..=4).map(node).collect();
    assert_eq!(play(&mut jury, &[1, 2, 3, 4], |node| node as u8), [Finding::Undecided { nodes }]);
}

/// Nodes 1 and 2 differed in an earlier run.
#[test]
fn what_was_said_earlier_counts_when_a_third_comes() {
    let earlier = |maker_draws: u8| {
        let mut jury = jury(&[(1, maker_draws)]);
        jury.add_earlier([(node(1), picture(maker_draws)), (node(2), picture(7 - maker_draws))]);
        jury
    };
    // Whether those two are there or not.
    for present in [&[3][..], &[1, 3], &[2, 3], &[1, 2, 3]] {
        let wrong = |wrong, right| [Finding::Wrong { wrong: vec![node(wrong)], right: node(right) }];
        assert_eq!(play(&mut earlier(7), present, |_| TRUTH), wrong(1, 2), "{present:?}");
        assert_eq!(play(&mut earlier(TRUTH), present, |_| TRUTH), wrong(2, 1), "{present:?}");
    }
    // One alone cannot settle it by saying the same again.
    let undecided = [Finding::Undecided { nodes: vec![node(1), node(2)] }];
    for present in [&[][..], &[1], &[2]] {
        assert_eq!(play(&mut earlier(7), present, |node| if node == 1 { 7 } else { TRUTH }), undecided, "{present:?}");
    }
    assert_eq!(earlier(7).claims(0), [(node(1), picture(7)), (node(2), picture(TRUTH))]);
}

/// Node 2 draws wrong and made the first case; node 3 alone can help the second only.
#[test]
fn a_case_that_nobody_can_help_waits_for_the_others() {
    let mut both = jury(&[(2, 7), (1, TRUTH)]);
    both.add_earlier([(node(1), picture(TRUTH)), (node(2), picture(7))]);
    assert_eq!(both.undecided(), [1]);
    let wrong = Finding::Wrong { wrong: vec![node(2)], right: node(1) };
    assert_eq!(play(&mut both, &[3], |_| TRUTH), [wrong]);
    assert!(both.undecided().is_empty());

    let mut two = jury(&[(2, 7), (1, TRUTH)]);
    play(&mut two, &[1, 2], |node| if node == 2 { 7 } else { TRUTH });
    assert_eq!(two.undecided(), [0, 1]);
}

/// The rows in dispute were rendered again by another, and are as one of the two had said.
#[test]
fn an_earlier_word_that_agrees_is_enough() {
    let mut again = jury(&[(3, TRUTH)]);
    again.add_earlier([(node(2), picture(TRUTH))]);
    assert_eq!(play(&mut again, &[], |_| TRUTH), [Finding::Same]);
}

#[test]
fn what_a_lost_node_was_asked_is_asked_of_another() {
    let mut jury = jury(&[(1, TRUTH)]);
    let (questions, _) = jury.ask(&all(&[1, 2]));
    assert_eq!(questions, [Question { case: 0, witness: node(2) }]);
    jury.gone(node(2));
    // Its answer comes all the same, and counts no more.
    assert_eq!(jury.answer(0, node(2), Some(picture(7))), None);
    let (questions, _) = jury.ask(&all(&[1, 3]));
    assert_eq!(questions, [Question { case: 0, witness: node(3) }]);
}

/// A witness that fails has said nothing: the others come first, then it again, and the maker last.
#[test]
fn who_fails_is_asked_again_three_times_in_all() {
    let mut jury = jury(&[(1, TRUTH)]);
    for witness in [2, 3, 2, 3, 2, 3, 1, 1, 1] {
        let (questions, findings) = jury.ask(&all(&[1, 2, 3]));
        assert_eq!((questions, findings), (vec![Question { case: 0, witness: node(witness) }], vec![]));
        assert_eq!(jury.answer(0, node(witness), None), None);
    }
    assert_eq!(jury.ask(&all(&[1, 2, 3])).1, [(0, Finding::Unchecked)]);
}

#[test]
fn a_wrong_node_is_heard_no_more() {
    let mut jury = jury(&[(1, TRUTH), (2, 7), (2, 7)]);
    let found = play(&mut jury, &[1, 2, 3], |node| if node == 2 { 7 } else { TRUTH });
    // Found once, by whichever case came first; its other rows need no look.
    let wrong = found.iter().filter(|finding| matches!(finding, Finding::Wrong { .. })).count();
    assert_eq!(wrong, 1, "{found:?}");
    assert!(jury.ask(&all(&[1, 2, 3])).0.is_empty());
}

proptest! {
    /// With at least two nodes that draw right, and wrong ones that each draw wrong in a way of their own, all wrong rows are found
    /// and nobody else is blamed; it ends after a bounded number of questions.
    #[test]
    fn only_wrong_nodes_are_blamed(
        right in 2_u64..6,
        wrong in 0_u64..5,
        makers in proptest::collection::vec(0_u64..11, 1..30),
        order in any::<u64>(),
    ) {
        let count = right + wrong;
        // Which of them are wrong.
        let is_wrong = |number: u64| (number + order) % count < wrong;
        let draws = |number: u64| if is_wrong(number) { number as u8 + 1 } else { TRUTH };
        let cases: Vec<(u64, u8)> = makers.iter().map(|maker| (maker % count, draws(maker % count))).collect();
        let mut jury = jury(&cases);
        let present: Vec<u64> = (0..count).collect();
        let mut blamed = BTreeSet::new();
        for finding in play(&mut jury, &present, draws) {
            match finding {
                Finding::Same => {}
                Finding::Wrong { wrong, right } => {
                    prop_assert!(!is_wrong(right.0));
                    blamed.extend(wrong);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!(blamed.iter().all(|node| is_wrong(node.0)));
        for (maker, _) in cases {
            prop_assert!(!is_wrong(maker) || blamed.contains(&node(maker)));
        }
    }
}
